#include "agents/host/life.h"

#include <stddef.h>
#include <string.h>

void life_init(struct life *life, bool once, int64_t stop_ms, int64_t now_ms)
{
    *life = (struct life){.state = LIFE_STOPPED,
                          .once = once,
                          .dirty = true,
                          .since_ms = now_ms,
                          .stop_ms = stop_ms,
                          .pause_ms = LIFE_PAUSE_FIRST_MS};
}

const char *life_word(enum life_state state)
{
    static const char *const words[] = {
        [LIFE_STOPPED] = "stopped",   [LIFE_STARTING] = "starting", [LIFE_RUNNING] = "running",
        [LIFE_STOPPING] = "stopping", [LIFE_WAITING] = "waiting",   [LIFE_CRASHED] = "crashed"};
    return words[state];
}

int64_t life_due(const struct life *life)
{
    if (life->state == LIFE_WAITING)
        return life->dirty ? INT64_MAX : life->due_ms;
    return life->state == LIFE_STOPPING ? life->due_ms : INT64_MAX;
}

static void enter(struct life *life, enum life_state state, int64_t now_ms)
{
    if (life->state != state)
        life->since_ms = now_ms;
    life->state = state;
}

/* Starts as soon as nothing of it lives. */
static unsigned begin(struct life *life, int64_t now_ms)
{
    enter(life, LIFE_STARTING, now_ms);
    life->again = life->said = false;
    if (life->dirty)
        return LIFE_DO_KILL;
    life->alive = life->dirty = true;
    return LIFE_DO_SPAWN;
}

/* Forgets what went wrong before: somebody wants it anew. */
static void forgive(struct life *life)
{
    life->exits = 0;
    life->pause_ms = LIFE_PAUSE_FIRST_MS;
}

/* Notes an exit; whether it is the last that a crash loop has. */
static bool note_exit(struct life *life, int64_t now_ms)
{
    if (life->exits == LIFE_LOOP_EXITS) {
        memmove(life->exits_ms, life->exits_ms + 1, (LIFE_LOOP_EXITS - 1) * sizeof *life->exits_ms);
        life->exits--;
    }
    life->exits_ms[life->exits++] = now_ms;
    return life->exits == LIFE_LOOP_EXITS && now_ms - life->exits_ms[0] <= LIFE_LOOP_MS;
}

/* It has ended by itself and is wanted: the next start, or no more. */
static unsigned again_later(struct life *life, int64_t now_ms)
{
    if (life->state == LIFE_RUNNING && now_ms - life->since_ms >= LIFE_STEADY_MS)
        life->pause_ms = LIFE_PAUSE_FIRST_MS;
    if (note_exit(life, now_ms)) {
        enter(life, LIFE_CRASHED, now_ms);
        return LIFE_SAY_CRASH_LOOP;
    }
    enter(life, LIFE_WAITING, now_ms);
    life->restarts++;
    life->due_ms = now_ms + life->pause_ms;
    life->pause_ms = life->pause_ms * 2 < LIFE_PAUSE_LAST_MS ? life->pause_ms * 2 : LIFE_PAUSE_LAST_MS;
    return 0;
}

static unsigned stop(struct life *life, int64_t now_ms)
{
    bool asked = life->state == LIFE_STOPPING;
    life->again = false;
    if (asked)
        return 0;
    if (!life->dirty) {
        enter(life, LIFE_STOPPED, now_ms);
        return 0;
    }
    enter(life, LIFE_STOPPING, now_ms);
    life->said = false;
    life->due_ms = now_ms + life->stop_ms;
    return life->alive ? LIFE_DO_TERM : LIFE_DO_KILL;
}

static unsigned on_start(struct life *life, int64_t now_ms)
{
    switch (life->state) {
    case LIFE_STARTING:
    case LIFE_RUNNING:
        return 0;
    case LIFE_STOPPING:
        life->again = true;
        return 0;
    case LIFE_STOPPED:
    case LIFE_WAITING:
    case LIFE_CRASHED:
        forgive(life);
        return begin(life, now_ms);
    }
    return 0;
}

static unsigned on_restart(struct life *life, int64_t now_ms)
{
    if (!life->alive)
        return on_start(life, now_ms);
    unsigned actions = stop(life, now_ms);
    forgive(life);
    life->again = true;
    return actions;
}

/* The first process has ended. What else it started ends with it. */
static unsigned on_exit(struct life *life, bool well, int64_t now_ms)
{
    if (!life->alive)
        return 0;
    life->alive = false;
    if (life->state == LIFE_STOPPING)
        return LIFE_DO_KILL;
    if (well && life->once) {
        enter(life, LIFE_STOPPING, now_ms);
        life->due_ms = now_ms + life->stop_ms;
        life->again = life->said = false;
        return LIFE_DO_KILL;
    }
    return LIFE_DO_KILL | again_later(life, now_ms);
}

static unsigned on_failed(struct life *life, int64_t now_ms)
{
    if (!life->alive)
        return 0;
    life->alive = life->dirty = false;
    if (life->state == LIFE_STOPPING) {
        enter(life, LIFE_STOPPED, now_ms);
        return life->again ? begin(life, now_ms) : 0;
    }
    return again_later(life, now_ms);
}

static unsigned on_cleared(struct life *life, int64_t now_ms)
{
    if (life->alive)
        return 0;
    life->dirty = false;
    if (life->state == LIFE_STARTING)
        return begin(life, now_ms);
    if (life->state != LIFE_STOPPING)
        return 0;
    enter(life, LIFE_STOPPED, now_ms);
    return life->again ? begin(life, now_ms) : 0;
}

static unsigned on_tick(struct life *life, int64_t now_ms)
{
    if (now_ms < life_due(life))
        return 0;
    if (life->state == LIFE_WAITING)
        return begin(life, now_ms);
    /* Stopping: killed once when its time is over, then again and again, told once each. */
    unsigned actions = LIFE_DO_KILL | (life->alive && !life->said ? LIFE_SAY_UNSTOPPABLE : LIFE_SAY_STUCK);
    life->due_ms = now_ms + (life->said ? LIFE_PAUSE_LAST_MS : LIFE_STUCK_MS);
    life->said = true;
    return actions;
}

unsigned life_step(struct life *life, enum life_event event, int64_t now_ms)
{
    switch (event) {
    case LIFE_START:
        return on_start(life, now_ms);
    case LIFE_STOP:
        return stop(life, now_ms);
    case LIFE_RESTART:
        return on_restart(life, now_ms);
    case LIFE_RUNS:
        if (life->state == LIFE_STARTING && life->alive)
            enter(life, LIFE_RUNNING, now_ms);
        return 0;
    case LIFE_FAILED:
        return on_failed(life, now_ms);
    case LIFE_EXITED:
        return on_exit(life, false, now_ms);
    case LIFE_ENDED:
        return on_exit(life, true, now_ms);
    case LIFE_CLEARED:
        return on_cleared(life, now_ms);
    case LIFE_TICK:
        return on_tick(life, now_ms);
    }
    return 0;
}

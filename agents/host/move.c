#include "agents/host/move.h"

#include <string.h>

#define SAVE MOVE_DO_SAVE
#define HOLD (MOVE_DO_SAVE | MOVE_DO_HOLD)
#define BACK (HOLD | MOVE_DO_START) /* ours again */
#define MINE (HOLD | MOVE_DO_START) /* ours now */

struct row {
    enum move_phase phase;
    enum move_event event;
    enum move_phase next;
    unsigned actions;
};

/* All that can happen. */
static const struct row rows[] = {
    /* Gives. Whatever goes wrong before it is given ends the move. */
    {MOVE_OFFERING, MOVE_SAYS_AGREED, MOVE_STOPPING, HOLD | MOVE_DO_STOP},
    {MOVE_OFFERING, MOVE_SAYS_REFUSED, MOVE_ENDED, SAVE},
    {MOVE_OFFERING, MOVE_SAYS_FAILED, MOVE_ENDED, SAVE | MOVE_DO_DROP},
    {MOVE_OFFERING, MOVE_SAYS_HERE, MOVE_ENDED, SAVE | MOVE_DO_DROP},
    {MOVE_OFFERING, MOVE_SAYS_WOKEN, MOVE_ENDED, SAVE | MOVE_DO_DROP},
    {MOVE_STOPPING, MOVE_SAYS_STOPPED, MOVE_WRITING, SAVE | MOVE_DO_PACK},
    {MOVE_STOPPING, MOVE_SAYS_FAILED, MOVE_ENDED, BACK | MOVE_DO_DROP},
    {MOVE_STOPPING, MOVE_SAYS_HERE, MOVE_ENDED, BACK | MOVE_DO_DROP},
    {MOVE_STOPPING, MOVE_SAYS_WOKEN, MOVE_ENDED, BACK | MOVE_DO_DROP},
    {MOVE_WRITING, MOVE_SAYS_COMPLETE, MOVE_GIVEN, HOLD | MOVE_DO_COMMIT},
    {MOVE_WRITING, MOVE_SAYS_REFUSED, MOVE_ENDED, BACK},
    {MOVE_WRITING, MOVE_SAYS_FAILED, MOVE_ENDED, BACK | MOVE_DO_DROP},
    {MOVE_WRITING, MOVE_SAYS_HERE, MOVE_ENDED, BACK | MOVE_DO_DROP},
    {MOVE_WRITING, MOVE_SAYS_WOKEN, MOVE_ENDED, BACK | MOVE_DO_DROP},
    {MOVE_GIVEN, MOVE_SAYS_OWNED, MOVE_MOVED, HOLD | MOVE_DO_CLEAR},
    {MOVE_GIVEN, MOVE_SAYS_REFUSED, MOVE_ENDED, BACK},
    {MOVE_GIVEN, MOVE_SAYS_TICK, MOVE_GIVEN, MOVE_DO_COMMIT},
    {MOVE_GIVEN, MOVE_SAYS_WOKEN, MOVE_GIVEN, MOVE_DO_COMMIT},
    {MOVE_GIVEN, MOVE_SAYS_HERE, MOVE_KEPT, BACK | MOVE_DO_DROP},
    {MOVE_GIVEN, MOVE_SAYS_THERE, MOVE_LEFT, HOLD | MOVE_DO_COMMIT},
    {MOVE_MOVED, MOVE_SAYS_WOKEN, MOVE_MOVED, MOVE_DO_CLEAR},
    {MOVE_KEPT, MOVE_SAYS_DROPPED, MOVE_ENDED, SAVE},
    {MOVE_KEPT, MOVE_SAYS_OWNED, MOVE_TWICE, HOLD | MOVE_DO_STOP | MOVE_DO_TELL},
    {MOVE_KEPT, MOVE_SAYS_TICK, MOVE_KEPT, MOVE_DO_DROP},
    {MOVE_KEPT, MOVE_SAYS_WOKEN, MOVE_KEPT, MOVE_DO_DROP | MOVE_DO_START},
    {MOVE_LEFT, MOVE_SAYS_OWNED, MOVE_MOVED, HOLD | MOVE_DO_CLEAR},
    {MOVE_LEFT, MOVE_SAYS_REFUSED, MOVE_LEFT, SAVE | MOVE_DO_TELL},
    {MOVE_LEFT, MOVE_SAYS_HERE, MOVE_KEPT, BACK | MOVE_DO_DROP},
    {MOVE_LEFT, MOVE_SAYS_TICK, MOVE_LEFT, MOVE_DO_COMMIT},
    {MOVE_LEFT, MOVE_SAYS_WOKEN, MOVE_LEFT, MOVE_DO_COMMIT},
    {MOVE_TWICE, MOVE_SAYS_THERE, MOVE_MOVED, HOLD | MOVE_DO_CLEAR},
    {MOVE_TWICE, MOVE_SAYS_WOKEN, MOVE_TWICE, MOVE_DO_TELL},
    /* Takes. */
    {MOVE_OFFERED, MOVE_SAYS_COMPLETE, MOVE_RECEIVED, HOLD},
    {MOVE_OFFERED, MOVE_SAYS_REFUSED, MOVE_DROPPED, SAVE | MOVE_DO_CLEAR},
    {MOVE_OFFERED, MOVE_SAYS_COMMIT, MOVE_DROPPED, SAVE | MOVE_DO_CLEAR},
    {MOVE_OFFERED, MOVE_SAYS_DROP, MOVE_DROPPED, SAVE | MOVE_DO_CLEAR},
    {MOVE_OFFERED, MOVE_SAYS_ENDED, MOVE_DROPPED, SAVE | MOVE_DO_CLEAR},
    {MOVE_OFFERED, MOVE_SAYS_UNKNOWN, MOVE_DROPPED, SAVE | MOVE_DO_CLEAR},
    {MOVE_OFFERED, MOVE_SAYS_THERE, MOVE_DROPPED, SAVE | MOVE_DO_CLEAR},
    {MOVE_OFFERED, MOVE_SAYS_WOKEN, MOVE_DROPPED, SAVE | MOVE_DO_CLEAR},
    {MOVE_OFFERED, MOVE_SAYS_TICK, MOVE_OFFERED, MOVE_DO_ASK},
    {MOVE_RECEIVED, MOVE_SAYS_COMMIT, MOVE_OWNED, MINE},
    {MOVE_RECEIVED, MOVE_SAYS_GIVEN, MOVE_OWNED, MINE},
    {MOVE_RECEIVED, MOVE_SAYS_DROP, MOVE_DROPPED, SAVE | MOVE_DO_CLEAR},
    {MOVE_RECEIVED, MOVE_SAYS_ENDED, MOVE_DROPPED, SAVE | MOVE_DO_CLEAR},
    {MOVE_RECEIVED, MOVE_SAYS_UNKNOWN, MOVE_DROPPED, SAVE | MOVE_DO_CLEAR},
    {MOVE_RECEIVED, MOVE_SAYS_TICK, MOVE_RECEIVED, MOVE_DO_ASK},
    {MOVE_RECEIVED, MOVE_SAYS_WOKEN, MOVE_RECEIVED, MOVE_DO_ASK},
    {MOVE_RECEIVED, MOVE_SAYS_HERE, MOVE_TAKEN, MINE | MOVE_DO_ASK},
    {MOVE_RECEIVED, MOVE_SAYS_THERE, MOVE_DROPPED, SAVE | MOVE_DO_CLEAR},
    {MOVE_OWNED, MOVE_SAYS_MOVED, MOVE_SETTLED, SAVE},
    {MOVE_OWNED, MOVE_SAYS_UNKNOWN, MOVE_SETTLED, SAVE},
    {MOVE_OWNED, MOVE_SAYS_TICK, MOVE_OWNED, MOVE_DO_ASK},
    {MOVE_OWNED, MOVE_SAYS_WOKEN, MOVE_OWNED, MOVE_DO_ASK | MOVE_DO_START},
    {MOVE_TAKEN, MOVE_SAYS_COMMIT, MOVE_OWNED, SAVE},
    {MOVE_TAKEN, MOVE_SAYS_GIVEN, MOVE_OWNED, SAVE},
    {MOVE_TAKEN, MOVE_SAYS_MOVED, MOVE_SETTLED, SAVE},
    {MOVE_TAKEN, MOVE_SAYS_ENDED, MOVE_DOUBLE, HOLD | MOVE_DO_STOP | MOVE_DO_TELL},
    {MOVE_TAKEN, MOVE_SAYS_UNKNOWN, MOVE_DOUBLE, HOLD | MOVE_DO_STOP | MOVE_DO_TELL},
    {MOVE_TAKEN, MOVE_SAYS_TICK, MOVE_TAKEN, MOVE_DO_ASK},
    {MOVE_TAKEN, MOVE_SAYS_WOKEN, MOVE_TAKEN, MOVE_DO_ASK | MOVE_DO_START},
    {MOVE_DROPPED, MOVE_SAYS_TICK, MOVE_DROPPED, MOVE_DO_CLEAR},
    {MOVE_DROPPED, MOVE_SAYS_WOKEN, MOVE_DROPPED, MOVE_DO_CLEAR},
    {MOVE_DOUBLE, MOVE_SAYS_THERE, MOVE_DROPPED, SAVE | MOVE_DO_CLEAR},
    {MOVE_DOUBLE, MOVE_SAYS_WOKEN, MOVE_DOUBLE, MOVE_DO_TELL},
};

static const struct row *row_of(enum move_phase phase, enum move_event event)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].phase == phase && rows[i].event == event)
            return &rows[i];
    return NULL;
}

/* In these phases it hangs on the other side's word. */
static bool hangs(enum move_phase phase)
{
    return phase == MOVE_GIVEN || phase == MOVE_RECEIVED;
}

static int64_t pause_of(enum move_phase phase)
{
    return phase == MOVE_OWNED || phase == MOVE_OFFERED ? MOVE_SETTLE_MS : MOVE_AGAIN_MS;
}

unsigned move_step(struct move *move, enum move_event event, int64_t now_ms)
{
    if (event == MOVE_SAYS_FAILED && hangs(move->phase)) {
        if (move->undecided || now_ms - move->since_ms < MOVE_PATIENCE_MS)
            return 0;
        move->undecided = true;
        return HOLD | MOVE_DO_TELL;
    }
    const struct row *row = row_of(move->phase, event);
    if (row == NULL || (event == MOVE_SAYS_TICK && now_ms < move->due_ms))
        return 0;
    if (row->next != move->phase) {
        move->phase = row->next;
        move->since_ms = now_ms;
        move->undecided = false;
    }
    if ((row->actions & MOVE_DO_TELL) != 0)
        move->undecided = true;
    move->due_ms = now_ms + pause_of(move->phase);
    return row->actions;
}

bool move_gives(const struct move *move)
{
    return move->phase < MOVE_OFFERED;
}

bool move_is_over(const struct move *move)
{
    return move->phase == MOVE_MOVED || move->phase == MOVE_ENDED || move->phase == MOVE_SETTLED ||
           move->phase == MOVE_DROPPED;
}

bool move_may_run(const struct move *move)
{
    return move_hold(move) == MOVE_HOLD_FREE;
}

enum move_hold move_hold(const struct move *move)
{
    static const enum move_hold holds[MOVE_PHASE_COUNT] = {
        [MOVE_OFFERING] = MOVE_HOLD_FREE,   [MOVE_STOPPING] = MOVE_HOLD_MOVING,
        [MOVE_WRITING] = MOVE_HOLD_MOVING,  [MOVE_GIVEN] = MOVE_HOLD_MOVING,
        [MOVE_MOVED] = MOVE_HOLD_MOVED,     [MOVE_ENDED] = MOVE_HOLD_FREE,
        [MOVE_KEPT] = MOVE_HOLD_FREE,       [MOVE_LEFT] = MOVE_HOLD_MOVED,
        [MOVE_TWICE] = MOVE_HOLD_UNDECIDED, [MOVE_OFFERED] = MOVE_HOLD_MOVING,
        [MOVE_RECEIVED] = MOVE_HOLD_MOVING, [MOVE_OWNED] = MOVE_HOLD_FREE,
        [MOVE_TAKEN] = MOVE_HOLD_FREE,      [MOVE_SETTLED] = MOVE_HOLD_FREE,
        [MOVE_DROPPED] = MOVE_HOLD_MOVING,  [MOVE_DOUBLE] = MOVE_HOLD_UNDECIDED,
    };
    return move->undecided && hangs(move->phase) ? MOVE_HOLD_UNDECIDED : holds[move->phase];
}

static const char *const words[] = {
#define MOVE_X(name, word) word,
    MOVE_PHASES(MOVE_X)
#undef MOVE_X
};

const char *move_word(enum move_phase phase)
{
    return words[phase];
}

bool move_phase_of(const char *word, enum move_phase *out)
{
    for (size_t i = 0; i < MOVE_PHASE_COUNT; i++)
        if (strcmp(words[i], word) == 0) {
            *out = (enum move_phase)i;
            return true;
        }
    return false;
}

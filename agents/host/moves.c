#include "agents/host/moves_state.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

/* -- the list ------------------------------------------------------------------------------------------- */

struct moves *moves_open(const struct moves_world *world, const char *platform)
{
    struct moves *moves = calloc(1, sizeof *moves);
    CHECK(moves != NULL);
    moves->world = world;
    snprintf(moves->platform, sizeof moves->platform, "%s", platform);
    return moves;
}

void moves_close(struct moves *moves)
{
    if (moves == NULL)
        return;
    moves_call_none(moves);
    for (size_t i = 0; i < moves->count; i++)
        free(moves->movers[i]);
    free(moves);
}

struct mover *moves_mover(const struct moves *moves, const char *id)
{
    for (size_t i = 0; i < moves->count; i++)
        if (strcmp(moves->movers[i]->move.id, id) == 0)
            return moves->movers[i];
    return NULL;
}

const struct move *moves_find(const struct moves *moves, const char *id)
{
    const struct mover *mover = moves_mover(moves, id);
    return mover != NULL ? &mover->move : NULL;
}

bool moves_is_asking(const struct moves *moves, const char *id)
{
    const struct mover *mover = moves_mover(moves, id);
    return mover != NULL && mover->word != WORD_NONE;
}

struct mover *moves_of_name(const struct moves *moves, const char *name)
{
    for (size_t i = 0; i < moves->count; i++) {
        const struct move *move = &moves->movers[i]->move;
        bool waits = move->phase == MOVE_OWNED || move->phase == MOVE_KEPT;
        if (strcmp(move->name, name) == 0 && !waits && (!move_is_over(move) || move->phase == MOVE_DROPPED))
            return moves->movers[i];
    }
    return NULL;
}

void moves_remove(struct moves *moves, struct mover *mover)
{
    for (size_t i = 0; i < moves->count; i++)
        if (moves->movers[i] == mover) {
            memmove(&moves->movers[i], &moves->movers[i + 1], (moves->count - i - 1) * sizeof *moves->movers);
            moves->count--;
            free(mover);
            return;
        }
}

/* Forgets the oldest ones that are over, when there are too many. */
static void prune(struct moves *moves)
{
    size_t over = 0;
    for (size_t i = 0; i < moves->count; i++)
        over += move_is_over(&moves->movers[i]->move);
    for (size_t i = 0; i < moves->count && over > MOVES_OVER_MAX;) {
        struct mover *mover = moves->movers[i];
        bool goes = move_is_over(&mover->move) && mover->cleared && mover->flight == 0;
        if (goes && moves->world->forget(moves->world->context, &mover->move, NULL) == BB_OK) {
            moves_remove(moves, mover);
            over--;
        } else {
            i++;
        }
    }
}

struct mover *moves_add(struct moves *moves, const struct move *move)
{
    size_t open = 0;
    prune(moves);
    for (size_t i = 0; i < moves->count; i++)
        open += !move_is_over(&moves->movers[i]->move);
    if (open >= MOVES_OPEN_MAX || moves->count >= sizeof moves->movers / sizeof *moves->movers)
        return NULL;
    struct mover *mover = calloc(1, sizeof *mover);
    CHECK(mover != NULL);
    mover->move = *move;
    mover->size = -1;
    moves->movers[moves->count++] = mover;
    return mover;
}

/* -- what happens --------------------------------------------------------------------------------------- */

static void clear(struct moves *moves, struct mover *mover)
{
    const struct moves_world *world = moves->world;
    struct bb_reason reason = {""};
    mover->cleared = world->clear(world->context, &mover->move, &reason) == BB_OK;
    if (!mover->cleared)
        mover->move.reason = reason;
    if (!mover->cleared || mover->move.phase != MOVE_DROPPED ||
        world->forget(world->context, &mover->move, NULL) != BB_OK)
        return;
    struct move gone = mover->move;
    moves_remove(moves, mover);
    world->changed(world->context, &gone);
}

/* What is to be done after it was saved. What calls back comes last, since the mover may be gone then. */
static void perform(struct moves *moves, struct mover *mover, unsigned todo)
{
    const struct moves_world *world = moves->world;
    const struct move *move = &mover->move;
    if ((todo & MOVE_DO_TELL) != 0)
        world->alert(world->context, move);
    if ((todo & MOVE_DO_START) != 0 && move->ran)
        world->start(world->context, move);
    if (move_gives(move) && (move_is_over(move) || move->phase == MOVE_KEPT))
        world->discard(world->context, move);
    mover->working = (todo & (MOVE_DO_STOP | MOVE_DO_PACK)) != 0 && move->phase != MOVE_TWICE &&
                     move->phase != MOVE_DOUBLE;
    if ((todo & MOVE_DO_COMMIT) != 0)
        moves_call_commit(moves, mover);
    else if ((todo & MOVE_DO_DROP) != 0)
        moves_call_drop(moves, mover);
    else if ((todo & MOVE_DO_ASK) != 0)
        moves_call_ask(moves, mover);
    else if ((todo & MOVE_DO_STOP) != 0)
        world->stop(world->context, move);
    else if ((todo & MOVE_DO_PACK) != 0)
        world->pack(world->context, move);
    else if ((todo & MOVE_DO_CLEAR) != 0)
        clear(moves, mover);
}

bool moves_happen(struct moves *moves, struct mover *mover, enum move_event event, const char *why)
{
    const struct moves_world *world = moves->world;
    struct bb_reason reason = {""};
    struct move next = mover->move;
    unsigned todo = move_step(&next, event, world->now_ms(world->context));
    if (why != NULL && why[0] != '\0' && (todo != 0 || event == MOVE_SAYS_FAILED))
        bb_reason_say(&next.reason, "%s", why);
    else if (next.phase != mover->move.phase)
        next.reason.text[0] = '\0';
    if ((todo & MOVE_DO_SAVE) != 0 &&
        world->save(world->context, &next, (todo & MOVE_DO_HOLD) != 0, &reason) != BB_OK) {
        mover->move.reason = reason;
        return false;
    }
    bool changed = next.phase != mover->move.phase || next.undecided != mover->move.undecided;
    if (next.phase != mover->move.phase) {
        mover->flight = 0; /* answers to what was asked before say nothing any more */
        mover->word = WORD_NONE;
    }
    mover->move = next;
    if (move_is_over(&next) && (todo & MOVE_DO_CLEAR) == 0)
        mover->cleared = true;
    if (changed)
        world->changed(world->context, &mover->move);
    perform(moves, mover, todo);
    return true;
}

/* -- starting, waking, time ------------------------------------------------------------------------------ */

void moves_load(struct moves *moves, const struct move *row)
{
    struct mover *mover = calloc(1, sizeof *mover);
    CHECK(mover != NULL);
    if (moves->count == sizeof moves->movers / sizeof *moves->movers) {
        free(mover); /* more than were ever saved: a stranger's file */
        return;
    }
    mover->move = *row;
    mover->move.due_ms = 0;
    mover->size = -1;
    mover->cleared = move_is_over(row) && row->phase != MOVE_MOVED && row->phase != MOVE_DROPPED;
    size_t at = moves->count++;
    for (; at > 0 && moves->movers[at - 1]->move.since_ms > row->since_ms; at--)
        moves->movers[at] = moves->movers[at - 1];
    moves->movers[at] = mover;
}

/* Calls `each` for every mover, also when it removes some. */
static void for_each(struct moves *moves, void (*each)(struct moves *moves, struct mover *mover))
{
    char ids[sizeof moves->movers / sizeof *moves->movers][MOVE_ID_SIZE];
    size_t count = moves->count;
    for (size_t i = 0; i < count; i++)
        memcpy(ids[i], moves->movers[i]->move.id, MOVE_ID_SIZE);
    for (size_t i = 0; i < count; i++) {
        struct mover *mover = moves_mover(moves, ids[i]);
        if (mover != NULL)
            each(moves, mover);
    }
}

static void wake(struct moves *moves, struct mover *mover)
{
    static const char why[] = "agentd ended in the middle of it";
    bool early = !move_is_over(&mover->move) && mover->move.phase < MOVE_GIVEN;
    (void)moves_happen(moves, mover, MOVE_SAYS_WOKEN,
                       early || mover->move.phase == MOVE_OFFERED ? why : NULL);
}

void moves_wake(struct moves *moves)
{
    for_each(moves, wake);
}

/* What waits for nothing and yet is in the middle was not able to save its end. */
static void tick(struct moves *moves, struct mover *mover)
{
    bool idle = !mover->working && mover->flight == 0;
    if (!idle)
        return;
    if (mover->move.phase == MOVE_MOVED && !mover->cleared)
        clear(moves, mover);
    else if (mover->move.phase == MOVE_WRITING && mover->size >= 0)
        moves_call_write(moves, mover);
    else if (mover->move.phase < MOVE_GIVEN)
        (void)moves_happen(moves, mover, MOVE_SAYS_FAILED,
                           mover->move.reason.text[0] != '\0' ? NULL : "it was interrupted");
    else
        (void)moves_happen(moves, mover, MOVE_SAYS_TICK, NULL);
}

void moves_tick(struct moves *moves)
{
    for_each(moves, tick);
}

/* -- the operator --------------------------------------------------------------------------------------- */

static enum status check_start(const struct moves *moves, const char *name, const char *platform,
                               struct bb_reason *reason)
{
    if (strlen(name) >= MOVE_NAME_SIZE || platform[0] == '\0' || strlen(platform) >= MOVE_PLATFORM_SIZE) {
        bb_reason_say(reason, "a platform's name has 1 to %d characters", MOVE_PLATFORM_SIZE - 1);
        return BB_RANGE;
    }
    if (moves->platform[0] == '\0') {
        bb_reason_say(reason, "this platform has no name yet: busbar init --federation NAME gives it one");
        return BB_RANGE;
    }
    if (strcmp(platform, moves->platform) == 0) {
        bb_reason_say(reason, "it is on %.63s already", platform);
        return BB_RANGE;
    }
    const struct mover *other = moves_of_name(moves, name);
    if (other == NULL)
        return BB_OK;
    bb_reason_say(reason, "%.63s is being moved already: from %.63s to %.63s, %s", name, other->move.from,
                  other->move.to, move_word(other->move.phase));
    return BB_EXISTS;
}

enum status moves_start(struct moves *moves, const char *name, const char *platform, struct bb_reason *reason,
                        struct move *out)
{
    const struct moves_world *world = moves->world;
    struct move move = {.phase = MOVE_OFFERING, .since_ms = world->now_ms(world->context)};
    json_t *about = NULL;
    enum status status = check_start(moves, name, platform, reason);
    if (status == BB_OK)
        status = world->offer(world->context, name, &move.ran, &about, reason);
    if (status != BB_OK)
        return status;
    world->random(world->context, move.id);
    snprintf(move.name, sizeof move.name, "%s", name);
    snprintf(move.from, sizeof move.from, "%s", moves->platform);
    snprintf(move.to, sizeof move.to, "%s", platform);
    struct mover *mover = moves_add(moves, &move);
    if (mover == NULL) {
        bb_reason_say(reason, "%d moves are under way already", MOVES_OPEN_MAX);
        status = BB_FULL;
    } else {
        status = world->save(world->context, &mover->move, false, reason);
        if (status != BB_OK)
            moves_remove(moves, mover);
    }
    if (status != BB_OK) {
        json_decref(about);
        return status;
    }
    moves_call_offer(moves, mover, about);
    mover = moves_mover(moves, move.id);
    *out = mover != NULL ? mover->move : move;
    return BB_OK;
}

/* In these phases the other side is asked before the operator's word counts. */
static bool asks_first(enum move_phase phase, bool here)
{
    return phase == MOVE_GIVEN || (phase == MOVE_RECEIVED && here) || (phase == MOVE_LEFT && here);
}

enum status moves_resolve(struct moves *moves, const char *name, bool here, struct bb_reason *reason,
                          struct move *out)
{
    struct mover *mover = moves_of_name(moves, name);
    if (mover == NULL) {
        bb_reason_say(reason, "no move of %.63s is to be decided", name);
        return BB_NOT_FOUND;
    }
    enum move_event event = here ? MOVE_SAYS_HERE : MOVE_SAYS_THERE;
    struct move next = mover->move;
    if (move_step(&next, event, 0) == 0) {
        bb_reason_say(reason, "the move of %.63s is %s: it cannot be decided to run %s now", name,
                      move_word(mover->move.phase), here ? "here" : "there");
        return BB_EXISTS;
    }
    if (asks_first(mover->move.phase, here)) {
        mover->word = here ? WORD_HERE : WORD_THERE;
        if (mover->move.phase == MOVE_RECEIVED)
            moves_call_ask(moves, mover);
        else if (here)
            moves_call_drop(moves, mover);
        else
            moves_call_commit(moves, mover);
    } else if (!moves_happen(moves, mover, event, "by the operator's word")) {
        *reason = mover->move.reason;
        return BB_IO;
    }
    mover = moves_mover(moves, next.id);
    *out = mover != NULL ? mover->move : next;
    return BB_OK;
}

/* -- telling -------------------------------------------------------------------------------------------- */

json_t *moves_json(const struct move *move)
{
    json_t *json = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:I,s:s}", "id", move->id, "name", move->name,
                             "from", move->from, "to", move->to, "phase", move_word(move->phase), "undecided",
                             move->undecided, "over", move_is_over(move), "since_ms",
                             (json_int_t)move->since_ms, "reason", move->reason.text);
    CHECK(json != NULL);
    return json;
}

json_t *moves_list(const struct moves *moves)
{
    json_t *list = json_array();
    for (size_t i = moves->count; i-- > 0;)
        json_array_append_new(list, moves_json(&moves->movers[i]->move));
    return json_pack("{s:o}", "moves", list);
}

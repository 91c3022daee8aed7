/* What is asked of the other side, and what its answers mean. */
#include "agents/host/moves_state.h"

#include "bus/client/base64.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

/* Pieces that may stay unanswered in a row before the move ends. */
#define FAILURES_MAX 5

enum question { ASK_OFFER, ASK_WRITE, ASK_COMMIT, ASK_DROP, ASK_STATE };

/* A call on its way. `moves` is NULL when nobody waits for the answer any more. */
struct errand {
    struct moves *moves;
    struct errand *next;
    char id[MOVE_ID_SIZE];
    uint64_t flight;
    enum question question;
};

/* -- answers -------------------------------------------------------------------------------------------- */

static bool is_true(const json_t *answer, const char *member)
{
    return json_is_true(json_object_get(answer, member));
}

static const char *text_of(const json_t *answer, const char *member)
{
    const char *text = json_string_value(json_object_get(answer, member));
    return text != NULL ? text : "";
}

static void on_offer(struct moves *moves, struct mover *mover, const json_t *answer)
{
    const char *ticket = text_of(answer, "ticket");
    if (!is_true(answer, "taken")) {
        (void)moves_happen(moves, mover, MOVE_SAYS_REFUSED, text_of(answer, "reason"));
    } else if (strlen(ticket) != MOVE_ID_SIZE - 1) {
        (void)moves_happen(moves, mover, MOVE_SAYS_FAILED, "the answer there is not understood");
    } else {
        memcpy(mover->move.ticket, ticket, MOVE_ID_SIZE);
        (void)moves_happen(moves, mover, MOVE_SAYS_AGREED, NULL);
    }
}

static void on_write(struct moves *moves, struct mover *mover, const json_t *answer)
{
    int64_t there = json_integer_value(json_object_get(answer, "received"));
    mover->failures = 0;
    if (json_is_false(json_object_get(answer, "taken")))
        (void)moves_happen(moves, mover, MOVE_SAYS_REFUSED, text_of(answer, "reason"));
    else if (is_true(answer, "complete"))
        (void)moves_happen(moves, mover, MOVE_SAYS_COMPLETE, NULL);
    else if (there < 0 || there > mover->size)
        (void)moves_happen(moves, mover, MOVE_SAYS_FAILED, "the answer there is not understood");
    else if (there < mover->size) {
        mover->there = there;
        moves_call_write(moves, mover);
    } else {
        mover->there = there; /* it checks: the next tick asks again */
    }
}

static void on_commit(struct moves *moves, struct mover *mover, const json_t *answer)
{
    if (is_true(answer, "owned"))
        (void)moves_happen(moves, mover, MOVE_SAYS_OWNED, NULL);
    else if (json_is_false(json_object_get(answer, "owned")))
        (void)moves_happen(moves, mover, MOVE_SAYS_REFUSED, text_of(answer, "reason"));
}

static void on_drop(struct moves *moves, struct mover *mover, const json_t *answer)
{
    bool asked = mover->word == WORD_HERE, dropped = is_true(answer, "dropped");
    if (!dropped && !json_is_false(json_object_get(answer, "dropped")))
        return;
    enum move_event event = dropped ? MOVE_SAYS_DROPPED : MOVE_SAYS_OWNED;
    if (asked && dropped)
        event = mover->move.phase == MOVE_LEFT ? MOVE_SAYS_HERE : MOVE_SAYS_REFUSED;
    (void)moves_happen(moves, mover, event,
                       !asked    ? NULL
                       : dropped ? "by the operator's word; it was not taken there"
                                 : "it is owned there already");
}

static void on_state(struct moves *moves, struct mover *mover, const json_t *answer)
{
    static const struct {
        const char *word;
        enum move_event event;
    } events[] = {{"given", MOVE_SAYS_GIVEN},
                  {"moved", MOVE_SAYS_MOVED},
                  {"ended", MOVE_SAYS_ENDED},
                  {"unknown", MOVE_SAYS_UNKNOWN}};
    const char *word = text_of(answer, "state");
    mover->word = WORD_NONE;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (strcmp(events[i].word, word) == 0) {
            (void)moves_happen(moves, mover, events[i].event,
                               i >= 2 ? "the other platform has not given it" : NULL);
            return;
        }
}

static void fail(struct moves *moves, struct mover *mover, const char *why)
{
    enum moves_word word = mover->word;
    mover->word = WORD_NONE;
    if (word != WORD_NONE)
        (void)moves_happen(moves, mover, word == WORD_HERE ? MOVE_SAYS_HERE : MOVE_SAYS_THERE,
                           "by the operator's word");
    else if (mover->move.phase == MOVE_WRITING && ++mover->failures < FAILURES_MAX)
        bb_reason_say(&mover->move.reason, "%s", why); /* the next tick tries again */
    else
        (void)moves_happen(moves, mover, MOVE_SAYS_FAILED, why);
}

/* What an error object or a status says, in a sentence. */
static void say_why(const struct mover *mover, enum status status, const json_t *answer,
                    struct bb_reason *reason)
{
    const char *platform = move_gives(&mover->move) ? mover->move.to : mover->move.from;
    const char *text = json_string_value(json_object_get(answer, "message"));
    bb_reason_say(reason, "agentd@%s: %.300s", platform, text != NULL ? text : bb_status_text(status));
}

static void unlink_errand(struct errand *errand)
{
    struct errand **at = &errand->moves->errands;
    while (*at != errand)
        at = &(*at)->next;
    *at = errand->next;
}

static void on_reply(void *context, enum status status, const char *json)
{
    static void (*const takes[])(struct moves *, struct mover *, const json_t *) = {
        [ASK_OFFER] = on_offer, [ASK_WRITE] = on_write, [ASK_COMMIT] = on_commit,
        [ASK_DROP] = on_drop,   [ASK_STATE] = on_state,
    };
    struct errand *errand = context;
    struct moves *moves = errand->moves;
    if (moves == NULL) {
        free(errand);
        return;
    }
    unlink_errand(errand);
    struct mover *mover = moves_mover(moves, errand->id);
    if (mover != NULL && mover->flight == errand->flight) {
        json_t *answer = json != NULL ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
        struct bb_reason reason = {""};
        bool asked = mover->word != WORD_NONE;
        struct move before = mover->move;
        mover->flight = 0;
        if (status == BB_OK && json_is_object(answer)) {
            takes[errand->question](moves, mover, answer);
        } else {
            say_why(mover, status == BB_OK ? BB_MALFORMED : status, answer, &reason);
            fail(moves, mover, reason.text);
        }
        json_decref(answer);
        mover = moves_mover(moves, before.id);
        if (mover != NULL)
            mover->word = mover->flight == 0 ? WORD_NONE : mover->word;
        if (asked && mover != NULL && mover->move.phase == before.phase)
            moves->world->changed(moves->world->context, &mover->move);
    }
    free(errand);
}

void moves_call_none(struct moves *moves)
{
    for (struct errand *errand = moves->errands; errand != NULL; errand = errand->next)
        errand->moves = NULL;
    moves->errands = NULL;
}

/* -- questions ------------------------------------------------------------------------------------------ */

/* Sends; takes `more` (NULL: nothing more is to be said). */
static void call(struct moves *moves, struct mover *mover, enum question question, json_t *more)
{
    static const char *const methods[] = {
        [ASK_OFFER] = "move.offer", [ASK_WRITE] = "move.write", [ASK_COMMIT] = "move.commit",
        [ASK_DROP] = "move.drop",   [ASK_STATE] = "move.ask",
    };
    const struct move *move = &mover->move;
    struct errand *errand = calloc(1, sizeof *errand);
    json_t *params = json_pack("{s:s,s:s}", "id", move->id, "ticket", move->ticket);
    CHECK(errand != NULL && params != NULL);
    if (more != NULL)
        json_object_update(params, more);
    json_decref(more);
    *errand = (struct errand){moves, moves->errands, "", ++moves->flights, question};
    memcpy(errand->id, move->id, sizeof errand->id);
    moves->errands = errand;
    mover->flight = errand->flight;
    moves->world->call(moves->world->context, move_gives(move) ? move->to : move->from, methods[question],
                       params, on_reply, errand);
    json_decref(params);
}

void moves_call_offer(struct moves *moves, struct mover *mover, json_t *about)
{
    json_object_set_new(about, "name", json_string(mover->move.name));
    json_object_set_new(about, "protocol", json_integer(MOVES_PROTOCOL));
    json_object_set_new(about, "running", json_boolean(mover->move.ran));
    call(moves, mover, ASK_OFFER, about);
}

/* The next piece; at the end an empty one, which asks whether all is checked. */
void moves_call_write(struct moves *moves, struct mover *mover)
{
    const struct moves_world *world = moves->world;
    uint8_t *piece = malloc(world->piece_bytes);
    char *text = malloc(BASE64_SIZE(world->piece_bytes));
    struct bb_reason reason = {""};
    size_t size = 0;
    CHECK(piece != NULL && text != NULL);
    enum status status = world->read(world->context, &mover->move, mover->there, piece, &size, &reason);
    if (status == BB_OK) {
        base64_encode((struct bytes){piece, size}, text);
        call(moves, mover, ASK_WRITE,
             json_pack("{s:I,s:s,s:I,s:s}", "offset", (json_int_t)mover->there, "data", text, "size",
                       (json_int_t)mover->size, "sha256", mover->sha256));
    } else {
        (void)moves_happen(moves, mover, MOVE_SAYS_FAILED, reason.text);
    }
    free(piece);
    free(text);
}

void moves_call_commit(struct moves *moves, struct mover *mover)
{
    call(moves, mover, ASK_COMMIT, NULL);
}

void moves_call_drop(struct moves *moves, struct mover *mover)
{
    call(moves, mover, ASK_DROP, NULL);
}

void moves_call_ask(struct moves *moves, struct mover *mover)
{
    call(moves, mover, ASK_STATE, NULL);
}

/* -- what the world reports ------------------------------------------------------------------------------ */

void moves_stopped(struct moves *moves, const char *id, const char *failed)
{
    struct mover *mover = moves_mover(moves, id);
    if (mover == NULL || mover->move.phase != MOVE_STOPPING)
        return;
    mover->working = false;
    (void)moves_happen(moves, mover, failed == NULL ? MOVE_SAYS_STOPPED : MOVE_SAYS_FAILED, failed);
}

void moves_packed(struct moves *moves, const char *id, int64_t size, const char *sha256, const char *failed)
{
    struct mover *mover = moves_mover(moves, id);
    if (mover == NULL || mover->move.phase != MOVE_WRITING)
        return;
    mover->working = false;
    if (failed != NULL) {
        (void)moves_happen(moves, mover, MOVE_SAYS_FAILED, failed);
        return;
    }
    mover->size = size;
    mover->there = 0;
    snprintf(mover->sha256, sizeof mover->sha256, "%s", sha256);
    moves_call_write(moves, mover);
}

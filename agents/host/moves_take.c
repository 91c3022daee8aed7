/* What is answered to the other side. Each answer that decides something is given only when it is on the
 * disk. */
#include "agents/host/moves_state.h"

#include "bus/client/base64.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

/* A question, checked. */
struct asked {
    struct moves *moves;
    const char *platform; /* who asks */
    const char *id, *ticket;
    const json_t *params;
    struct bb_reason *reason;
};

static json_t *not_taken(const char *why)
{
    return json_pack("{s:b,s:s}", "taken", false, "reason", why);
}

/* The move that the other side gives us by this id and ticket; NULL: there is none. */
static struct mover *taken_of(const struct asked *asked)
{
    struct mover *mover = moves_mover(asked->moves, asked->id);
    bool same = mover != NULL && !move_gives(&mover->move) &&
                strcmp(mover->move.from, asked->platform) == 0 &&
                strcmp(mover->move.ticket, asked->ticket) == 0;
    return same ? mover : NULL;
}

/* -- offer ---------------------------------------------------------------------------------------------- */

/* True when a text can be a name of an agent: it becomes the name of a folder. */
static bool is_name(const char *text)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-");
    return size > 0 && size < MOVE_NAME_SIZE && text[size] == '\0' && text[0] != '.' && text[0] != '-';
}

static enum status take(const struct asked *asked, struct move *move)
{
    struct moves *moves = asked->moves;
    const struct moves_world *world = moves->world;
    const struct mover *other = moves_of_name(moves, move->name);
    if (other != NULL) {
        bb_reason_say(asked->reason, "%s is being moved here already, from %s to %s", move->name,
                      other->move.from, other->move.to);
        return BB_EXISTS;
    }
    enum status status = world->admit(world->context, move, asked->params, asked->reason);
    if (status != BB_OK)
        return status;
    struct mover *mover = moves_add(moves, move);
    if (mover == NULL) {
        bb_reason_say(asked->reason, "%d moves are under way here already", MOVES_OPEN_MAX);
        return BB_FULL;
    }
    mover->move.due_ms = move->since_ms + MOVE_SETTLE_MS;
    status = world->save(world->context, &mover->move, false, asked->reason);
    if (status == BB_OK)
        world->changed(world->context, &mover->move);
    else
        moves_remove(moves, mover);
    return status;
}

static json_t *on_offer(const struct asked *asked)
{
    const struct moves_world *world = asked->moves->world;
    const char *name = json_string_value(json_object_get(asked->params, "name"));
    const struct mover *known = moves_mover(asked->moves, asked->id);
    struct move move = {.phase = MOVE_OFFERED,
                        .ran = json_is_true(json_object_get(asked->params, "running")),
                        .since_ms = world->now_ms(world->context)};
    if (json_integer_value(json_object_get(asked->params, "protocol")) != MOVES_PROTOCOL)
        return not_taken("the two agentd speak different versions of the protocol of moves");
    if (name == NULL || !is_name(name))
        return not_taken("the agent has no name, or one that is none");
    if (known != NULL && known->move.phase == MOVE_OFFERED && strcmp(known->move.from, asked->platform) == 0)
        return json_pack("{s:b,s:s}", "taken", true, "ticket", known->move.ticket);
    if (known != NULL)
        return not_taken("a move of this id was here before");
    memcpy(move.id, asked->id, MOVE_ID_SIZE);
    snprintf(move.name, sizeof move.name, "%s", name);
    snprintf(move.from, sizeof move.from, "%s", asked->platform);
    snprintf(move.to, sizeof move.to, "%s", asked->moves->platform);
    world->random(world->context, move.ticket);
    if (take(asked, &move) != BB_OK)
        return not_taken(asked->reason->text);
    return json_pack("{s:b,s:s}", "taken", true, "ticket", move.ticket);
}

/* -- write ---------------------------------------------------------------------------------------------- */

/* Appends a piece that is the next one; an earlier one again is no fault, a later one is not taken yet. */
static enum status append(struct moves *moves, struct mover *mover, int64_t offset, const char *data,
                          struct bb_reason *reason)
{
    const struct moves_world *world = moves->world;
    size_t length = strlen(data), size = 0;
    uint8_t *piece = malloc(length + 1);
    CHECK(piece != NULL);
    enum status status = base64_decode(data, length, piece, length, &size);
    if (status != BB_OK)
        bb_reason_say(reason, "a piece of the parcel is no base64");
    if (status == BB_OK && offset == mover->there && size > 0) {
        if ((int64_t)size > mover->size - offset) {
            bb_reason_say(reason, "the parcel is larger than it said");
            status = BB_RANGE;
        } else {
            status = world->write(world->context, &mover->move, offset, (struct bytes){piece, size}, reason);
        }
        if (status == BB_OK)
            mover->there += (int64_t)size;
    }
    free(piece);
    return status;
}

static json_t *refuse_parcel(struct moves *moves, struct mover *mover, const char *why)
{
    struct bb_reason reason;
    bb_reason_say(&reason, "%s", why);
    (void)moves_happen(moves, mover, MOVE_SAYS_REFUSED, reason.text);
    return not_taken(reason.text);
}

static json_t *on_piece(const struct asked *asked, struct mover *mover)
{
    struct moves *moves = asked->moves;
    const struct moves_world *world = moves->world;
    const json_t *offset = json_object_get(asked->params, "offset"),
                 *size = json_object_get(asked->params, "size");
    const char *data = json_string_value(json_object_get(asked->params, "data")),
               *sha256 = json_string_value(json_object_get(asked->params, "sha256"));
    char id[MOVE_ID_SIZE];
    if (!json_is_integer(offset) || data == NULL || sha256 == NULL || strlen(sha256) != SHA256_TEXT_SIZE - 1)
        return refuse_parcel(moves, mover, "a piece of the parcel is not understood");
    if (mover->size < 0) {
        mover->size = json_integer_value(size);
        snprintf(mover->sha256, sizeof mover->sha256, "%s", sha256);
    }
    if (mover->size <= 0 || mover->size > MOVES_PARCEL_MAX || json_integer_value(size) != mover->size ||
        strcmp(sha256, mover->sha256) != 0)
        return refuse_parcel(moves, mover, "the parcel's size or hash cannot be");
    if (!mover->working && append(moves, mover, json_integer_value(offset), data, asked->reason) != BB_OK)
        return refuse_parcel(moves, mover, asked->reason->text);
    json_t *answer = json_pack("{s:I}", "received", (json_int_t)mover->there);
    memcpy(id, mover->move.id, sizeof id);
    if (mover->there == mover->size && !mover->working) {
        mover->working = true;
        world->receive(world->context, &mover->move, mover->sha256);
    }
    return answer;
}

static json_t *on_write(const struct asked *asked)
{
    struct mover *mover = taken_of(asked);
    if (mover == NULL || mover->move.phase == MOVE_DROPPED)
        return not_taken(mover != NULL && mover->move.reason.text[0] != '\0' ? mover->move.reason.text
                                                                             : "there is no such move there");
    if (mover->move.phase != MOVE_OFFERED)
        return json_pack("{s:I,s:b}", "received", (json_int_t)mover->there, "complete", true);
    return on_piece(asked, mover);
}

void moves_received(struct moves *moves, const char *id, const char *failed)
{
    struct mover *mover = moves_mover(moves, id);
    if (mover == NULL || mover->move.phase != MOVE_OFFERED)
        return;
    mover->working = false;
    (void)moves_happen(moves, mover, failed == NULL ? MOVE_SAYS_COMPLETE : MOVE_SAYS_REFUSED, failed);
}

/* -- commit, drop, ask ----------------------------------------------------------------------------------- */

/* Lets the event happen; false: it could not be saved, so nothing may be answered. */
static bool take_word(const struct asked *asked, struct mover *mover, enum move_event event)
{
    struct bb_reason before = mover->move.reason;
    if (moves_happen(asked->moves, mover, event, NULL))
        return true;
    *asked->reason = mover->move.reason;
    mover->move.reason = before;
    return false;
}

static bool is_owned(const struct mover *mover)
{
    return mover->move.phase == MOVE_OWNED || mover->move.phase == MOVE_TAKEN ||
           mover->move.phase == MOVE_SETTLED;
}

static json_t *on_commit(const struct asked *asked)
{
    struct mover *mover = taken_of(asked);
    if (mover != NULL && !take_word(asked, mover, MOVE_SAYS_COMMIT))
        return NULL;
    mover = taken_of(asked);
    if (mover != NULL && is_owned(mover))
        return json_pack("{s:b}", "owned", true);
    if (mover != NULL && mover->move.phase == MOVE_DOUBLE) {
        bb_reason_say(asked->reason, "it is not decided there");
        return NULL;
    }
    return json_pack("{s:b,s:s}", "owned", false, "reason", "it was dropped there");
}

static json_t *on_drop(const struct asked *asked)
{
    struct mover *mover = taken_of(asked);
    if (mover == NULL && asked->ticket[0] == '\0') { /* given up before the answer to the offer came */
        mover = moves_mover(asked->moves, asked->id);
        if (mover != NULL &&
            (mover->move.phase != MOVE_OFFERED || strcmp(mover->move.from, asked->platform) != 0))
            mover = NULL;
    }
    if (mover != NULL && !take_word(asked, mover, MOVE_SAYS_DROP))
        return NULL;
    mover = taken_of(asked);
    return json_pack("{s:b}", "dropped", mover == NULL || !is_owned(mover));
}

static json_t *on_ask(const struct asked *asked)
{
    static const char *const states[MOVE_PHASE_COUNT] = {
        [MOVE_OFFERING] = "going", [MOVE_STOPPING] = "going", [MOVE_WRITING] = "going",
        [MOVE_GIVEN] = "given",    [MOVE_MOVED] = "moved",    [MOVE_ENDED] = "ended",
        [MOVE_KEPT] = "ended",     [MOVE_LEFT] = "given",     [MOVE_TWICE] = "given",
    };
    const struct mover *mover = moves_mover(asked->moves, asked->id);
    bool ours = mover != NULL && move_gives(&mover->move) && strcmp(mover->move.to, asked->platform) == 0;
    return json_pack("{s:s}", "state", ours ? states[mover->move.phase] : "unknown");
}

/* -- the call ------------------------------------------------------------------------------------------- */

static bool is_id(const char *text)
{
    return text != NULL && strlen(text) == MOVE_ID_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == MOVE_ID_SIZE - 1;
}

enum status moves_answer(struct moves *moves, const char *platform, const char *method, const json_t *params,
                         struct bb_reason *reason, json_t **result_out)
{
    static const struct {
        const char *method;
        json_t *(*answer)(const struct asked *asked);
    } answers[] = {{"move.offer", on_offer},
                   {"move.write", on_write},
                   {"move.commit", on_commit},
                   {"move.drop", on_drop},
                   {"move.ask", on_ask}};
    const char *id = json_string_value(json_object_get(params, "id")),
               *ticket = json_string_value(json_object_get(params, "ticket"));
    struct asked asked = {moves, platform, id, ticket, params, reason};
    if (!is_id(id) || ticket == NULL || (ticket[0] != '\0' && !is_id(ticket))) {
        bb_reason_say(reason, "id, ticket: 32 hexadecimal digits are needed");
        return BB_RANGE;
    }
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (strcmp(answers[i].method, method) == 0) {
            json_t *result = answers[i].answer(&asked);
            if (result != NULL)
                *result_out = result;
            return result != NULL ? BB_OK : BB_IO;
        }
    bb_reason_say(reason, "%s: there is no such method", method);
    return BB_RANGE;
}

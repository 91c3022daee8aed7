#include "tests/agents/host/move_world.h"

#include <busbar/check.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEP_MS    50
#define TIMEOUT_MS 10000
#define PIECE      8
#define PARCEL     20
#define SHA        "00000000000000000000000000000000000000000000000000000000000000aa"

enum mail_kind { MAIL_QUESTION, MAIL_ANSWER, MAIL_STOPPED, MAIL_PACKED, MAIL_RECEIVED };

/* Something that happens later. A question's own answer, or its failure, comes exactly once. */
struct world_mail {
    struct world_mail *next;
    enum mail_kind kind;
    int64_t due_ms;
    int to;
    char method[16], id[MOVE_ID_SIZE];
    char *text; /* params, or the result; NULL: a failure */
    enum status status;
    uint64_t number; /* of the call: its questions and its answer have the same */
    moves_on_reply *on_reply;
    void *context;
    bool failed;
};

unsigned world_chance(struct world *world, unsigned below)
{
    world->chance = world->chance * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(world->chance >> 33) % below;
}

static bool happens(struct world *world, unsigned thousandths)
{
    return world_chance(world, 1000) < thousandths;
}

/* The node's agentd, when a hook is called; NULL: it has died on the way here. */
static struct world_node *alive(void *context)
{
    struct world_node *node = context;
    return node->dying ? NULL : node;
}

static int place_of(const struct world_node *node)
{
    return node == &node->world->nodes[0] ? 0 : 1;
}

static struct world_mail *post(struct world *world, enum mail_kind kind, int to, const char *id,
                               int64_t delay_ms)
{
    struct world_mail *mail = calloc(1, sizeof *mail);
    CHECK(mail != NULL);
    mail->kind = kind;
    mail->to = to;
    mail->due_ms = world->now_ms + delay_ms;
    snprintf(mail->id, sizeof mail->id, "%s", id);
    mail->next = world->mail;
    world->mail = mail;
    return mail;
}

/* -- the hooks: both sides ------------------------------------------------------------------------------- */

static int64_t now_ms(void *context)
{
    return ((struct world_node *)context)->world->now_ms;
}

static void random_id(void *context, char id_out[MOVE_ID_SIZE])
{
    struct world *world = ((struct world_node *)context)->world;
    for (size_t i = 0; i < MOVE_ID_SIZE - 1; i++)
        id_out[i] = "0123456789abcdef"[world_chance(world, 16)];
    id_out[MOVE_ID_SIZE - 1] = '\0';
}

static void die(struct world_node *node)
{
    node->dying = true;
    node->running = false;
    node->world->deaths++;
    node->back_ms = node->world->now_ms + 1 + world_chance(node->world, 20000);
}

/* Before and after each write is a moment. */
static bool is_the_moment(struct world *world)
{
    return ++world->moments == world->weather.die_at;
}

static struct move *row_of(struct world_node *node, const char *id)
{
    for (size_t i = 0; i < node->row_count; i++)
        if (strcmp(node->rows[i].id, id) == 0)
            return &node->rows[i];
    return NULL;
}

static enum status save(void *context, const struct move *move, bool holds, struct bb_reason *reason)
{
    struct world_node *node = alive(context);
    if (node != NULL && (happens(node->world, node->world->weather.die) || is_the_moment(node->world)))
        die(node);
    if (node == NULL || node->dying || happens(node->world, node->world->weather.full)) {
        bb_reason_say(reason, "the disk is full");
        return BB_FULL;
    }
    struct move *row = row_of(node, move->id);
    if (row == NULL) {
        assert_true(node->row_count < WORLD_ROWS_MAX);
        row = &node->rows[node->row_count++];
    }
    *row = *move;
    if (holds && node->installed)
        node->hold = move_hold(move);
    if (happens(node->world, node->world->weather.die) || is_the_moment(node->world))
        die(node);
    return BB_OK;
}

static enum status forget(void *context, const struct move *move, struct bb_reason *reason)
{
    struct world_node *node = alive(context);
    (void)reason;
    struct move *row = node != NULL ? row_of(node, move->id) : NULL;
    if (row == NULL)
        return node != NULL ? BB_OK : BB_IO;
    *row = node->rows[--node->row_count];
    return BB_OK;
}

static void call(void *context, const char *platform, const char *method, const json_t *params,
                 moves_on_reply *on_reply, void *reply_context)
{
    struct world_node *node = context;
    struct world *world = node->world;
    int here = place_of(node);
    assert_string_equal(platform, world->nodes[1 - here].name);
    struct world_mail *end = post(world, MAIL_ANSWER, here, "", TIMEOUT_MS);
    end->on_reply = on_reply;
    end->context = reply_context;
    end->status = BB_TIMEOUT;
    end->number = ++world->calls;
    if (world->cut || node->dying) {
        end->due_ms = world->now_ms + 1;
        end->status = BB_UNREACHABLE;
        return;
    }
    int copies = happens(world, world->weather.lose) ? 0 : happens(world, world->weather.repeat) ? 2 : 1;
    for (int i = 0; i < copies; i++) {
        bool slow = happens(world, world->weather.slow);
        struct world_mail *mail =
            post(world, MAIL_QUESTION, 1 - here, "", 1 + world_chance(world, slow ? 30000 : 40));
        snprintf(mail->method, sizeof mail->method, "%s", method);
        mail->text = json_dumps(params, JSON_COMPACT);
        mail->number = end->number;
    }
}

static void start(void *context, const struct move *move)
{
    struct world_node *node = alive(context);
    assert_string_equal(move->name, WORLD_AGENT);
    if (node == NULL || !node->installed || node->hold != MOVE_HOLD_FREE)
        return;
    node->running = true;
}

static void stop(void *context, const struct move *move)
{
    struct world_node *node = alive(context);
    if (node == NULL)
        return;
    struct world_mail *mail =
        post(node->world, MAIL_STOPPED, place_of(node), move->id, 1 + world_chance(node->world, 2000));
    mail->failed = happens(node->world, node->world->weather.spoil);
}

static enum status clear(void *context, const struct move *move, struct bb_reason *reason)
{
    struct world_node *node = alive(context);
    if (node == NULL || happens(node->world, node->world->weather.full)) {
        bb_reason_say(reason, "it cannot be removed");
        return BB_IO;
    }
    assert_true(move->phase == MOVE_MOVED || move->phase == MOVE_DROPPED);
    bool ours = move->phase == MOVE_MOVED
                    ? node->hold == MOVE_HOLD_MOVED
                    : node->hold == MOVE_HOLD_MOVING || node->hold == MOVE_HOLD_UNDECIDED;
    if (node->installed && ours)
        node->installed = false;
    if (happens(node->world, node->world->weather.die))
        die(node);
    return BB_OK;
}

static void alert(void *context, const struct move *move)
{
    struct world_node *node = alive(context);
    assert_true(move->undecided);
    if (node != NULL)
        node->alerts++;
}

static void changed(void *context, const struct move *move)
{
    (void)context;
    (void)move;
}

/* -- gives ---------------------------------------------------------------------------------------------- */

static enum status offer(void *context, const char *name, bool *runs_out, json_t **about_out,
                         struct bb_reason *reason)
{
    struct world_node *node = context;
    if (strcmp(name, WORLD_AGENT) != 0 || !node->installed || node->hold != MOVE_HOLD_FREE) {
        bb_reason_say(reason, "it is not here");
        return BB_NOT_FOUND;
    }
    *runs_out = true;
    *about_out = json_object();
    return BB_OK;
}

static void pack(void *context, const struct move *move)
{
    struct world_node *node = alive(context);
    if (node == NULL)
        return;
    assert_false(node->running);
    struct world_mail *mail =
        post(node->world, MAIL_PACKED, place_of(node), move->id, 1 + world_chance(node->world, 500));
    mail->failed = happens(node->world, node->world->weather.spoil);
}

static enum status read_parcel(void *context, const struct move *move, int64_t offset, uint8_t *piece_out,
                               size_t *size_out, struct bb_reason *reason)
{
    struct world_node *node = context;
    (void)move;
    (void)reason;
    size_t left = PARCEL - (size_t)offset;
    *size_out = left < PIECE ? left : PIECE;
    for (size_t i = 0; i < *size_out; i++)
        piece_out[i] = (uint8_t)(node->state + (char)(((size_t)offset + i) % 3));
    return BB_OK;
}

static void discard(void *context, const struct move *move)
{
    (void)context;
    (void)move;
}

/* -- takes ---------------------------------------------------------------------------------------------- */

static enum status admit(void *context, const struct move *move, const json_t *about,
                         struct bb_reason *reason)
{
    struct world_node *node = context;
    (void)move;
    (void)about;
    if (node->installed || happens(node->world, node->world->weather.spoil)) {
        bb_reason_say(reason, node->installed ? "the name is taken" : "its signer is not known");
        return BB_DENIED;
    }
    node->parcel_size = 0;
    return BB_OK;
}

static enum status write_parcel(void *context, const struct move *move, int64_t offset, struct bytes piece,
                                struct bb_reason *reason)
{
    struct world_node *node = alive(context);
    (void)move;
    if (node == NULL || happens(node->world, node->world->weather.full)) {
        bb_reason_say(reason, "the disk is full");
        return BB_FULL;
    }
    memcpy(node->parcel + offset, piece.data, piece.size);
    node->parcel_size = (size_t)offset + piece.size;
    return BB_OK;
}

static void receive(void *context, const struct move *move, const char *sha256)
{
    struct world_node *node = alive(context);
    if (node == NULL)
        return;
    assert_string_equal(sha256, SHA);
    struct world_mail *mail =
        post(node->world, MAIL_RECEIVED, place_of(node), move->id, 1 + world_chance(node->world, 500));
    mail->failed = happens(node->world, node->world->weather.spoil);
}

/* -- what happens later -----------------------------------------------------------------------------------
 */

/* The answer that is owed to the call; NULL: it was given already. */
static struct world_mail *owed(struct world *world, uint64_t number)
{
    for (struct world_mail *mail = world->mail; mail != NULL; mail = mail->next)
        if (mail->kind == MAIL_ANSWER && mail->number == number)
            return mail;
    return NULL;
}

static void take_question(struct world *world, const struct world_mail *mail)
{
    struct world_node *node = &world->nodes[mail->to];
    if (node->moves == NULL || world->cut)
        return;
    json_t *params = json_loads(mail->text, 0, NULL), *result = NULL;
    struct bb_reason reason = {""};
    enum status status =
        moves_answer(node->moves, world->nodes[1 - mail->to].name, mail->method, params, &reason, &result);
    struct world_mail *end = owed(world, mail->number);
    bool arrives = !node->dying && !happens(world, world->weather.lose);
    if (end != NULL && arrives && end->text == NULL && end->status == BB_TIMEOUT) {
        end->due_ms =
            world->now_ms + 1 + world_chance(world, happens(world, world->weather.slow) ? 15000 : 40);
        end->status = status == BB_OK ? BB_OK : BB_REMOTE;
        end->text = status == BB_OK ? json_dumps(result, JSON_COMPACT) : strdup("{\"message\":\"not now\"}");
    }
    json_decref(result);
    json_decref(params);
}

static void take_received(struct world_node *node, const struct world_mail *mail)
{
    const struct move *move = moves_find(node->moves, mail->id);
    if (move == NULL || move->phase != MOVE_OFFERED)
        return; /* was dropped meanwhile, and the work with it */
    if (!mail->failed) {
        assert_int_equal(node->parcel_size, PARCEL);
        assert_true(!node->installed || node->hold == MOVE_HOLD_MOVING);
        node->installed = true;
        node->hold = MOVE_HOLD_MOVING;
        node->state = node->parcel[0];
        for (size_t i = 0; i < PARCEL; i++)
            assert_int_equal(node->parcel[i], node->state + (char)(i % 3));
        if (happens(node->world, node->world->weather.die)) {
            die(node);
            return;
        }
    }
    moves_received(node->moves, mail->id, mail->failed ? "its hash is wrong" : NULL);
}

static void take_work(struct world *world, const struct world_mail *mail)
{
    struct world_node *node = &world->nodes[mail->to];
    if (node->moves == NULL)
        return;
    if (mail->kind == MAIL_STOPPED) {
        if (!mail->failed &&
            (moves_find(node->moves, mail->id) == NULL || !move_may_run(moves_find(node->moves, mail->id))))
            node->running = false;
        moves_stopped(node->moves, mail->id, mail->failed ? "it does not end" : NULL);
    } else if (mail->kind == MAIL_PACKED) {
        moves_packed(node->moves, mail->id, PARCEL, SHA, mail->failed ? "its state is too large" : NULL);
    } else {
        take_received(node, mail);
    }
}

static void take(struct world *world, const struct world_mail *mail)
{
    if (mail->kind == MAIL_QUESTION)
        take_question(world, mail);
    else if (mail->kind == MAIL_ANSWER)
        mail->on_reply(mail->context, mail->status, mail->text);
    else
        take_work(world, mail);
}

static void bury(struct world *world, int place)
{
    struct world_node *node = &world->nodes[place];
    struct world_mail **at = &world->mail;
    moves_close(node->moves);
    node->moves = NULL;
    node->running = false;
    while (*at != NULL) { /* its work, its own calls and what was on the way to it */
        struct world_mail *mail = *at;
        if (mail->to != place || mail->kind == MAIL_QUESTION) {
            at = &mail->next;
            continue;
        }
        *at = mail->next;
        if (mail->kind == MAIL_ANSWER)
            mail->on_reply(mail->context, BB_CLOSED, NULL);
        free(mail->text);
        free(mail);
    }
}

void world_tell(const struct world *world)
{
    for (int i = 0; i < 2; i++) {
        const struct world_node *node = &world->nodes[i];
        print_message("%s: %s, installed %d, hold %d, running %d\n", node->name,
                      node->moves != NULL ? "alive" : "dead", node->installed, node->hold, node->running);
        for (size_t k = 0; k < node->row_count; k++)
            print_message("    %.4s %s since %lld undecided %d ran %d: %s\n", node->rows[k].id,
                          move_word(node->rows[k].phase), (long long)node->rows[k].since_ms - 1000000,
                          node->rows[k].undecided, node->rows[k].ran, node->rows[k].reason.text);
    }
}

static void look(const struct world *world)
{
    if (!world->operator_spoke)
        if (world_running(world) > 1) {
            world_tell(world);
            fail_msg("two run");
        }
}

static void boot(struct world_node *node)
{
    node->dying = false;
    node->moves = moves_open(&node->hooks, node->name);
    for (size_t i = 0; i < node->row_count; i++)
        moves_load(node->moves, &node->rows[i]);
    moves_wake(node->moves);
    if (!node->dying && node->installed && node->hold == MOVE_HOLD_FREE)
        node->running = true;
}

static void deliver(struct world *world)
{
    for (;;) {
        struct world_mail **first = NULL;
        for (struct world_mail **at = &world->mail; *at != NULL; at = &(*at)->next)
            if ((*at)->due_ms <= world->now_ms && (first == NULL || (*at)->due_ms <= (*first)->due_ms))
                first = at;
        if (first == NULL)
            return;
        struct world_mail *mail = *first;
        *first = mail->next;
        take(world, mail);
        free(mail->text);
        free(mail);
        for (int i = 0; i < 2; i++)
            if (world->nodes[i].dying && world->nodes[i].moves != NULL)
                bury(world, i);
        look(world);
    }
}

static void live(struct world *world, int place)
{
    struct world_node *node = &world->nodes[place];
    if (node->moves == NULL && world->now_ms >= node->back_ms)
        boot(node);
    else if (node->moves != NULL)
        moves_tick(node->moves);
    if (node->dying && node->moves != NULL)
        bury(world, place);
    look(world);
}

void world_pass(struct world *world, int64_t ms)
{
    for (int64_t end = world->now_ms + ms; world->now_ms < end;) {
        world->now_ms += STEP_MS;
        if (happens(world, world->weather.cut))
            world->cut = !world->cut;
        deliver(world);
        if (world->now_ms % 250 == 0)
            for (int i = 0; i < 2; i++)
                live(world, i);
    }
}

/* -- from outside ------------------------------------------------------------------------------------------
 */

void world_kill(struct world *world, int place, int64_t for_ms)
{
    struct world_node *node = &world->nodes[place];
    if (node->moves != NULL) {
        node->dying = true;
        bury(world, place);
    }
    node->back_ms = for_ms == INT64_MAX ? INT64_MAX : world->now_ms + for_ms;
}

bool world_move(struct world *world, int from)
{
    struct world_node *node = &world->nodes[from];
    struct bb_reason reason = {""};
    struct move move;
    if (node->moves == NULL || !node->running)
        return false;
    node->state = (char)('a' + world_chance(world, 20));
    bool started =
        moves_start(node->moves, WORLD_AGENT, world->nodes[1 - from].name, &reason, &move) == BB_OK;
    if (node->dying)
        bury(world, from);
    look(world);
    return started;
}

int world_running(const struct world *world)
{
    return world->nodes[0].running + world->nodes[1].running;
}

bool world_is_calm(const struct world *world)
{
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < world->nodes[i].row_count; k++)
            if (!move_is_over(&world->nodes[i].rows[k]) || world->nodes[i].rows[k].phase == MOVE_DROPPED)
                return false;
    return true;
}

bool world_is_reported(const struct world *world, int place)
{
    const struct world_node *node = &world->nodes[place];
    for (size_t i = 0; i < node->row_count; i++)
        if (node->rows[i].undecided && node->hold == MOVE_HOLD_UNDECIDED)
            return node->alerts > 0;
    return false;
}

void world_open(struct world *world, uint64_t seed, const struct world_weather *weather)
{
    static const struct moves_world hooks = {
        NULL,  PIECE,   now_ms, random_id, save,        forget,  call,  start,        stop,   clear,
        alert, changed, offer,  pack,      read_parcel, discard, admit, write_parcel, receive};
    memset(world, 0, sizeof *world);
    world->chance = seed * 2654435761u + 88172645463325252u;
    world->now_ms = 1000000;
    world->weather = *weather;
    for (int i = 0; i < 2; i++) {
        struct world_node *node = &world->nodes[i];
        node->world = world;
        node->hooks = hooks;
        node->hooks.context = node;
        snprintf(node->name, sizeof node->name, "%s", i == 0 ? "here" : "there");
        node->installed = i == 0;
        node->state = 'a';
        boot(node);
    }
}

void world_close(struct world *world)
{
    for (int i = 0; i < 2; i++)
        bury(world, i);
    while (world->mail != NULL) {
        struct world_mail *mail = world->mail;
        world->mail = mail->next;
        free(mail->text);
        free(mail);
    }
}

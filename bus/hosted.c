#include "bus/hosted.h"

#include "bus/auth_service.h"
#include "bus/broker_service.h"
#include "bus/config_service.h"
#include "bus/core/parcel.h"
#include "bus/grant.h"
#include "bus/waiting.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <time.h>

/* One row for each identity that the broker hosts. */
static const struct hosted_identity *const IDENTITIES[] = {&CONFIG_STORE, &CONFIG_STORE_10, &PLATFORM_AUTH,
                                                           &BUSBAR_BROKER};
#define IDENTITY_COUNT (sizeof IDENTITIES / sizeof *IDENTITIES)

/* An answer that is owed to a peer. */
struct ticket {
    uint64_t number; /* 0: free */
    uint32_t identity, peer;
    json_t *id;
    uint8_t *message_id;
    size_t message_id_size;
};

/* An answer that a peer owes. */
struct asked {
    uint64_t number; /* 0: free */
    uint32_t peer;
    int64_t deadline_ms;
    hosted_on_reply *on_reply;
    void *context;
};

struct hosted {
    struct router *router;
    struct post *post;
    struct router_out *out;
    int64_t now_ms, ticked_ms;
    uint64_t counter; /* of tickets and questions */
    void *contexts[ROUTER_HOSTED_MAX];
    struct ticket tickets[HOSTED_TICKETS_MAX];
    struct asked asked[HOSTED_ASKED_MAX];
    struct waiting waiting;                        /* calls that write */
    struct budget budgets[ACCESS_ENTRIES_MAX + 1]; /* by entry; the last: without security */
};

#define TICK_MS 1000
/* Message ids of deferred calls are kept; agents' are some thirty bytes. */
#define MESSAGE_ID_MAX 1024
/* VOLTTRON's agents turn message ids that are numbers into four bytes, so that ours are none. */
#define ID_PREFIX "busbard."

static void send_text(struct hosted *h, uint32_t identity, uint32_t peer, struct bytes message_id, char *text)
{
    if (text == NULL)
        return;
    const struct bytes argument = bytes_of(text);
    router_say(h->router, identity, peer, message_id, "RPC", &argument, 1, h->out);
    (void)post_send(h->post, h->out, NULL);
    free(text);
}

/* -- answering ------------------------------------------------------------------------------------------ */

static void answer(struct hosted_call *call, char *text)
{
    CHECK(!call->answered);
    call->answered = true;
    send_text(call->hosted, call->identity, call->peer, call->message_id, text);
}

void hosted_result(struct hosted_call *call, json_t *result)
{
    if (call->id == NULL) {
        json_decref(result);
        call->answered = true;
        return;
    }
    answer(call, jsonrpc_result_text(call->id, result));
}

/* The data of an error as VOLTTRON's agents take it apart: without these members their client breaks. What is
 * not there is also said in Busbar's own word. */
static json_t *detail(const char *type, const char *text)
{
    if (strcmp(type, "KeyError") == 0)
        return json_pack("{s:s,s:s,s:{s:s,s:[s]}}", "status", bb_status_word(BB_NOT_FOUND), "detail", text,
                         "exception.py", "exc_type", type, "exc_args", text);
    return json_pack("{s:s,s:{s:s,s:[s]}}", "detail", text, "exception.py", "exc_type", type, "exc_args",
                     text);
}

void hosted_fail(struct hosted_call *call, int code, const char *type, const char *format, ...)
{
    char text[512];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (call->id == NULL) {
        call->answered = true;
        return;
    }
    json_t *data = detail(type, text);
    /* What was cut inside a character is no text any more. */
    answer(call, data == NULL ? jsonrpc_error_text(call->id, code, "refused", detail(type, "refused"))
                              : jsonrpc_error_text(call->id, code, text, data));
}

static void refuse(struct hosted *h, uint32_t identity, uint32_t peer, struct bytes message_id, json_t *id,
                   int code, const char *text)
{
    send_text(h, identity, peer, message_id,
              jsonrpc_error_text(id, code, text, json_pack("{s:s}", "detail", text)));
}

enum status hosted_defer(struct hosted_call *call, uint64_t *ticket_out)
{
    struct hosted *h = call->hosted;
    uint32_t slot = 0;
    if (call->message_id.size > MESSAGE_ID_MAX)
        return BB_FULL;
    while (slot < HOSTED_TICKETS_MAX && h->tickets[slot].number != 0)
        slot++;
    if (slot == HOSTED_TICKETS_MAX)
        return BB_FULL;
    struct ticket *ticket = &h->tickets[slot];
    *ticket = (struct ticket){.number = ++h->counter * HOSTED_TICKETS_MAX + slot,
                              .identity = call->identity,
                              .peer = call->peer,
                              .id = json_incref(call->id),
                              .message_id = malloc(call->message_id.size + 1),
                              .message_id_size = call->message_id.size};
    CHECK(ticket->message_id != NULL);
    if (call->message_id.size > 0)
        memcpy(ticket->message_id, call->message_id.data, call->message_id.size);
    call->answered = true;
    *ticket_out = ticket->number;
    return BB_OK;
}

static void free_ticket(struct ticket *ticket)
{
    json_decref(ticket->id);
    free(ticket->message_id);
    *ticket = (struct ticket){.number = 0};
}

void hosted_finish(struct hosted *h, uint64_t number, json_t *result)
{
    struct ticket *ticket = &h->tickets[number % HOSTED_TICKETS_MAX];
    if (number == 0 || ticket->number != number) {
        json_decref(result);
        return;
    }
    if (ticket->id == NULL)
        json_decref(result);
    else
        send_text(h, ticket->identity, ticket->peer,
                  (struct bytes){ticket->message_id, ticket->message_id_size},
                  jsonrpc_result_text(ticket->id, result));
    free_ticket(ticket);
}

/* -- calls that come in --------------------------------------------------------------------------------- */

/* A request as it was found in a message to a hosted identity. */
struct arrival {
    struct hosted *hosted;
    uint32_t identity, peer;
    struct bytes message_id;
};

static const struct hosted_method *find_method(const struct hosted_identity *identity, const char *name,
                                               size_t size)
{
    for (size_t i = 0; i < identity->method_count; i++)
        if (strlen(identity->methods[i].name) == size && memcmp(identity->methods[i].name, name, size) == 0)
            return &identity->methods[i];
    return NULL;
}

/* Answers `inspect` and `<method>.inspect`, which every agent has; false if it is neither. */
static bool inspect(struct hosted_call *call, const struct hosted_identity *identity, const char *name)
{
    static const struct jsonrpc_parameter NONE[] = {{NULL, JSONRPC_ANY, false}};
    size_t size = strlen(name);
    if (strcmp(name, "inspect") == 0) {
        json_t *list = json_array();
        for (size_t i = 0; i < identity->method_count; i++)
            json_array_append_new(list, json_string(identity->methods[i].name));
        hosted_result(call, json_pack("{s:o}", "methods", list));
        return true;
    }
    if (size < 8 || strcmp(name + size - 8, ".inspect") != 0)
        return false;
    const struct hosted_method *method = find_method(identity, name, size - 8);
    if (method != NULL)
        hosted_result(call, jsonrpc_inspect(method->parameters == NULL ? NONE : method->parameters));
    return method != NULL;
}

static int64_t mono_us(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct budget *budget_of(struct hosted *h, uint32_t entry)
{
    return &h->budgets[entry < ACCESS_ENTRIES_MAX ? entry : ACCESS_ENTRIES_MAX];
}

/* Does a call and takes what it took. */
static void run(struct hosted_call *call)
{
    struct hosted *h = call->hosted;
    int64_t begin_us = mono_us();
    call->method->run(call);
    if (!call->answered)
        hosted_result(call, NULL);
    budget_spend(call->method->writes ? &h->waiting.budget : budget_of(h, call->entry), mono_us() - begin_us);
}

/* Puts a call behind those that wait; false: there is no room. */
static bool wait_for_turn(const struct hosted_call *call, const struct jsonrpc_message *m)
{
    bool keyed = call->entry < ACCESS_ENTRIES_MAX;
    struct waiting_call waiting = {.identity = call->identity,
                                   .peer = call->peer,
                                   .owner = keyed ? call->entry : ACCESS_ENTRIES_MAX + call->peer,
                                   .method = (char *)m->method,
                                   .params = m->params,
                                   .id = m->id,
                                   .message_id = (uint8_t *)call->message_id.data,
                                   .message_id_size = call->message_id.size,
                                   .size = 1024 + call->message_id.size};
    for (size_t i = 0; i < JSONRPC_PARAMETERS_MAX; i++)
        waiting.size += json_string_length(call->arguments[i]);
    return waiting_put(&call->hosted->waiting, &waiting);
}

/* A call that may be made: at once, later, or not for now. */
static void admit(struct hosted_call *call, const struct jsonrpc_message *m)
{
    struct waiting *waiting = &call->hosted->waiting;
    int64_t now_ms = mono_us() / 1000;
    bool behind = waiting_holds(waiting, call->peer);
    bool busy = call->method->writes ? !waiting_is_over(waiting, now_ms)
                                     : !budget_allows(budget_of(call->hosted, call->entry), now_ms);
    if (!behind && !busy)
        run(call);
    else if ((!behind && !call->method->writes) || !wait_for_turn(call, m))
        hosted_fail(call, JSONRPC_FAILED, "RuntimeError",
                    "%s: the calls of this key take too much of the broker's time; ask again in a moment",
                    call->method->name);
}

/* `again`: it has waited for its turn. */
static void call_method(const struct arrival *a, const struct jsonrpc_message *m, bool again)
{
    static const struct jsonrpc_parameter NONE[] = {{NULL, JSONRPC_ANY, false}};
    const struct hosted_identity *identity = IDENTITIES[a->identity];
    struct bb_reason reason = {""};
    char caller[BB_IDENTITY_MAX + 1];
    struct bytes name = peers_identity(&a->hosted->router->peers, a->peer);
    snprintf(caller, sizeof caller, "%.*s", (int)name.size, (const char *)name.data);
    struct hosted_call call = {.hosted = a->hosted,
                               .access = a->hosted->router->access,
                               .context = a->hosted->contexts[a->identity],
                               .self = identity->name,
                               .caller = caller,
                               .peer = a->peer,
                               .entry = peers_at(&a->hosted->router->peers, a->peer)->entry,
                               .method = find_method(identity, m->method, strlen(m->method)),
                               .identity = a->identity,
                               .id = m->id,
                               .message_id = a->message_id};
    if (call.method == NULL) {
        if (!inspect(&call, identity, m->method))
            hosted_fail(&call, JSONRPC_NO_METHOD, "NotImplementedError", "%s has no method \"%.64s\"",
                        identity->name, m->method);
        return;
    }
    if (jsonrpc_bind(call.method->parameters == NULL ? NONE : call.method->parameters, m->params,
                     call.arguments, &reason) != BB_OK)
        hosted_fail(&call, JSONRPC_INVALID_PARAMS, "TypeError", "%s: %s", call.method->name, reason.text);
    else if (!grant_allows(&call))
        hosted_fail(&call, JSONRPC_UNAUTHORIZED, "Unauthorized",
                    "%s: %s may not do this: its key needs the capability %s for it (access.json)",
                    call.method->name, caller, call.method->capability);
    else if (again)
        run(&call);
    else
        admit(&call, m);
}

/* An answer counts only from the peer that was asked. */
static void take_reply(const struct arrival *a, const struct jsonrpc_message *m)
{
    const char *id = json_string_value(m->id);
    bool ours = id != NULL && strncmp(id, ID_PREFIX, strlen(ID_PREFIX)) == 0;
    uint64_t number = ours ? strtoull(id + strlen(ID_PREFIX), NULL, 10) : 0;
    struct asked *asked = &a->hosted->asked[number % HOSTED_ASKED_MAX];
    if (number == 0 || asked->number != number || asked->peer != a->peer)
        return;
    struct asked done = *asked;
    asked->number = 0;
    done.on_reply(done.context, m->kind == JSONRPC_RESULT ? BB_OK : BB_REMOTE, m->answer);
}

static void take_one(const struct arrival *a, json_t *message)
{
    struct jsonrpc_message m = jsonrpc_read(message);
    if (m.kind == JSONRPC_INVALID)
        refuse(a->hosted, a->identity, a->peer, a->message_id, m.id, JSONRPC_INVALID_REQUEST, m.why);
    else if (m.kind == JSONRPC_REQUEST)
        call_method(a, &m, false);
    else
        take_reply(a, &m);
}

static void take_text(const struct arrival *a, struct bytes text)
{
    json_error_t error;
    char why[sizeof error.text + 32];
    size_t i;
    json_t *one;
    if (text.size > HOSTED_MESSAGE_MAX) {
        refuse(a->hosted, a->identity, a->peer, a->message_id, NULL, JSONRPC_INVALID_REQUEST,
               "a message here may have 4 MiB");
        return;
    }
    json_t *message = json_loadb((const char *)text.data, text.size, JSON_DECODE_ANY, &error);
    if (message == NULL) {
        snprintf(why, sizeof why, "not JSON: %s", error.text);
        refuse(a->hosted, a->identity, a->peer, a->message_id, NULL, JSONRPC_PARSE_ERROR, why);
        return;
    }
    if (!json_is_array(message) || json_array_size(message) == 0) {
        take_one(a, message);
    } else if (json_array_size(message) > HOSTED_BATCH_MAX) {
        refuse(a->hosted, a->identity, a->peer, a->message_id, NULL, JSONRPC_INVALID_REQUEST,
               "a batch may have 64 requests");
    } else {
        json_array_foreach(message, i, one) take_one(a, one);
    }
    json_decref(message);
}

static void take_rpc(const struct arrival *a, const struct router_in *in)
{
    for (size_t i = AT_ARGS; i < in->count; i++)
        take_text(a, in->frames[i]);
}

/* -- the other subsystems, as an agent answers them ------------------------------------------------------ */

static void say(const struct arrival *a, const char *subsystem, const struct bytes *arguments, size_t count)
{
    router_say(a->hosted->router, a->identity, a->peer, a->message_id, subsystem, arguments, count,
               a->hosted->out);
    (void)post_send(a->hosted->post, a->hosted->out, NULL);
}

static bool starts(const struct router_in *in, const char *word)
{
    return in->count > AT_ARGS && bytes_equal(in->frames[AT_ARGS], bytes_of(word));
}

static void take_ping(const struct arrival *a, const struct router_in *in)
{
    struct bytes arguments[ROUTER_SAY_MAX] = {bytes_of("pong")};
    size_t count = 1;
    if (!starts(in, "ping"))
        return;
    for (size_t i = AT_ARGS + 1; i < in->count && count < ROUTER_SAY_MAX; i++)
        arguments[count++] = in->frames[i];
    say(a, "ping", arguments, count);
}

static void take_hello(const struct arrival *a, const struct router_in *in)
{
    const struct bytes arguments[] = {bytes_of("welcome"), bytes_of("1.0"),
                                      bytes_of(IDENTITIES[a->identity]->name), in->frames[AT_SENDER]};
    if (starts(in, "hello"))
        say(a, "hello", arguments, sizeof arguments / sizeof *arguments);
}

static void ignore(const struct arrival *a, const struct router_in *in)
{
    (void)a, (void)in;
}

static const struct {
    const char *name;
    void (*take)(const struct arrival *arrival, const struct router_in *in);
} SUBSYSTEMS[] = {{"RPC", take_rpc}, {"ping", take_ping},  {"hello", take_hello}, {"error", ignore},
                  {"query", ignore}, {"peerlist", ignore}, {"pubsub", ignore}};

void hosted_receive(struct hosted *h, uint32_t identity, const struct router_in *in)
{
    const struct arrival a = {h, identity, peers_find(&h->router->peers, in->frames[AT_SENDER]),
                              in->frames[AT_ID]};
    struct bytes subsystem = in->frames[AT_SUBSYSTEM];
    h->now_ms = in->now_ms;
    if (a.peer == 0)
        return;
    for (size_t i = 0; i < sizeof SUBSYSTEMS / sizeof *SUBSYSTEMS; i++) {
        if (bytes_equal(subsystem, bytes_of(SUBSYSTEMS[i].name))) {
            SUBSYSTEMS[i].take(&a, in);
            return;
        }
    }
    const struct bytes arguments[] = {bytes_of("93"), bytes_of("Protocol not supported"),
                                      bytes_of(IDENTITIES[identity]->name), subsystem};
    say(&a, "error", arguments, sizeof arguments / sizeof *arguments);
}

/* -- calls that go out ---------------------------------------------------------------------------------- */

enum status hosted_ask(struct hosted *h, const char *identity, const char *peer, const char *method,
                       json_t *params, uint32_t timeout_ms, hosted_on_reply *on_reply, void *context)
{
    char id[48];
    uint32_t from = 0, slot = 0;
    uint32_t to = peers_find(&h->router->peers, bytes_of(peer));
    while (from < IDENTITY_COUNT && strcmp(IDENTITIES[from]->name, identity) != 0)
        from++;
    CHECK(from < IDENTITY_COUNT);
    while (on_reply != NULL && slot < HOSTED_ASKED_MAX && h->asked[slot].number != 0)
        slot++;
    if (to == 0 || slot == HOSTED_ASKED_MAX) {
        json_decref(params);
        return to == 0 ? BB_NOT_FOUND : BB_FULL;
    }
    uint64_t number = ++h->counter * HOSTED_ASKED_MAX + slot;
    snprintf(id, sizeof id, ID_PREFIX "%llu", (unsigned long long)number);
    if (on_reply != NULL)
        h->asked[slot] = (struct asked){number, to, h->now_ms + timeout_ms, on_reply, context};
    send_text(h, from, to, bytes_of(id), jsonrpc_request_text(on_reply == NULL ? NULL : id, method, params));
    return BB_OK;
}

/* Ends a question without an answer. */
static void give_up(struct asked *asked, enum status status)
{
    struct asked done = *asked;
    asked->number = 0;
    done.on_reply(done.context, status, NULL);
}

void hosted_left(struct hosted *h, uint32_t peer)
{
    waiting_forget(&h->waiting, peer);
    for (size_t i = 0; i < HOSTED_TICKETS_MAX; i++)
        if (h->tickets[i].number != 0 && h->tickets[i].peer == peer)
            free_ticket(&h->tickets[i]);
    for (size_t i = 0; i < HOSTED_ASKED_MAX; i++)
        if (h->asked[i].number != 0 && h->asked[i].peer == peer)
            give_up(&h->asked[i], BB_CLOSED);
}

/* Does the oldest call that waits, when there is time for it. */
static void go_on(struct hosted *h)
{
    struct waiting_call call;
    if (h->waiting.count == 0 || !waiting_is_over(&h->waiting, h->now_ms) ||
        !waiting_take(&h->waiting, &call))
        return;
    const struct arrival a = {h, call.identity, call.peer, {call.message_id, call.message_id_size}};
    const struct jsonrpc_message m = {.id = call.id, .method = call.method, .params = call.params};
    call_method(&a, &m, true);
    waiting_free(&call);
}

static void tick(struct hosted *h)
{
    for (size_t i = 0; i < HOSTED_ASKED_MAX; i++)
        if (h->asked[i].number != 0 && h->now_ms >= h->asked[i].deadline_ms)
            give_up(&h->asked[i], BB_TIMEOUT);
    for (size_t i = 0; i < IDENTITY_COUNT; i++)
        if (IDENTITIES[i]->tick != NULL)
            IDENTITIES[i]->tick(h->contexts[i]);
}

bool hosted_tick(struct hosted *h, int64_t now_ms)
{
    h->now_ms = now_ms;
    go_on(h);
    if (now_ms - h->ticked_ms >= TICK_MS) {
        h->ticked_ms = now_ms;
        tick(h);
    }
    return h->waiting.count > 0;
}

/* -- opening -------------------------------------------------------------------------------------------- */

struct hosted *hosted_open(struct broker *broker, struct router *router, struct post *post)
{
    struct hosted *h = calloc(1, sizeof *h);
    CHECK(h != NULL);
    h->router = router;
    h->post = post;
    h->out = calloc(1, sizeof *h->out);
    CHECK(h->out != NULL);
    for (size_t i = 0; i < IDENTITY_COUNT; i++) {
        CHECK(router_host(router, IDENTITIES[i]->name) == i);
        h->contexts[i] = IDENTITIES[i]->open(broker, h);
    }
    return h;
}

void hosted_close(struct hosted *h)
{
    if (h == NULL)
        return;
    waiting_forget(&h->waiting, 0);
    for (size_t i = 0; i < HOSTED_ASKED_MAX; i++)
        if (h->asked[i].number != 0)
            give_up(&h->asked[i], BB_CLOSED);
    for (size_t i = 0; i < IDENTITY_COUNT; i++)
        IDENTITIES[i]->close(h->contexts[i]);
    for (size_t i = 0; i < HOSTED_TICKETS_MAX; i++)
        if (h->tickets[i].number != 0)
            free_ticket(&h->tickets[i]);
    free(h->out);
    free(h);
}

json_t *hosted_status(const struct hosted *h)
{
    json_t *list = json_array();
    for (size_t i = 0; i < IDENTITY_COUNT; i++) {
        json_t *one = IDENTITIES[i]->status(h->contexts[i]);
        json_object_set_new(one, "identity", json_string(IDENTITIES[i]->name));
        json_array_append_new(list, one);
    }
    return list;
}

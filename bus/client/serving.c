/* The calls that a client serves: at once, or later. */
#include "bus/client/serving.h"

#include <busbar/check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE_NO_METHOD (-32601)

static enum status serve(struct bb_client *c, const char *method, struct served served)
{
    for (size_t i = 0; i < c->method_count; i++)
        if (strcmp(c->methods[i].method, method) == 0)
            return BB_EXISTS;
    if (c->method_count == CLIENT_METHODS_MAX)
        return BB_FULL;
    served.method = strdup(method);
    CHECK(served.method != NULL);
    c->methods[c->method_count++] = served;
    return BB_OK;
}

enum status bb_serve(struct bb_client *c, const char *method, bb_on_call *on_call, void *context)
{
    return serve(c, method, (struct served){.on_call = on_call, .context = context});
}

enum status bb_serve_later(struct bb_client *c, const char *method, bb_on_call_later *on_call, void *context)
{
    return serve(c, method, (struct served){.on_call_later = on_call, .context = context});
}

enum status bb_serve_named(struct bb_client *c, const char *method, const char *const *names,
                           bb_on_call_later *on_call, void *context)
{
    return serve(c, method, (struct served){.on_call_later = on_call, .context = context, .names = names});
}

/* The built-in `inspect`: which methods are served. */
static enum status inspect(const struct bb_client *c, char **result_out)
{
    json_t *root = json_pack("{s:{s:s},s:[]}", "peer", "identity", c->identity, "methods");
    for (size_t i = 0; i < c->method_count; i++)
        json_array_append_new(json_object_get(root, "methods"), json_string(c->methods[i].method));
    *result_out = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return BB_OK;
}

static int error_code(enum status status)
{
    switch (status) {
    case BB_MALFORMED:
    case BB_RANGE:
        return -32602;
    case BB_DENIED:
        return -32001;
    case BB_OK:
    case BB_IO:
    case BB_CLOSED:
    case BB_FULL:
    case BB_NOT_FOUND:
    case BB_EXISTS:
    case BB_TIMEOUT:
    case BB_UNREACHABLE:
    case BB_VERSION:
    case BB_REMOTE:
    case BB_INTERRUPTED:
        break;
    }
    return -32000;
}

static struct bb_pending *new_pending(struct bb_client *c, const struct wire *wire, char *id)
{
    struct bb_pending *pending = calloc(1, sizeof *pending);
    struct bytes peer = wire_frame(wire, 0), user = wire_frame(wire, 2), message_id = wire_frame(wire, 3);
    CHECK(pending != NULL);
    pending->client = c;
    pending->id = id;
    pending->peer = strndup(peer.size > 0 ? (const char *)peer.data : "", peer.size);
    pending->message_id = malloc(message_id.size + 1);
    CHECK(pending->peer != NULL && pending->message_id != NULL);
    if (user.size > 0 && memchr(user.data, '@', user.size) != NULL && !bytes_equal(user, peer)) {
        pending->recipient = strndup((const char *)user.data, user.size);
        CHECK(pending->recipient != NULL);
    }
    if (message_id.size > 0)
        memcpy(pending->message_id, message_id.data, message_id.size);
    pending->message_id_size = message_id.size;
    pending->next = c->pending;
    if (c->pending != NULL)
        c->pending->previous = pending;
    c->pending = pending;
    c->pending_count++;
    return pending;
}

static void free_pending(struct bb_pending *pending)
{
    pending->client->pending_count--;
    free(pending->recipient);
    free(pending->peer);
    free(pending->message_id);
    free(pending->id);
    free(pending->text);
    free(pending);
}

static void drop_oldest(struct bb_client *c)
{
    struct bb_pending *oldest = c->outbox;
    c->outbox = oldest->next;
    if (c->outbox == NULL)
        c->outbox_last = &c->outbox;
    c->outbox_bytes -= strlen(oldest->text);
    free_pending(oldest);
}

void serving_send(struct bb_client *c)
{
    while (c->phase == CLIENT_READY && c->outbox != NULL) {
        const struct bb_pending *p = c->outbox;
        struct bytes frames[] = {bytes_of(p->peer),
                                 bytes_of("VIP1"),
                                 bytes_of(p->recipient != NULL ? p->recipient : ""),
                                 {p->message_id, p->message_id_size},
                                 bytes_of("RPC"),
                                 bytes_of(p->text)};
        if (wire_send(c->socket, frames, sizeof frames / sizeof *frames) != BB_OK)
            break;
        drop_oldest(c);
    }
}

/* Takes a call out of those that wait and puts its answer (malloc'd) on the way, behind the earlier ones. */
static void settle(struct bb_pending *pending, char *text)
{
    struct bb_client *c = pending->client;
    if (pending->previous != NULL)
        pending->previous->next = pending->next;
    else
        c->pending = pending->next;
    if (pending->next != NULL)
        pending->next->previous = pending->previous;
    pending->previous = pending->next = NULL;
    pending->text = text;
    if (text == NULL) {
        free_pending(pending);
        return;
    }
    c->outbox_bytes += strlen(text);
    *c->outbox_last = pending;
    c->outbox_last = &pending->next;
    serving_send(c);
    while (c->outbox_bytes > CLIENT_OUTBOX_MAX)
        drop_oldest(c);
    if (c->outbox != NULL)
        client_rearm(c);
}

static void answer_error(struct bb_pending *pending, int code, const char *message, enum status status)
{
    settle(pending,
           pending->id == NULL ? NULL : envelope_error(pending->id, code, message, bb_status_word(status)));
}

void bb_answer(struct bb_pending *pending, enum status status, const char *json)
{
    if (status != BB_OK)
        answer_error(pending, error_code(status), json != NULL ? json : bb_status_text(status), status);
    else
        settle(pending,
               pending->id == NULL ? NULL : envelope_result(pending->id, json != NULL ? json : "null"));
}

void bb_answer_error(struct bb_pending *pending, const char *error)
{
    settle(pending, pending->id == NULL ? NULL : envelope_raw_error(pending->id, error));
}

void bb_serve_foreign(struct bb_client *c, bb_on_foreign_call *on_call, void *context)
{
    c->on_foreign_call = on_call;
    c->foreign_context = context;
}

/* Python peers send {"*args":[…],"**kwargs":{…}} when a call has both kinds; one of them empty reads as the
 * other. */
static char *plain_params(char *params)
{
    if (params == NULL || strpbrk(params, "*\\") == NULL) /* no such key, however it is written */
        return params;
    json_t *root = json_loads(params, 0, NULL);
    json_t *list = json_object_get(root, "*args"), *named = json_object_get(root, "**kwargs");
    json_t *chosen = NULL;
    if (list != NULL || named != NULL)
        chosen = json_object_size(named) > 0 && json_array_size(list) == 0 ? named : list;
    if (chosen != NULL) {
        free(params);
        params = json_dumps(chosen, JSON_COMPACT | JSON_REAL_PRECISION(15));
    }
    json_decref(root);
    return params;
}

/* The parameters under their names, malloc'd; NULL: there are more than names, or they are none. */
static char *named_params(const char *params, const char *const *names)
{
    json_t *root = params == NULL ? NULL : json_loads(params, 0, NULL);
    const json_t *list = json_is_array(root) ? root : json_object_get(root, "*args");
    json_t *named = json_object_get(root, "**kwargs"), *object = json_object();
    size_t count = 0;
    if (json_is_object(named) || (json_is_object(root) && list == NULL && named == NULL))
        json_object_update(object, named != NULL ? named : root);
    while (count < json_array_size(list) && names[count] != NULL) {
        json_object_set(object, names[count], json_array_get(list, count));
        count++;
    }
    char *text =
        count < json_array_size(list) ? NULL : json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(object);
    json_decref(root);
    return text;
}

static void call_named(const struct served *served, struct bb_pending *pending, const char *caller,
                       const char *params)
{
    char *named = named_params(params, served->names);
    if (named != NULL)
        served->on_call_later(served->context, pending, caller, named);
    else
        bb_answer(pending, BB_RANGE, "there are more parameters than the method has");
    free(named);
}

static void call_now(const struct served *served, struct bb_pending *pending, const char *caller,
                     const char *params)
{
    char *result = NULL;
    enum status status = served->on_call(served->context, caller, params, &result);
    bb_answer(pending, status, result);
    free(result);
}

/* *params is replaced by what it reads as. */
static void call_served(const struct served *served, struct bb_pending *pending, const char *caller,
                        char **params)
{
    if (served->names != NULL) {
        call_named(served, pending, caller, *params);
        return;
    }
    *params = plain_params(*params);
    const char *given = *params != NULL ? *params : "[]";
    if (served->on_call != NULL)
        call_now(served, pending, caller, given);
    else
        served->on_call_later(served->context, pending, caller, given);
}

static void call_foreign(struct bb_pending *pending, const char *caller, const char *method,
                         const char *params)
{
    const struct bb_client *c = pending->client;
    if (c->on_foreign_call == NULL)
        bb_answer(pending, BB_UNREACHABLE, "this agent does not speak for peers of other platforms");
    else
        c->on_foreign_call(c->foreign_context, pending, pending->recipient, caller, method, params);
}

static void call_inspect(struct bb_pending *pending)
{
    char *result = NULL;
    enum status status = inspect(pending->client, &result);
    bb_answer(pending, status, result);
    free(result);
}

static void refuse_method(struct bb_pending *pending, const char *method)
{
    char text[BB_IDENTITY_MAX + 128];
    snprintf(text, sizeof text, "%s serves no method \"%.64s\"; `inspect` lists them",
             pending->client->identity, method);
    answer_error(pending, CODE_NO_METHOD, text, BB_NOT_FOUND);
}

void serving_call(struct bb_client *c, const struct wire *wire, const struct envelope *envelope,
                  const char *caller, const char *method)
{
    char *params = envelope_member(envelope, "params");
    const struct served *served = NULL;
    for (size_t i = 0; i < c->method_count; i++)
        if (strcmp(c->methods[i].method, method) == 0)
            served = &c->methods[i];
    struct bb_pending *pending = new_pending(c, wire, envelope_member(envelope, "id"));
    if (c->pending_count > CLIENT_PENDING_MAX)
        bb_answer(pending, BB_FULL, "too many calls wait for their answers; try again");
    else if (pending->recipient != NULL)
        call_foreign(pending, caller, method, params);
    else if (served == NULL && strcmp(method, "inspect") == 0)
        call_inspect(pending);
    else if (served == NULL)
        refuse_method(pending, method);
    else
        call_served(served, pending, caller, &params);
    free(params);
}

void serving_close(struct bb_client *c)
{
    while (c->pending != NULL)
        bb_answer(c->pending, BB_CLOSED, "the peer ends");
    serving_send(c);
}

void serving_free(struct bb_client *c)
{
    while (c->pending != NULL)
        settle(c->pending, NULL);
    while (c->outbox != NULL)
        drop_oldest(c);
    for (size_t i = 0; i < c->method_count; i++)
        free(c->methods[i].method);
    c->method_count = 0;
}

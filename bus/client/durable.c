#include <busbar/durable.h>

#include "bus/client/client_state.h"

#include <busbar/check.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BROKER      "busbar.broker"
#define REGISTER_MS 10000
#define CLOSE_MS    2000
#define RETRY_MS    1000
/* How long the broker waits for a message, and how long we wait for the broker. */
#define WAIT_MS 20000
#define READ_MS 30000
#define ACK_MS  10000

struct bb_durable {
    struct bb_client *client;
    json_t *open; /* params of the registration */
    char *name;
    bb_on_durable *on_message;
    void *context;
    uint64_t position;     /* read up to here */
    uint64_t given;        /* of the last message that the handler has taken */
    uint64_t handled;      /* to be acknowledged */
    uint64_t acknowledged; /* by the broker */
    uint64_t lost;
    unsigned in_flight; /* calls whose reply is to come */
    bool reading, acknowledging, closed, manual;
    int timer;
    bool armed;
};

static void go_on(struct bb_durable *d);

/* -- lifetime: replies may come after the end ------------------------------------------------------------ */

static void release(struct bb_durable *d)
{
    if (!d->closed || d->in_flight > 0)
        return;
    json_decref(d->open);
    free(d->name);
    free(d);
}

static void on_retry(void *context)
{
    struct bb_durable *d = context;
    d->armed = false;
    go_on(d);
}

static void retry_later(struct bb_durable *d)
{
    if (!d->armed && !d->closed)
        d->armed = bb_loop_after(d->client->loop, RETRY_MS, on_retry, d, &d->timer) == BB_OK;
}

/* Calls the broker; false: not now. `params` is taken over. */
static bool request(struct bb_durable *d, const char *method, json_t *params, uint32_t timeout_ms,
                    bb_on_reply *on_reply)
{
    char *text = json_dumps(params, JSON_COMPACT);
    json_decref(params);
    bool sent = text != NULL && bb_request(d->client, BROKER, method, text, timeout_ms, on_reply, d) == BB_OK;
    free(text);
    d->in_flight += sent;
    return sent;
}

/* The result of a reply, new; NULL when there is none or the broker refused. */
static json_t *result_of(enum status status, const char *json)
{
    json_t *result = status == BB_OK && json != NULL ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
    if (json_object_get(result, "refused") == NULL)
        return result;
    json_decref(result);
    return NULL;
}

static uint64_t number_of(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));
    return value < 0 ? 0 : (uint64_t)value;
}

/* -- acknowledging -------------------------------------------------------------------------------------- */

static void on_acknowledged(void *context, enum status status, const char *json)
{
    struct bb_durable *d = context;
    json_t *result = result_of(status, json);
    d->in_flight--;
    d->acknowledging = false;
    if (result != NULL && number_of(result, "acknowledged") > d->acknowledged)
        d->acknowledged = number_of(result, "acknowledged");
    if (d->closed)
        release(d);
    else if (result == NULL)
        retry_later(d);
    else
        go_on(d);
    json_decref(result);
}

static json_t *acknowledgement(const struct bb_durable *d)
{
    return json_pack("{s:s,s:I}", "name", d->name, "offset", (json_int_t)d->handled);
}

static void acknowledge(struct bb_durable *d)
{
    d->acknowledging = request(d, "durable.ack", acknowledgement(d), ACK_MS, on_acknowledged);
    if (!d->acknowledging)
        retry_later(d);
}

/* -- reading -------------------------------------------------------------------------------------------- */

/* Hands a message over; false: it is to come again. */
static bool handle(struct bb_durable *d, const json_t *row)
{
    const struct bb_durable_message m = {(int64_t)number_of(row, "offset"),
                                         (int64_t)number_of(row, "time_ms"),
                                         json_string_value(json_object_get(row, "topic")),
                                         json_string_value(json_object_get(row, "sender")),
                                         json_string_value(json_object_get(row, "headers")),
                                         json_string_value(json_object_get(row, "message"))};
    if (m.topic == NULL || m.sender == NULL || m.headers == NULL || m.message == NULL)
        return true;
    if (d->on_message(d->context, &m) != BB_OK)
        return false;
    d->given = d->position = (uint64_t)m.offset;
    if (!d->manual)
        d->handled = d->given;
    return true;
}

static void take_page(struct bb_durable *d, const json_t *page)
{
    const json_t *rows = json_object_get(page, "messages");
    d->lost = number_of(page, "lost");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (!handle(d, json_array_get(rows, i))) {
            retry_later(d);
            return;
        }
    }
    /* What lies between is not for this name. */
    if (number_of(page, "next") > d->position) {
        bool all_handled = d->handled >= d->given;
        d->position = number_of(page, "next");
        if (all_handled)
            d->handled = d->position;
    }
}

static void on_registered(void *context, enum status status, const char *json)
{
    struct bb_durable *d = context;
    json_t *result = result_of(status, json);
    d->in_flight--;
    d->reading = false;
    if (d->closed)
        release(d);
    else
        retry_later(d);
    json_decref(result);
}

/* The name is gone, or the broker has lost it: it is made again, where this process stands. */
static void register_again(struct bb_durable *d)
{
    json_t *params = json_copy(d->open);
    json_object_set_new(params, "from", json_integer((json_int_t)d->handled + 1));
    json_object_set_new(params, "seek", json_false());
    d->reading = request(d, "durable.open", params, REGISTER_MS, on_registered);
    if (!d->reading)
        retry_later(d);
}

static void on_page(void *context, enum status status, const char *json)
{
    struct bb_durable *d = context;
    json_t *page = result_of(status, json);
    d->in_flight--;
    d->reading = false;
    if (d->closed) {
        release(d);
    } else if (page != NULL) {
        take_page(d, page);
        go_on(d);
    } else if (status == BB_REMOTE) {
        register_again(d);
    } else {
        retry_later(d);
    }
    json_decref(page);
}

/* Starts what is not under way. */
static void go_on(struct bb_durable *d)
{
    if (d->handled > d->acknowledged && !d->acknowledging)
        acknowledge(d);
    if (d->reading || d->armed)
        return;
    d->reading = request(
        d, "durable.read",
        json_pack("{s:s,s:I,s:i}", "name", d->name, "after", (json_int_t)d->position, "wait_ms", WAIT_MS),
        READ_MS, on_page);
    if (!d->reading)
        retry_later(d);
}

/* -- opening -------------------------------------------------------------------------------------------- */

/* The parameters of durable.open, new; NULL: something is no text. */
static json_t *parameters(const struct bb_durable_options *options)
{
    json_t *prefixes = json_array();
    for (size_t i = 0; i < options->prefix_count; i++)
        if (json_array_append_new(prefixes, json_string(options->prefixes[i])) != 0)
            break;
    json_t *from = options->from == NULL ? json_null() : json_loads(options->from, JSON_DECODE_ANY, NULL);
    if (from == NULL || json_array_size(prefixes) != options->prefix_count) {
        json_decref(from);
        json_decref(prefixes);
        return NULL;
    }
    return json_pack("{s:s,s:o,s:o,s:b}", "name", options->name, "prefixes", prefixes, "from", from, "seek",
                     options->seek != 0);
}

static void say(const struct bb_durable_options *options, const char *text)
{
    if (options->reason != NULL)
        bb_reason_say(options->reason, "%s", text);
}

/* Registers the name; *at_out is where it stands. */
static enum status register_name(struct bb_client *client, const struct bb_durable_options *options,
                                 const json_t *params, uint64_t *at_out)
{
    char *text = json_dumps(params, JSON_COMPACT), *answer = NULL;
    enum status status =
        text == NULL ? BB_RANGE : bb_call(client, BROKER, "durable.open", text, REGISTER_MS, &answer);
    free(text);
    json_t *result = answer == NULL ? NULL : json_loads(answer, JSON_DECODE_ANY, NULL);
    const char *why = json_string_value(json_object_get(result, status == BB_OK ? "refused" : "message"));
    if (status == BB_OK && why != NULL)
        status = BB_REMOTE;
    if (status == BB_OK)
        *at_out = number_of(result, "acknowledged");
    else
        say(options, why != NULL ? why : bb_client_reason(client));
    json_decref(result);
    free(answer);
    return status;
}

enum status bb_durable_open(struct bb_client *client, const struct bb_durable_options *options,
                            bb_on_durable *on_message, void *context, struct bb_durable **out)
{
    json_t *params = parameters(options);
    uint64_t at = 0;
    if (params == NULL) {
        say(options, "a durable subscriber needs a name, prefixes and a start that are texts in UTF-8");
        return BB_RANGE;
    }
    enum status status = register_name(client, options, params, &at);
    if (status != BB_OK) {
        json_decref(params);
        return status;
    }
    struct bb_durable *d = calloc(1, sizeof *d);
    CHECK(d != NULL);
    d->client = client;
    d->open = params;
    d->name = strdup(options->name);
    d->on_message = on_message;
    d->context = context;
    d->position = d->given = d->handled = d->acknowledged = at;
    d->manual = options->manual != 0;
    go_on(d);
    *out = d;
    return BB_OK;
}

void bb_durable_acknowledge(struct bb_durable *d, int64_t offset)
{
    if (offset < 0 || (uint64_t)offset <= d->handled || (uint64_t)offset > d->given)
        return;
    /* Behind the last one that was given lies nothing for this name, as far as it has read. */
    d->handled = (uint64_t)offset == d->given ? d->position : (uint64_t)offset;
    if (!d->acknowledging && !d->closed)
        acknowledge(d);
}

void bb_durable_close(struct bb_durable *d)
{
    if (d == NULL)
        return;
    if (d->armed)
        bb_loop_cancel(d->client->loop, d->timer);
    d->closed = true;
    /* Replies that come while the acknowledgement is waited for must not free it. */
    d->in_flight++;
    if (d->handled > d->acknowledged) {
        json_t *params = acknowledgement(d);
        char *text = json_dumps(params, JSON_COMPACT), *answer = NULL;
        /* Should it not arrive, the messages come again. */
        if (text != NULL && bb_call(d->client, BROKER, "durable.ack", text, CLOSE_MS, &answer) == BB_OK)
            d->acknowledged = d->handled;
        free(answer);
        free(text);
        json_decref(params);
    }
    d->in_flight--;
    release(d);
}

uint64_t bb_durable_lost(const struct bb_durable *d)
{
    return d->lost;
}

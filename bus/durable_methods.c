#include "bus/durable_methods.h"

#include "bus/durable_state.h"
#include "bus/state.h"
#include "bus/texts.h"

#include <busbar/check.h>
#include <busbar/loop.h>
#include <stdlib.h>

#define ROWS_DEFAULT 100
#define ROWS_MAX     256
/* A page ends when its texts have grown beyond this, or when so many messages were looked at. */
#define PAGE_BYTES (256 * 1024)
#define PAGE_LOOKS 4096
#define WAIT_MAX   60000

/* A change of a name on its way through the writer. */
struct change {
    struct durable_job job; /* first: what the writer gives back is it */
    struct durable_name name;
    uint64_t ticket;
};

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static void fail(struct hosted_call *call, const char *what)
{
    hosted_fail(call, JSONRPC_INVALID_PARAMS, "ValueError", "%s: %s", call->method->name, what);
}

/* What is durable here; NULL: nothing, and the call was answered so. */
static struct durable *durable_of(struct hosted_call *call)
{
    struct durable *d = ((struct broker *)call->context)->durable;
    if (d == NULL)
        hosted_fail(call, JSONRPC_FAILED, "ValueError",
                    "%s: no topics are durable here; busbard.json names them in \"durable\"",
                    call->method->name);
    return d;
}

static const char *key_of(const struct hosted_call *call)
{
    return ((const struct broker *)call->context)->post->receivers[call->peer].user;
}

/* True when the name's subscriber is the caller's key; with `admin`, also for those who look after the bus.
 */
static bool is_owner(const struct hosted_call *call, const struct durable_name *name, bool admin)
{
    return strcmp(name->key, key_of(call)) == 0 || (admin && hosted_may(call, ACCESS_ADMIN));
}

/* Finds the name that the first argument says; false: the call was answered with what is wrong. */
static bool find_name(struct hosted_call *call, struct durable *d, bool admin, struct durable_name *out)
{
    const char *text = json_string_value(call->arguments[0]);
    bool found = durable_is_name(bytes_of(text)) && durable_writer_find(d->writer, text, out);
    if (found && is_owner(call, out, admin))
        return true;
    hosted_fail(call, found ? JSONRPC_UNAUTHORIZED : JSONRPC_FAILED, found ? "Unauthorized" : "KeyError",
                found ? "%s: \"%s\" belongs to another key" : "%s: there is no durable subscriber \"%.64s\"",
                call->method->name, text);
    return false;
}

/* -- changes -------------------------------------------------------------------------------------------- */

static struct change *change_of(enum durable_kind kind, const struct durable_name *name)
{
    struct change *change = calloc(1, sizeof *change);
    CHECK(change != NULL);
    change->name = *name;
    change->job.kind = kind;
    change->job.name = &change->name;
    return change;
}

/* Hands the change over; it is answered when it is on the disk. */
static void submit(struct hosted_call *call, struct durable *d, struct change *change)
{
    if (hosted_defer(call, &change->ticket) != BB_OK) {
        free(change);
        hosted_fail(call, JSONRPC_FAILED, "RuntimeError", "%s: too many calls wait for an answer",
                    call->method->name);
        return;
    }
    durable_writer_put(d->writer, &change->job);
}

void durable_methods_done(struct durable *d, struct durable_job *job)
{
    struct change *change = (struct change *)(void *)job;
    struct durable_name now = {.acknowledged = 0};
    json_t *result;
    bool there = durable_writer_find(d->writer, change->name.name, &now);
    if (job->status != BB_OK)
        result = json_pack("{s:s}", "refused", job->reason);
    else if (job->kind == DURABLE_DROP || !there)
        result = json_pack("{s:s}", "name", change->name.name);
    else
        result = json_pack("{s:s,s:o,s:o,s:o}", "name", now.name, "acknowledged", number(now.acknowledged),
                           "lost", number(now.lost), "created_ms", json_integer(now.created_ms));
    hosted_finish(d->broker->hosted, change->ticket, result);
    free(change);
}

/* Reads the list of prefixes: each must be granted, and hold a durable topic. */
static bool read_prefixes(struct hosted_call *call, struct durable *d, struct durable_prefixes *prefixes)
{
    const struct broker *b = call->context;
    const json_t *list = call->arguments[1];
    for (size_t i = 0; i < json_array_size(list); i++) {
        uint8_t text[BB_TOPIC_MAX];
        size_t size = 0;
        if (texts_to_latin1(json_array_get(list, i), text, sizeof text, &size) != BB_OK) {
            fail(call, "\"prefixes\" must be beginnings of topics");
            return false;
        }
        struct bytes prefix = {text, size};
        if (!access_allows(b->access, call->entry, ACCESS_SUBSCRIBE, prefix)) {
            hosted_fail(call, JSONRPC_UNAUTHORIZED, "Unauthorized",
                        "%s: subscribing to \"%.*s\" is not granted to %s (access.json)", call->method->name,
                        (int)size, (const char *)text, call->caller);
            return false;
        }
        if (!durable_policy_meets(d->policies, d->policy_count, prefix)) {
            hosted_fail(call, JSONRPC_FAILED, "ValueError",
                        "%s: no durable topic begins with \"%.*s\"; busbard.json names them in \"durable\"",
                        call->method->name, (int)size, (const char *)text);
            return false;
        }
        if (durable_prefixes_add(prefixes, prefix) != BB_OK) {
            fail(call, "too many \"prefixes\"");
            return false;
        }
    }
    if (prefixes->count == 0)
        fail(call, "\"prefixes\" is empty");
    return prefixes->count > 0;
}

/* Reads `from`: "start", "now", an offset, or {"time_ms":…}. */
static bool read_from(struct hosted_call *call, enum durable_from *from_out, int64_t *value_out)
{
    const json_t *from = call->arguments[2], *time = json_object_get(from, "time_ms");
    const char *word = json_string_value(from);
    if (from == NULL || json_is_null(from) || (word != NULL && strcmp(word, "now") == 0)) {
        *from_out = DURABLE_FROM_NOW;
    } else if (word != NULL && strcmp(word, "start") == 0) {
        *from_out = DURABLE_FROM_START;
    } else if (json_is_integer(from) && json_integer_value(from) >= 0) {
        *from_out = DURABLE_FROM_OFFSET;
        *value_out = json_integer_value(from);
    } else if (json_is_integer(time) && json_object_size(from) == 1) {
        *from_out = DURABLE_FROM_TIME;
        *value_out = json_integer_value(time);
    } else {
        fail(call, "\"from\" must be \"start\", \"now\", an offset, or {\"time_ms\":…}");
        return false;
    }
    return true;
}

void durable_methods_open(struct hosted_call *call)
{
    struct durable *d = durable_of(call);
    const char *text = json_string_value(call->arguments[0]);
    struct durable_name name = {.created_ms = bb_loop_wall_ms()}, known;
    enum durable_from from = DURABLE_FROM_HERE;
    int64_t value = 0;
    if (d == NULL)
        return;
    if (!durable_is_name(bytes_of(text))) {
        fail(call, "\"name\" must be 1 to 64 of letters, digits, dots, dashes and underscores");
        return;
    }
    snprintf(name.name, sizeof name.name, "%s", text);
    snprintf(name.key, sizeof name.key, "%s", key_of(call));
    bool there = durable_writer_find(d->writer, text, &known);
    if (there && !is_owner(call, &known, false)) {
        hosted_fail(call, JSONRPC_UNAUTHORIZED, "Unauthorized", "%s: \"%s\" belongs to another key",
                    call->method->name, text);
        return;
    }
    if (!read_prefixes(call, d, &name.prefixes) || !read_from(call, &from, &value))
        return;
    if (there && !json_is_true(call->arguments[3]))
        from = DURABLE_FROM_HERE;
    struct change *change = change_of(DURABLE_REGISTER, &name);
    change->job.from = from;
    change->job.value = value;
    submit(call, d, change);
}

void durable_methods_ack(struct hosted_call *call)
{
    struct durable *d = durable_of(call);
    struct durable_name name;
    json_int_t offset = json_integer_value(call->arguments[1]);
    if (d == NULL || !find_name(call, d, false, &name))
        return;
    if (offset < 0) {
        fail(call, "\"offset\" is none");
        return;
    }
    struct change *change = change_of(DURABLE_ACKNOWLEDGE, &name);
    change->job.offset = (uint64_t)offset;
    submit(call, d, change);
}

void durable_methods_drop(struct hosted_call *call)
{
    struct durable *d = durable_of(call);
    struct durable_name name;
    if (d != NULL && find_name(call, d, true, &name))
        submit(call, d, change_of(DURABLE_DROP, &name));
}

/* -- reading -------------------------------------------------------------------------------------------- */

/* A page on its way. */
struct page {
    const struct access *access;
    uint32_t entry; /* of the name's key, under the rules in force now */
    const struct durable_name *name;
    json_t *rows;
    uint32_t max;
    size_t size;
};

static bool take_row(void *context, const struct durable_message *m)
{
    struct page *page = context;
    if (!durable_prefixes_match(&page->name->prefixes, m->topic) ||
        !access_allows(page->access, page->entry, ACCESS_SUBSCRIBE, m->topic))
        return true;
    page->size += m->headers.size + m->message.size;
    json_array_append_new(page->rows,
                          json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "offset", number(m->offset), "time_ms",
                                    json_integer(m->time_ms), "topic", texts_of_latin1(m->topic), "sender",
                                    texts_of_latin1(m->sender), "headers", texts_of_json(m->headers, "{}"),
                                    "message", texts_of_json(m->message, "null")));
    return json_array_size(page->rows) < page->max && page->size < PAGE_BYTES;
}

/* What is asked for behind an offset. */
struct request {
    const struct durable_name *name;
    uint64_t after;
    uint32_t max;
};

/* The page, new; *empty_out: there is nothing in it, and nothing behind it. */
static json_t *read_page(struct durable *d, const struct request *request, bool *empty_out)
{
    struct page page = {d->broker->access, ACCESS_OPEN, request->name, json_array(), request->max, 0};
    struct bb_reason reason = {""};
    uint64_t last = request->after;
    bool more = false;
    /* A key that has no entry any more reads nothing. */
    bool granted =
        !d->broker->secure || access_find(page.access, bytes_of(page.name->key), &page.entry) == BB_OK;
    enum status status = !granted ? BB_OK
                                  : durable_reader_read(d->reader, request->after, PAGE_LOOKS, take_row,
                                                        &page, &last, &more, &reason);
    *empty_out = status == BB_OK && json_array_size(page.rows) == 0 && !more;
    if (status == BB_OK)
        return json_pack("{s:o,s:o,s:b,s:o,s:o}", "messages", page.rows, "next", number(last), "more", more,
                         "acknowledged", number(request->name->acknowledged), "lost",
                         number(request->name->lost));
    json_decref(page.rows);
    return json_pack("{s:s}", "refused", reason.text);
}

/* Lets the call wait for a message; an earlier one in the same name is answered by the next look. */
static void wait_for(struct hosted_call *call, struct durable *d, const struct request *request,
                     int64_t wait_ms)
{
    uint32_t at = 0;
    while (at < d->waiting_count && strcmp(d->waiting[at].name.name, request->name->name) != 0)
        at++;
    struct durable_waiting waiting = {.name = *request->name,
                                      .after = request->after,
                                      .max = request->max,
                                      .until_ms = d->broker->now_ms + wait_ms};
    bool empty;
    if (at == DURABLE_NAMES_MAX || hosted_defer(call, &waiting.ticket) != BB_OK) {
        hosted_result(call, read_page(d, request, &empty));
        return;
    }
    if (at < d->waiting_count)
        hosted_finish(d->broker->hosted, d->waiting[at].ticket,
                      json_pack("{s:s}", "refused", "another reader of this name has come"));
    else
        d->waiting_count++;
    d->waiting[at] = waiting;
}

void durable_methods_read(struct hosted_call *call)
{
    struct durable *d = durable_of(call);
    struct durable_name name;
    if (d == NULL || !find_name(call, d, false, &name))
        return;
    json_int_t max = call->arguments[1] == NULL ? ROWS_DEFAULT : json_integer_value(call->arguments[1]);
    json_int_t after =
        call->arguments[2] == NULL ? (json_int_t)name.acknowledged : json_integer_value(call->arguments[2]);
    json_int_t wait_ms = call->arguments[3] == NULL ? 0 : json_integer_value(call->arguments[3]);
    if (max < 1 || max > ROWS_MAX || after < 0 || wait_ms < 0 || wait_ms > WAIT_MAX) {
        fail(call, "\"max\" is from 1 to 256, \"after\" an offset, \"wait_ms\" from 0 to 60000");
        return;
    }
    const struct request request = {&name, (uint64_t)after, (uint32_t)max};
    bool empty;
    json_t *page = read_page(d, &request, &empty);
    if (!empty || wait_ms == 0) {
        hosted_result(call, page);
        return;
    }
    json_decref(page);
    wait_for(call, d, &request, wait_ms);
}

void durable_methods_wake(struct durable *d)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < d->waiting_count; i++) {
        struct durable_waiting *waiting = &d->waiting[i];
        const struct request request = {&waiting->name, waiting->after, waiting->max};
        bool over = d->broker->now_ms >= waiting->until_ms, empty = true;
        json_t *page = waiting->due || over ? read_page(d, &request, &empty) : NULL;
        waiting->due = false;
        if (page != NULL && (over || !empty)) {
            hosted_finish(d->broker->hosted, waiting->ticket, page);
            continue;
        }
        json_decref(page);
        if (kept != i)
            d->waiting[kept] = *waiting;
        kept++;
    }
    d->waiting_count = kept;
}

/* -- looking -------------------------------------------------------------------------------------------- */

static json_t *name_row(const struct durable_name *name, uint64_t last)
{
    json_t *prefixes = json_array();
    struct bytes prefix;
    size_t at = 0;
    while (durable_prefixes_next(&name->prefixes, &at, &prefix))
        json_array_append_new(prefixes, texts_of_latin1(prefix));
    return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "name", name->name, "key", name->key, "prefixes",
                     prefixes, "acknowledged", number(name->acknowledged), "behind",
                     number(last - name->acknowledged), "lost", number(name->lost), "created_ms",
                     json_integer(name->created_ms));
}

static json_t *streams_of(const struct durable_view *view)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < view->stream_count; i++) {
        const struct durable_stream *s = &view->streams[i];
        json_array_append_new(rows,
                              json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "prefix",
                                        texts_of_latin1((struct bytes){s->policy.prefix, s->policy.size}),
                                        "messages", number(s->messages), "bytes", number(s->bytes), "trimmed",
                                        number(s->trimmed), "keep_ms", json_integer(s->policy.keep_ms),
                                        "keep_bytes", json_integer(s->policy.keep_bytes)));
    }
    return rows;
}

void durable_methods_list(struct hosted_call *call)
{
    struct durable *d = durable_of(call);
    if (d == NULL)
        return;
    struct durable_view *view = durable_writer_view(d->writer);
    json_t *rows = json_array();
    for (size_t i = 0; i < view->name_count; i++)
        if (is_owner(call, &view->names[i], true))
            json_array_append_new(rows, name_row(&view->names[i], view->last));
    hosted_result(call, json_pack("{s:o,s:o,s:o}", "names", rows, "streams", streams_of(view), "last",
                                  number(view->last)));
    free(view);
}

json_t *durable_status(const struct durable *d)
{
    if (d == NULL)
        return json_null();
    struct durable_view *view = durable_writer_view(d->writer);
    json_t *all =
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b}", "kept", number(d->kept), "refused", number(d->refused),
                  "waiting", number(d->held), "last", number(view->last), "commits", number(view->commits),
                  "names", number(view->name_count), "streams", streams_of(view), "failing", d->failing);
    free(view);
    return all;
}

#define END                                                                                                  \
    {                                                                                                        \
        NULL, JSONRPC_ANY, false                                                                             \
    }
const struct jsonrpc_parameter DURABLE_OPEN_TAKES[] = {{"name", JSONRPC_TEXT, false},
                                                       {"prefixes", JSONRPC_LIST, false},
                                                       {"from", JSONRPC_ANY, true},
                                                       {"seek", JSONRPC_BOOL, true},
                                                       END};
const struct jsonrpc_parameter DURABLE_READ_TAKES[] = {{"name", JSONRPC_TEXT, false},
                                                       {"max", JSONRPC_INTEGER, true},
                                                       {"after", JSONRPC_INTEGER, true},
                                                       {"wait_ms", JSONRPC_INTEGER, true},
                                                       END};
const struct jsonrpc_parameter DURABLE_ACK_TAKES[] = {
    {"name", JSONRPC_TEXT, false}, {"offset", JSONRPC_INTEGER, false}, END};
const struct jsonrpc_parameter DURABLE_DROP_TAKES[] = {{"name", JSONRPC_TEXT, false}, END};

#include "agents/cli/retained.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

/* A delivered message whose topic has not been read yet. */
struct retained_waiting {
    struct message message;
    char *texts[4];
};

static enum status ask(struct retained *r);

/* A topic off the wire as the broker writes it: Latin-1 as UTF-8. */
static char *utf8_of(const char *topic)
{
    char *text = malloc(2 * strlen(topic) + 1), *to = text;
    CHECK(text != NULL);
    for (const unsigned char *at = (const unsigned char *)topic; *at != '\0'; at++) {
        if (*at >= 0x80)
            *to++ = (char)(0xc0 | *at >> 6);
        *to++ = (char)(*at < 0x80 ? *at : 0x80 | (*at & 0x3f));
    }
    *to = '\0';
    return text;
}

/* True when the page of this topic has come. */
static bool is_read(const struct retained *r, const char *topic)
{
    size_t place = 0;
    while (place < r->count && strncmp(topic, r->prefixes[place], strlen(r->prefixes[place])) != 0)
        place++;
    if (place != r->present)
        return place < r->present;
    char *text = utf8_of(topic);
    bool read = r->after != NULL && strcmp(text, r->after) <= 0;
    free(text);
    return read;
}

static void free_waiting(struct retained_waiting *w)
{
    for (size_t i = 0; i < 4; i++)
        free(w->texts[i]);
}

static void keep(struct retained *r, const struct message *m)
{
    if (r->waiting_count == RETAINED_WAITING_MAX) {
        r->failed = BB_FULL;
        snprintf(r->error, sizeof r->error, "more was published than could wait for the present state");
        bb_loop_stop(r->session->loop);
        return;
    }
    struct retained_waiting *wider = realloc(r->waiting, (r->waiting_count + 1) * sizeof *wider);
    CHECK(wider != NULL);
    r->waiting = wider;
    struct retained_waiting *w = &wider[r->waiting_count++];
    const char *const texts[4] = {m->topic, m->sender, m->headers == NULL ? "{}" : m->headers, m->message};
    for (size_t i = 0; i < 4; i++) {
        w->texts[i] = strdup(texts[i]);
        CHECK(w->texts[i] != NULL);
    }
    w->message = (struct message){m->time_ms, w->texts[0], w->texts[1], w->texts[2], w->texts[3], false, 0};
}

void retained_take(struct retained *r, const struct message *m)
{
    if (r->finished || is_read(r, m->topic))
        r->show(r->context, m);
    else
        keep(r, m);
}

static bool is_in(const json_t *rows, const char *topic)
{
    char *text = utf8_of(topic);
    bool found = false;
    for (size_t i = 0; i < json_array_size(rows) && !found; i++) {
        const char *other = json_string_value(json_object_get(json_array_get(rows, i), "topic"));
        found = other != NULL && strcmp(other, text) == 0;
    }
    free(text);
    return found;
}

/* Shows what waited for a topic of which nothing is kept; what the page holds itself is over. */
static void release(struct retained *r, const json_t *rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->waiting_count; i++) {
        struct retained_waiting w = r->waiting[i];
        if (!is_read(r, w.texts[0])) {
            r->waiting[kept++] = w;
            continue;
        }
        if (!is_in(rows, w.texts[0]))
            r->show(r->context, &w.message);
        free_waiting(&w);
    }
    r->waiting_count = kept;
}

static void show_rows(struct retained *r, const json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const struct message m = {json_integer_value(json_object_get(row, "time_ms")),
                                  json_string_value(json_object_get(row, "topic")),
                                  json_string_value(json_object_get(row, "sender")),
                                  json_string_value(json_object_get(row, "headers")),
                                  json_string_value(json_object_get(row, "message")),
                                  true,
                                  0};
        if (m.topic != NULL && m.sender != NULL && m.headers != NULL && m.message != NULL)
            r->show(r->context, &m);
    }
}

static void take_page(struct retained *r, const json_t *page)
{
    const json_t *rows = json_object_get(page, "messages");
    const char *next = json_string_value(json_object_get(page, "next"));
    show_rows(r, rows);
    free(r->after);
    r->after = next == NULL ? NULL : strdup(next);
    if (next == NULL)
        r->present++;
    release(r, rows);
    r->finished = r->present == r->count;
    enum status status = r->finished ? BB_OK : ask(r);
    if (status != BB_OK) {
        r->failed = status;
        bb_loop_stop(r->session->loop);
    }
}

static void on_page(void *context, enum status status, const char *json)
{
    struct retained *r = context;
    json_t *page = json == NULL ? NULL : json_loads(json, JSON_DECODE_ANY, NULL);
    if (status == BB_OK && json_is_object(page)) {
        take_page(r, page);
    } else {
        const char *why = json_string_value(json_object_get(page, "message"));
        r->failed = status == BB_OK ? BB_MALFORMED : status;
        snprintf(r->error, sizeof r->error, "the present state: %.150s",
                 why == NULL ? bb_status_text(r->failed) : why);
        bb_loop_stop(r->session->loop);
    }
    json_decref(page);
}

static enum status ask(struct retained *r)
{
    char *prefix = utf8_of(r->prefixes[r->present]);
    json_t *params = json_pack("{s:s, s:s*}", "prefix", prefix, "after", r->after);
    char *text = params == NULL ? NULL : json_dumps(params, JSON_COMPACT);
    json_decref(params);
    free(prefix);
    enum status status = text == NULL ? BB_RANGE
                                      : bb_request(r->session->client, "busbar.broker", "retained", text,
                                                   r->session->timeout_ms, on_page, r);
    free(text);
    return status;
}

enum status retained_start(struct retained *r)
{
    r->present = 0;
    r->finished = r->count == 0;
    return r->finished ? BB_OK : ask(r);
}

void retained_free(struct retained *r)
{
    for (size_t i = 0; i < r->waiting_count; i++)
        free_waiting(&r->waiting[i]);
    free(r->waiting);
    free(r->after);
    r->waiting = NULL;
    r->after = NULL;
    r->waiting_count = 0;
}

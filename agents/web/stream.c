#include "agents/web/stream_state.h"

#include <busbar/check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t bucket_of(const struct stream_channel *channel, const char *key, size_t size)
{
    uint32_t hash = 2166136261u ^ (uint32_t)((uintptr_t)channel >> 4);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)key[i]) * 16777619u;
    return (hash ^ hash >> 16) % STREAM_BUCKETS;
}

static bool name_fits(const char *name, size_t size)
{
    if (size == 0 || size > STREAM_CHANNEL_MAX)
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                    c == ':' || c == '_' || c == '-';
        if (!fine)
            return false;
    }
    return true;
}

static struct stream_channel **place_of(struct stream_hub *hub, const char *name, size_t size)
{
    uint32_t hash = 2166136261u ^ (uint32_t)((uintptr_t)hub >> 4);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    struct stream_channel **place = &hub->channels[(hash ^ hash >> 16) % STREAM_CHANNEL_BUCKETS];
    while (*place != NULL && (memcmp((*place)->name, name, size) != 0 || (*place)->name[size] != '\0'))
        place = &(*place)->chain;
    return place;
}

struct stream_channel *stream_channel_find(struct stream_hub *hub, const char *name, size_t size)
{
    return name_fits(name, size) ? *place_of(hub, name, size) : NULL;
}

struct stream_channel *stream_channel_of(struct stream_hub *hub, const char *name, size_t size)
{
    if (!name_fits(name, size))
        return NULL;
    struct stream_channel **place = place_of(hub, name, size);
    if (*place == NULL) {
        *place = calloc(1, sizeof **place);
        CHECK(*place != NULL);
        memcpy((*place)->name, name, size);
    }
    return *place;
}

void stream_channel_tidy(struct stream_hub *hub, struct stream_channel *channel)
{
    if (channel->listeners > 0 || channel->keys > 0 || channel->passed >= hub->passing_first)
        return;
    *place_of(hub, channel->name, strlen(channel->name)) = channel->chain;
    free(channel);
}

void stream_text_drop(struct stream_text *text)
{
    if (text != NULL && --text->references == 0)
        free(text);
}

/* How long a key is as a JSON text, without the quotes; writes it when `out` is there. */
static size_t escape(const char *key, char *out)
{
    size_t size = 0;
    for (; *key != '\0'; key++) {
        char piece[8];
        uint8_t c = (uint8_t)*key;
        int length = c == '"' || c == '\\' ? snprintf(piece, sizeof piece, "\\%c", c)
                     : c < 0x20            ? snprintf(piece, sizeof piece, "\\u%04x", c)
                                           : snprintf(piece, sizeof piece, "%c", c);
        if (out != NULL)
            memcpy(out + size, piece, (size_t)length);
        size += (size_t)length;
    }
    return size;
}

static struct stream_text *make_text(const char *channel, const char *key, const char *json)
{
    static const char behind[] = "\",\"value\":", end[] = "}\n\n";
    size_t room = strlen(channel) + escape(key, NULL) + strlen(json) + 64;
    struct stream_text *text = malloc(sizeof *text + room);
    CHECK(text != NULL);
    text->references = 1;
    text->size = (size_t)snprintf(text->data, room, "event: %s\ndata: {\"key\":\"", channel);
    text->size += escape(key, text->data + text->size);
    text->size += (size_t)snprintf(text->data + text->size, room - text->size, "%s%s%s", behind, json, end);
    return text;
}

static void tell_due(struct stream_hub *hub)
{
    if (hub->told || hub->on_due == NULL)
        return;
    hub->told = true;
    hub->on_due(hub->due_context);
}

/* -- kept values --------------------------------------------------------------------------------------------
 */

static void leave_due(struct stream_hub *hub, struct stream_entry *e)
{
    if (!e->due)
        return;
    *(e->due_before != NULL ? &e->due_before->due_next : &hub->due) = e->due_next;
    *(e->due_next != NULL ? &e->due_next->due_before : &hub->due_last) = e->due_before;
    e->due = false;
    e->due_next = e->due_before = NULL;
}

static void join_due(struct stream_hub *hub, struct stream_entry *e)
{
    if (e->due)
        return;
    e->due = true;
    e->due_before = hub->due_last;
    *(hub->due_last != NULL ? &hub->due_last->due_next : &hub->due) = e;
    hub->due_last = e;
}

static void leave_channel(struct stream_entry *e)
{
    struct stream_channel *c = e->channel;
    if (e->serial == 0)
        return;
    *(e->previous != NULL ? &e->previous->next : &c->first) = e->next;
    *(e->next != NULL ? &e->next->previous : &c->last) = e->previous;
    e->previous = e->next = NULL;
    e->serial = 0;
}

static void leave_age(struct stream_hub *hub, struct stream_entry *e)
{
    *(e->older != NULL ? &e->older->newer : &hub->oldest) = e->newer;
    *(e->newer != NULL ? &e->newer->older : &hub->newest) = e->older;
    e->older = e->newer = NULL;
}

static void join_age(struct stream_hub *hub, struct stream_entry *e)
{
    e->older = hub->newest;
    *(hub->newest != NULL ? &hub->newest->newer : &hub->oldest) = e;
    hub->newest = e;
}

static void forget(struct stream_hub *hub, struct stream_entry *e)
{
    struct stream_entry **link = &hub->buckets[bucket_of(e->channel, e->key, e->key_size)];
    while (*link != e)
        link = &(*link)->chain;
    *link = e->chain;
    leave_due(hub, e);
    leave_channel(e);
    leave_age(hub, e);
    hub->counts.keys--;
    e->channel->keys--;
    stream_channel_tidy(hub, e->channel);
    hub->counts.bytes -= e->text->size;
    stream_text_drop(e->text);
    free(e);
}

static struct stream_entry *find(struct stream_hub *hub, struct stream_channel *channel, const char *key,
                                 size_t size)
{
    struct stream_entry *e = hub->buckets[bucket_of(channel, key, size)];
    while (e != NULL && (e->channel != channel || e->key_size != size || memcmp(e->key, key, size) != 0))
        e = e->chain;
    return e;
}

static struct stream_entry *make_entry(struct stream_hub *hub, struct stream_channel *channel,
                                       const char *key, size_t size)
{
    struct stream_entry **bucket = &hub->buckets[bucket_of(channel, key, size)];
    struct stream_entry *e = calloc(1, sizeof *e + size + 1);
    CHECK(e != NULL);
    e->channel = channel;
    e->key_size = size;
    memcpy(e->key, key, size);
    e->chain = *bucket;
    *bucket = e;
    hub->counts.keys++;
    channel->keys++;
    return e;
}

static bool value_fits(const char *key, const char *json)
{
    return strnlen(key, STREAM_KEY_MAX + 1) <= STREAM_KEY_MAX &&
           strnlen(json, STREAM_VALUE_MAX + 1) <= STREAM_VALUE_MAX && strpbrk(json, "\r\n") == NULL;
}

void stream_publish(struct stream_hub *hub, const char *channel, const char *key, const char *json)
{
    struct stream_channel *c =
        value_fits(key, json) ? stream_channel_of(hub, channel, strlen(channel)) : NULL;
    if (c == NULL) {
        hub->counts.dropped++;
        return;
    }
    size_t size = strlen(key);
    struct stream_entry *e = find(hub, c, key, size);
    if (e == NULL)
        e = make_entry(hub, c, key, size);
    else
        leave_age(hub, e);
    join_age(hub, e);
    hub->counts.bytes -= e->text != NULL ? e->text->size : 0;
    stream_text_drop(e->text);
    e->text = make_text(channel, key, json);
    hub->counts.bytes += e->text->size;
    hub->counts.published++;
    join_due(hub, e);
    while (hub->counts.keys > STREAM_KEYS_MAX || hub->counts.bytes > STREAM_KEPT_BYTES) {
        hub->counts.dropped++;
        forget(hub, hub->oldest);
    }
    tell_due(hub);
}

void stream_forget(struct stream_hub *hub, const char *channel, const char *key)
{
    struct stream_channel *c = stream_channel_find(hub, channel, strlen(channel));
    size_t left = c == NULL ? 0 : c->keys;
    for (struct stream_entry *e = hub->oldest, *newer; left > 0 && e != NULL; e = newer) {
        newer = e->newer;
        left -= e->channel == c;
        if (e->channel == c && (key == NULL || strcmp(e->key, key) == 0))
            forget(hub, e);
    }
}

/* The key's newest value is the one to be sent from now on. */
static void send_entry(struct stream_hub *hub, struct stream_entry *e, int64_t now_ms)
{
    struct stream_channel *c = e->channel;
    leave_due(hub, e);
    leave_channel(e);
    e->serial = c->serial = ++hub->serial;
    e->free_ms = (e->free_ms > now_ms ? e->free_ms : now_ms) + STREAM_KEY_PAUSE_MS;
    e->previous = c->last;
    *(c->last != NULL ? &c->last->next : &c->first) = e;
    c->last = e;
}

/* Sends what may be sent; when the next may, 0: none waits. */
static int64_t send_due(struct stream_hub *hub, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    for (struct stream_entry *e = hub->due, *after; e != NULL; e = after) {
        after = e->due_next;
        int64_t at_ms = e->free_ms - STREAM_SLACK_MS;
        if (at_ms <= now_ms)
            send_entry(hub, e, now_ms);
        else if (at_ms < next_ms)
            next_ms = at_ms;
    }
    return next_ms == INT64_MAX ? 0 : next_ms - now_ms;
}

/* -- passing values -----------------------------------------------------------------------------------------
 */

static void drop_oldest_passing(struct stream_hub *hub)
{
    struct stream_passing *p = &hub->passing[hub->passing_first % STREAM_PASSING_MAX];
    for (struct stream_client *client = hub->clients; client != NULL; client = client->next)
        if (client->passed < hub->passing_first) {
            client->missed += stream_client_wants(client, p);
            client->passed = hub->passing_first;
        }
    hub->passing_bytes -= p->text->size;
    hub->passing_first++;
    stream_channel_tidy(hub, p->channel);
    stream_text_drop(p->text);
    free(p->key);
    *p = (struct stream_passing){NULL, NULL, NULL};
}

void stream_pass(struct stream_hub *hub, const char *channel, const char *key, const char *json)
{
    if (!name_fits(channel, strlen(channel)) || !value_fits(key, json)) {
        hub->counts.dropped++;
        return;
    }
    struct stream_channel *c = stream_channel_find(hub, channel, strlen(channel));
    if (c == NULL || c->listeners == 0)
        return;
    struct stream_passing p = {c, make_text(channel, key, json), strdup(key)};
    CHECK(p.key != NULL);
    while (hub->passing_first < hub->passing_next &&
           (hub->passing_next - hub->passing_first >= STREAM_PASSING_MAX ||
            hub->passing_bytes + p.text->size > STREAM_PASSING_BYTES))
        drop_oldest_passing(hub);
    hub->passing[hub->passing_next % STREAM_PASSING_MAX] = p;
    hub->passing_bytes += p.text->size;
    c->passed = hub->passing_next++;
    hub->counts.passed++;
    tell_due(hub);
}

/* Drops what every client has read. */
static void drop_read_passing(struct stream_hub *hub)
{
    uint64_t read = hub->passing_next - 1;
    for (const struct stream_client *client = hub->clients; client != NULL; client = client->next)
        if (client->passed < read)
            read = client->passed;
    while (hub->passing_first <= read)
        drop_oldest_passing(hub);
}

/* -- the hub ------------------------------------------------------------------------------------------------
 */

static bool has_news(struct stream_client *client)
{
    const struct stream_hub *hub = client->hub;
    if (client->missed > 0)
        return true;
    for (size_t i = 0; i < client->wish_count; i++)
        if (client->wishes[i].channel->serial > client->wishes[i].serial)
            return true;
    while (client->passed + 1 < hub->passing_next) {
        if (stream_client_wants(client, &hub->passing[(client->passed + 1) % STREAM_PASSING_MAX]))
            return true;
        client->passed++;
    }
    return false;
}

int64_t stream_flush(struct stream_hub *hub, int64_t now_ms)
{
    hub->now_ms = now_ms;
    int64_t again_ms = send_due(hub, now_ms);
    for (struct stream_client *client = hub->clients; client != NULL; client = client->next)
        if (client->asleep && has_news(client)) {
            client->asleep = false;
            client->wake(client->context);
        }
    drop_read_passing(hub);
    hub->told = again_ms > 0;
    return again_ms;
}

void stream_on_due(struct stream_hub *hub, void (*on_due)(void *context), void *context)
{
    hub->on_due = on_due;
    hub->due_context = context;
}

void stream_on_interest(struct stream_hub *hub, stream_interest *on_interest, void *context)
{
    hub->on_interest = on_interest;
    hub->interest_context = context;
}

size_t stream_listeners(const struct stream_hub *hub, const char *channel)
{
    if (channel == NULL)
        return hub->counts.clients;
    const struct stream_channel *c = *place_of((struct stream_hub *)(uintptr_t)hub, channel, strlen(channel));
    return c == NULL ? 0 : c->listeners;
}

struct stream_counts stream_counts(const struct stream_hub *hub)
{
    return hub->counts;
}

enum status stream_open(struct stream_hub **out)
{
    struct stream_hub *hub = calloc(1, sizeof *hub);
    if (hub == NULL)
        return BB_FULL;
    hub->passing_first = hub->passing_next = 1;
    *out = hub;
    return BB_OK;
}

void stream_close(struct stream_hub *hub)
{
    if (hub == NULL)
        return;
    CHECK(hub->clients == NULL);
    while (hub->oldest != NULL)
        forget(hub, hub->oldest);
    while (hub->passing_first < hub->passing_next)
        drop_oldest_passing(hub);
    free(hub);
}

#include "bus/pending.h"

#include <string.h>

/* Room to count the items of each source. */
#define SOURCES 4096

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return hash;
}

static void copy_text(char *to, size_t room, const char *from)
{
    size_t size = strnlen(from, room - 1);
    memcpy(to, from, size);
    to[size] = '\0';
}

static struct bytes cut_text(const struct pending_asked *asked)
{
    size_t size = asked->text.size < PENDING_TEXT_MAX ? asked->text.size : PENDING_TEXT_MAX;
    return asked->unknown ? (struct bytes){NULL, 0} : (struct bytes){asked->text.data, size};
}

static bool matches(const struct pending_item *item, const struct pending_asked *asked)
{
    return item->unknown == asked->unknown && (item->unknown || item->kind == (uint8_t)asked->kind) &&
           strcmp(item->key, asked->key) == 0 &&
           bytes_equal((struct bytes){item->text, item->size}, cut_text(asked));
}

static bool goes_before(const struct pending_item *a, const struct pending_item *b)
{
    return a->times != b->times ? a->times < b->times : a->last_ms < b->last_ms;
}

/* The item that makes room. */
static struct pending_item *victim_of(struct pending *pending)
{
    struct pending_item *victim = NULL;
    uint16_t counts[SOURCES] = {0}; /* sources that share a place count together, which is fair enough */
    uint32_t most = 0;
    for (uint32_t i = 0; i < pending->count; i++)
        counts[pending->items[i].source % SOURCES]++;
    for (uint32_t i = 0; i < pending->count; i++) {
        struct pending_item *item = &pending->items[i];
        uint32_t held = counts[item->source % SOURCES];
        if (victim == NULL || held > most || (held == most && goes_before(item, victim))) {
            victim = item;
            most = held;
        }
    }
    return victim;
}

bool pending_note(struct pending *pending, const struct pending_asked *asked, int64_t now_ms)
{
    for (uint32_t i = 0; i < pending->count; i++) {
        struct pending_item *item = &pending->items[i];
        if (!matches(item, asked))
            continue;
        item->times++;
        item->last_ms = now_ms;
        item->door = (uint8_t)asked->door;
        copy_text(item->address, sizeof item->address, asked->address);
        return false;
    }
    bool full = pending->count == PENDING_MAX;
    struct pending_item *item = full ? victim_of(pending) : &pending->items[pending->count++];
    struct bytes text = cut_text(asked);
    pending->forgotten += full;
    *item = (struct pending_item){.size = (uint8_t)text.size,
                                  .unknown = asked->unknown,
                                  .cut = !asked->unknown && text.size < asked->text.size,
                                  .kind = (uint8_t)asked->kind,
                                  .door = (uint8_t)asked->door,
                                  .source = hash_of(asked->unknown ? asked->address : asked->key),
                                  .times = 1,
                                  .first_ms = now_ms,
                                  .last_ms = now_ms};
    copy_text(item->key, sizeof item->key, asked->key);
    copy_text(item->address, sizeof item->address, asked->address);
    if (text.size > 0)
        memcpy(item->text, text.data, text.size);
    return true;
}

static bool is_granted(const struct pending_item *item, const struct access *access)
{
    uint32_t entry;
    if (access_find(access, bytes_of(item->key), &entry) != BB_OK)
        return false;
    return item->unknown ||
           access_allows(access, entry, (enum access_kind)item->kind, (struct bytes){item->text, item->size});
}

void pending_prune(struct pending *pending, const struct access *access)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < pending->count; i++)
        if (!is_granted(&pending->items[i], access))
            pending->items[kept++] = pending->items[i];
    pending->count = kept;
}

const char *pending_word(const struct pending_item *item)
{
    static const char *const WORDS[ACCESS_KINDS] = {[ACCESS_IDENTITY] = "identity",
                                                    [ACCESS_PUBLISH] = "publish",
                                                    [ACCESS_SUBSCRIBE] = "subscribe",
                                                    [ACCESS_CAPABILITY] = "capability"};
    return item->unknown ? "key" : WORDS[item->kind];
}

#include "bus/core/topics.h"

#include <busbar/check.h>
#include <busbar/wide.h>

#define FACTOR 0x9e3779b97f4a7c15u

void topics_init(struct topics *topics, uint64_t seed)
{
    topics->seed = seed;
    pool_init(&topics->texts, topics->memory, sizeof topics->memory);
}

static uint64_t step(uint64_t hash, uint64_t word, uint64_t factor)
{
    return bb_wide_fold(hash ^ word, factor);
}

/* Eight bytes at a step, because it runs for every publish. */
static uint64_t hash_of(const struct topics *topics, struct bytes text)
{
    uint64_t factor = (topics->seed ^ FACTOR) | 1;
    uint64_t hash = step(topics->seed, text.size, factor);
    for (size_t at = 0; at < text.size; at += sizeof hash) {
        uint64_t word = 0;
        size_t left = text.size - at;
        memcpy(&word, text.data + at, left < sizeof word ? left : sizeof word);
        hash = step(hash, word, factor);
    }
    return hash;
}

const struct topic *topics_at(const struct topics *topics, uint32_t slot)
{
    CHECK(slot > 0 && slot <= topics->top && topics->table[slot].live);
    return &topics->table[slot];
}

struct bytes topics_text(const struct topics *topics, uint32_t slot)
{
    const struct topic *topic = topics_at(topics, slot);
    return pool_text(&topics->texts, topic->text, topic->size);
}

struct bytes topics_sender(const struct topics *topics, uint32_t slot)
{
    const struct topic *topic = topics_at(topics, slot);
    return pool_text(&topics->texts, topic->sender, topic->sender_size);
}

/* -- the order of last use ------------------------------------------------------------------------------ */

static void unlink_slot(struct topics *topics, uint32_t slot)
{
    struct topic *topic = &topics->table[slot];
    if (topic->older != 0)
        topics->table[topic->older].newer = topic->newer;
    else
        topics->oldest = topic->newer;
    if (topic->newer != 0)
        topics->table[topic->newer].older = topic->older;
    else
        topics->newest = topic->older;
}

static void link_newest(struct topics *topics, uint32_t slot)
{
    struct topic *topic = &topics->table[slot];
    topic->older = topics->newest;
    topic->newer = 0;
    if (topics->newest != 0)
        topics->table[topics->newest].newer = slot;
    else
        topics->oldest = slot;
    topics->newest = slot;
}

/* -- the table ------------------------------------------------------------------------------------------ */

static uint32_t find(const struct topics *topics, struct bytes text, uint64_t hash)
{
    uint32_t slot = topics->buckets[hash % TOPICS_BUCKETS];
    while (slot != 0 && (topics->table[slot].hash != hash || !bytes_equal(topics_text(topics, slot), text)))
        slot = topics->table[slot].next;
    return slot;
}

void topics_remove(struct topics *topics, uint32_t slot)
{
    struct topic topic = *topics_at(topics, slot);
    uint32_t *link = &topics->buckets[topic.hash % TOPICS_BUCKETS];
    while (*link != slot)
        link = &topics->table[*link].next;
    *link = topic.next;
    unlink_slot(topics, slot);
    pool_release(&topics->texts, topic.text, topic.size);
    pool_release(&topics->texts, topic.sender, topic.sender_size);
    topics->table[slot] = (struct topic){.next = topics->free};
    topics->free = slot;
    topics->count--;
}

static uint32_t put(struct topics *topics, struct bytes text)
{
    uint32_t handle = 0;
    CHECK(pool_put(&topics->texts, text, &handle) == BB_OK);
    return handle;
}

static uint32_t add(struct topics *topics, struct bytes text, struct bytes sender, uint64_t hash,
                    int64_t now_ms)
{
    if (topics->free == 0 && topics->top == TOPICS_MAX) {
        topics->evicted++;
        topics_remove(topics, topics->oldest);
    }
    uint32_t slot = topics->free;
    if (slot != 0)
        topics->free = topics->table[slot].next;
    else
        slot = ++topics->top;
    uint32_t *bucket = &topics->buckets[hash % TOPICS_BUCKETS];
    topics->table[slot] = (struct topic){.hash = hash,
                                         .text = put(topics, text),
                                         .sender = put(topics, sender),
                                         .size = (uint16_t)text.size,
                                         .sender_size = (uint8_t)sender.size,
                                         .live = true,
                                         .next = *bucket,
                                         .first_ms = now_ms,
                                         .window_ms = now_ms};
    *bucket = slot;
    link_newest(topics, slot);
    topics->count++;
    return slot;
}

/* Begins a new window when the present one is over. */
static void advance(struct topic *topic, int64_t now_ms)
{
    int64_t windows = (now_ms - topic->window_ms) / TOPICS_WINDOW_MS;
    if (windows <= 0)
        return;
    topic->before = windows == 1 ? topic->window : 0;
    topic->window = 0;
    topic->window_ms += windows * TOPICS_WINDOW_MS;
}

uint32_t topics_count(struct topics *topics, struct bytes text, struct bytes sender, size_t size,
                      int64_t now_ms, bool *fresh_out)
{
    CHECK(text.size <= BB_TOPIC_MAX && sender.size <= BB_IDENTITY_MAX);
    uint64_t hash = hash_of(topics, text);
    uint32_t slot = find(topics, text, hash);
    *fresh_out = slot == 0;
    if (slot == 0) {
        slot = add(topics, text, sender, hash, now_ms);
    } else if (topics->newest != slot) {
        unlink_slot(topics, slot);
        link_newest(topics, slot);
    }
    struct topic *topic = &topics->table[slot];
    if (!bytes_equal(topics_sender(topics, slot), sender)) {
        pool_release(&topics->texts, topic->sender, topic->sender_size);
        topic->sender = put(topics, sender);
        topic->sender_size = (uint8_t)sender.size;
    }
    advance(topic, now_ms);
    topic->messages++;
    topic->bytes += size;
    topic->window++;
    topic->last_ms = now_ms;
    return slot;
}

uint64_t topics_rate(const struct topics *topics, uint32_t slot, int64_t now_ms)
{
    struct topic topic = *topics_at(topics, slot);
    advance(&topic, now_ms);
    int64_t since_ms = topic.window_ms - TOPICS_WINDOW_MS;
    int64_t span_ms = now_ms - (topic.first_ms > since_ms ? topic.first_ms : since_ms);
    /* A topic of this very moment: its rate over the first second. */
    span_ms = span_ms < 1000 ? 1000 : span_ms;
    return ((uint64_t)topic.before + topic.window) * 1000000 / (uint64_t)span_ms;
}

/* -- pages ---------------------------------------------------------------------------------------------- */

static int compare(struct bytes a, struct bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : a.size < b.size ? -1 : a.size > b.size;
}

/* Puts a slot at its place among slots[count]; the last of max falls out. The new count. */
static uint32_t insert(const struct topics *topics, uint32_t slot, uint32_t max, uint32_t *slots,
                       uint32_t count)
{
    struct bytes text = topics_text(topics, slot);
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (compare(topics_text(topics, slots[middle]), text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == max)
        return count;
    count += count < max;
    memmove(slots + low + 1, slots + low, (count - low - 1) * sizeof *slots);
    slots[low] = slot;
    return count;
}

uint32_t topics_page(const struct topics *topics, struct bytes prefix, const struct bytes *after,
                     topics_filter *filter, void *context, uint32_t max, uint32_t *slots_out)
{
    CHECK(max > 0 && max <= TOPICS_PAGE_MAX);
    uint32_t count = 0;
    for (uint32_t slot = 1; slot <= topics->top; slot++) {
        if (!topics->table[slot].live)
            continue;
        struct bytes text = topics_text(topics, slot);
        bool begins = text.size >= prefix.size &&
                      (prefix.size == 0 || memcmp(text.data, prefix.data, prefix.size) == 0);
        if (begins && (after == NULL || compare(text, *after) > 0) &&
            (filter == NULL || filter(context, slot)))
            count = insert(topics, slot, max, slots_out, count);
    }
    return count;
}

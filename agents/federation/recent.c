#include "agents/federation/recent.h"

/* FNV-1a. Whoever could choose names that meet can also leave their messages out: they pass through him. */
static uint64_t name_of(const char *platform)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *platform != '\0'; platform++)
        hash = (hash ^ (uint8_t)*platform) * UINT64_C(1099511628211);
    return hash;
}

static uint32_t slot_of(const struct recent_mark *mark)
{
    uint64_t mixed = (mark->origin ^ mark->offset * UINT64_C(0x9e3779b97f4a7c15) ^ mark->time_ms << 20) *
                     UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(mixed >> 40) % RECENT_SLOTS;
}

static bool is_same(const struct recent_mark *a, const struct recent_mark *b)
{
    return a->offset == b->offset && a->time_ms == b->time_ms && a->origin == b->origin;
}

/* The slot of the mark, or the free one where it would stand: half of them are free. */
static uint32_t find(const struct recent *r, const struct recent_mark *mark)
{
    uint32_t at = slot_of(mark);
    while (r->slots[at] != 0 && !is_same(&r->marks[r->slots[at] - 1], mark))
        at = (at + 1) % RECENT_SLOTS;
    return at;
}

bool recent_has(const struct recent *recent, const char *origin, uint64_t offset, uint64_t time_ms)
{
    const struct recent_mark mark = {name_of(origin), offset, time_ms};
    return recent->slots[find(recent, &mark)] != 0;
}

/* Frees a slot, and moves up those behind it that stand there because it was taken. */
static void release(struct recent *r, uint32_t at)
{
    r->slots[at] = 0;
    for (uint32_t next = (at + 1) % RECENT_SLOTS; r->slots[next] != 0; next = (next + 1) % RECENT_SLOTS) {
        uint32_t mark = r->slots[next];
        r->slots[next] = 0;
        r->slots[find(r, &r->marks[mark - 1])] = mark;
    }
}

void recent_add(struct recent *recent, const char *origin, uint64_t offset, uint64_t time_ms)
{
    const struct recent_mark mark = {name_of(origin), offset, time_ms};
    struct recent_mark *oldest = &recent->marks[recent->next];
    if (recent->slots[find(recent, &mark)] != 0)
        return;
    if (oldest->offset != 0)
        release(recent, find(recent, oldest));
    *oldest = mark;
    recent->slots[find(recent, &mark)] = recent->next + 1;
    recent->next = (recent->next + 1) % RECENT_MAX;
}

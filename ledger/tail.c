#include "ledger/tail.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 1024

/* The prefix is the beginning of a hash, but senders may grind it: multiply, so that neighbours part. */
static size_t slot_of(const struct tail *tail, uint64_t prefix)
{
    return (size_t)((prefix * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (tail->capacity - 1);
}

static void put(struct tail *tail, struct run_entry entry)
{
    size_t slot = slot_of(tail, entry.prefix);
    while (tail->slots[slot].place != 0)
        slot = (slot + 1) & (tail->capacity - 1);
    tail->slots[slot] = entry;
}

void tail_add(struct tail *tail, struct run_entry entry)
{
    CHECK(entry.place != 0);
    if (tail->count * 2 >= tail->capacity) {
        struct tail bigger = {NULL, tail->capacity == 0 ? FIRST : tail->capacity * 2, tail->count};
        bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
        CHECK(bigger.slots != NULL);
        for (size_t i = 0; i < tail->capacity; i++)
            if (tail->slots[i].place != 0)
                put(&bigger, tail->slots[i]);
        free(tail->slots);
        *tail = bigger;
    }
    put(tail, entry);
    tail->count++;
}

bool tail_find(const struct tail *tail, uint64_t prefix, runs_match *match, void *context)
{
    if (tail->count == 0)
        return false;
    for (size_t slot = slot_of(tail, prefix); tail->slots[slot].place != 0;
         slot = (slot + 1) & (tail->capacity - 1)) {
        uint64_t place = tail->slots[slot].place;
        if (tail->slots[slot].prefix == prefix && match(context, runs_height(place), runs_index(place)))
            return true;
    }
    return false;
}

struct run_entry *tail_entries(const struct tail *tail)
{
    struct run_entry *all = malloc((tail->count + 1) * sizeof *all);
    CHECK(all != NULL);
    size_t count = 0;
    for (size_t i = 0; i < tail->capacity; i++)
        if (tail->slots[i].place != 0)
            all[count++] = tail->slots[i];
    CHECK(count == tail->count);
    return all;
}

void tail_clear(struct tail *tail)
{
    free(tail->slots);
    memset(tail, 0, sizeof *tail);
}

#include "ledger/changed.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 1024

static bool same(struct row_key a, struct row_key b)
{
    return a.kind == b.kind && a.a == b.a && a.b == b.b;
}

/* The slot of a key, or the free one where it belongs. */
static size_t slot_of(const struct changed *changed, struct row_key key)
{
    uint64_t mixed = (key.a * UINT64_C(0x9e3779b97f4a7c15) ^ key.b) * UINT64_C(0xd6e8feb86659fd93) + key.kind;
    size_t slot = (size_t)((mixed ^ mixed >> 32) & (changed->capacity - 1));
    while (changed->slots[slot].kind != 0 && !same(changed->slots[slot], key))
        slot = (slot + 1) & (changed->capacity - 1);
    return slot;
}

static void grow(struct changed *changed)
{
    struct changed bigger = {NULL, changed->capacity == 0 ? FIRST : changed->capacity * 2, changed->count,
                             false};
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    CHECK(bigger.slots != NULL);
    for (size_t i = 0; i < changed->capacity; i++)
        if (changed->slots[i].kind != 0)
            bigger.slots[slot_of(&bigger, changed->slots[i])] = changed->slots[i];
    free(changed->slots);
    *changed = bigger;
}

void changed_add(struct changed *changed, struct row_key key)
{
    if (changed->all)
        return;
    if (changed->count == CHANGED_MAX) {
        changed_everything(changed);
        return;
    }
    if (changed->count * 2 >= changed->capacity)
        grow(changed);
    size_t slot = slot_of(changed, key);
    if (changed->slots[slot].kind == 0) {
        changed->slots[slot] = key;
        changed->count++;
    }
}

void changed_everything(struct changed *changed)
{
    changed_clear(changed);
    changed->all = true;
}

static int by_key(const void *a, const void *b)
{
    const struct row_key *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

struct row_key *changed_keys(const struct changed *changed)
{
    struct row_key *keys = malloc((changed->count + 1) * sizeof *keys);
    CHECK(keys != NULL);
    size_t count = 0;
    for (size_t i = 0; i < changed->capacity; i++)
        if (changed->slots[i].kind != 0)
            keys[count++] = changed->slots[i];
    CHECK(count == changed->count);
    if (count > 1)
        qsort(keys, count, sizeof *keys, by_key);
    return keys;
}

void changed_clear(struct changed *changed)
{
    free(changed->slots);
    memset(changed, 0, sizeof *changed);
}

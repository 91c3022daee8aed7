#include "agents/historian/series.h"

#include <busbar/check.h>
#include <stdlib.h>

void series_init(struct series_table *t, size_t max, uint64_t seed)
{
    *t = (struct series_table){.max = max, .seed = seed};
}

static void free_one(struct series *s)
{
    free(s->name);
    free(s->meta);
    free(s);
}

void series_free(struct series_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        free_one(t->all[i]);
    free(t->all);
    free(t->slots);
    series_init(t, t->max, t->seed);
}

static uint64_t hash_of(const struct series_table *t, struct bytes name)
{
    uint64_t hash = t->seed ^ UINT64_C(14695981039346656037);
    for (size_t i = 0; i < name.size; i++) {
        hash = (hash ^ name.data[i]) * UINT64_C(1099511628211);
        hash ^= hash >> 29;
    }
    return hash;
}

static struct series **slot_of(const struct series_table *t, uint64_t hash, struct bytes name)
{
    size_t at = hash & (t->slot_count - 1);
    for (; t->slots[at] != NULL; at = (at + 1) & (t->slot_count - 1))
        if (t->slots[at]->hash == hash &&
            bytes_equal((struct bytes){(const uint8_t *)t->slots[at]->name, t->slots[at]->name_size}, name))
            break;
    return &t->slots[at];
}

static void widen(struct series_table *t)
{
    t->slot_count = t->slot_count == 0 ? 1024 : t->slot_count * 2;
    free(t->slots);
    t->slots = calloc(t->slot_count, sizeof(struct series *));
    CHECK(t->slots != NULL);
    for (size_t i = 0; i < t->count; i++) {
        struct series *s = t->all[i];
        *slot_of(t, s->hash, (struct bytes){(const uint8_t *)s->name, s->name_size}) = s;
    }
}

struct series *series_find(const struct series_table *t, struct bytes name)
{
    return t->slot_count == 0 ? NULL : *slot_of(t, hash_of(t, name), name);
}

static char *copy(struct bytes text)
{
    char *out = malloc(text.size + 1);
    CHECK(out != NULL);
    if (text.size > 0)
        memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return out;
}

struct series *series_make(struct series_table *t, struct bytes name)
{
    struct series *have = series_find(t, name);
    if (have != NULL || t->count == t->max)
        return have;
    if ((t->count + 1) * 2 > t->slot_count)
        widen(t);
    if (t->count == t->capacity) {
        t->capacity = t->capacity == 0 ? 256 : t->capacity * 2;
        t->all = realloc(t->all, t->capacity * sizeof(struct series *));
        CHECK(t->all != NULL);
    }
    struct series *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->name = copy(name);
    s->name_size = name.size;
    s->meta = copy((struct bytes){NULL, 0});
    s->hash = hash_of(t, name);
    for (int i = 0; i < AGGREGATE_PERIODS; i++)
        s->position[i] = SERIES_COVERED;
    t->all[t->count++] = s;
    *slot_of(t, s->hash, name) = s;
    return s;
}

void series_describe(struct series *s, struct bytes meta)
{
    if (meta.size == 0 || bytes_equal(bytes_of(s->meta), meta))
        return;
    free(s->meta);
    s->meta = copy(meta);
    s->changed = true;
}

void series_forget(struct series_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        t->all[i]->id = 0;
}

static int by_name(const void *a, const void *b)
{
    const struct series *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

const struct series **series_sorted(const struct series_table *t, struct bytes prefix, size_t *count_out)
{
    const struct series **found = malloc((t->count + 1) * sizeof(struct series *));
    size_t count = 0;
    CHECK(found != NULL);
    for (size_t i = 0; i < t->count; i++)
        if (t->all[i]->name_size >= prefix.size &&
            (prefix.size == 0 || memcmp(t->all[i]->name, prefix.data, prefix.size) == 0))
            found[count++] = t->all[i];
    qsort(found, count, sizeof *found, by_name);
    *count_out = count;
    return found;
}

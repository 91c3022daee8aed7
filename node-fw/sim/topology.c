#include "node-fw/sim/topology.h"

#include <string.h>

static const char *const words[] = {
    [TOPOLOGY_RING] = "ring",     [TOPOLOGY_CIRCULANT] = "circulant", [TOPOLOGY_SMALL_WORLD] = "small-world",
    [TOPOLOGY_RANDOM] = "random", [TOPOLOGY_COMPLETE] = "complete",   [TOPOLOGY_LINKS] = "links",
};

const char *topology_word(enum topology_kind kind)
{
    return words[kind];
}

enum status topology_of_word(const char *word, enum topology_kind *out)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(word, words[i]) == 0) {
            *out = (enum topology_kind)i;
            return BB_OK;
        }
    }
    return BB_NOT_FOUND;
}

bool topology_linked(const struct topology *t, size_t a, size_t b)
{
    return t->row[a][b / 64] >> (b % 64) & 1;
}

static void set_bit(struct topology *t, size_t a, size_t b, bool linked)
{
    uint64_t bit = (uint64_t)1 << (b % 64);
    t->row[a][b / 64] = linked ? t->row[a][b / 64] | bit : t->row[a][b / 64] & ~bit;
}

void topology_link(struct topology *t, size_t a, size_t b, bool linked)
{
    if (a == b)
        return;
    set_bit(t, a, b, linked);
    set_bit(t, b, a, linked);
}

static size_t degree_of(const struct topology *t, size_t a)
{
    size_t degree = 0;
    for (size_t w = 0; w < BB_BOARDS_MAX / 64; w++)
        degree += (size_t)__builtin_popcountll(t->row[a][w]);
    return degree;
}

size_t topology_neighbours(const struct topology *t, size_t a, uint16_t *out)
{
    size_t found = 0;
    for (size_t w = 0; w < BB_BOARDS_MAX / 64; w++) {
        for (uint64_t left = t->row[a][w]; left != 0 && found < BB_NEIGHBOURS_MAX; left &= left - 1)
            out[found++] = (uint16_t)(64 * w + (size_t)__builtin_ctzll(left));
    }
    return found;
}

static void build_circulant(struct topology *t, const uint16_t *offsets, size_t count)
{
    for (size_t i = 0; i < t->count; i++) {
        for (size_t o = 0; o < count; o++)
            topology_link(t, i, (i + offsets[o]) % t->count, true);
    }
}

static bool has_room(const struct topology *t, size_t a)
{
    return degree_of(t, a) < BB_NEIGHBOURS_MAX;
}

static void build_small_world(struct topology *t, size_t degree, struct chance *chance)
{
    static const uint16_t one[] = {1};
    build_circulant(t, one, 1);
    for (size_t offset = 2; offset <= degree / 2; offset++) {
        for (size_t i = 0; i < t->count; i++) {
            size_t to = (i + offset) % t->count;
            if (chance_is(chance, 0.2))
                to = (size_t)chance_between(chance, 0, t->count - 1);
            if (has_room(t, i) && has_room(t, to))
                topology_link(t, i, to, true);
        }
    }
}

static void build_random(struct topology *t, size_t degree, struct chance *chance)
{
    for (size_t i = 1; i < t->count; i++) {
        size_t to = (size_t)chance_between(chance, 0, (int64_t)i - 1);
        while (!has_room(t, to))
            to = (to + 1) % i;
        topology_link(t, i, to, true);
    }
    /* Tries, not links: on a small or nearly full graph some of them meet what is already there. */
    for (size_t tries = (size_t)t->count * degree / 2; tries >= t->count; tries--) {
        size_t a = (size_t)chance_between(chance, 0, t->count - 1);
        size_t b = (size_t)chance_between(chance, 0, t->count - 1);
        if (has_room(t, a) && has_room(t, b))
            topology_link(t, a, b, true);
    }
}

static enum status build_links(struct topology *t, const struct topology_plan *plan)
{
    for (size_t i = 0; i < plan->link_count; i++) {
        struct topology_link link = plan->links[i];
        if (link.a >= t->count || link.b >= t->count || link.a == link.b)
            return BB_RANGE;
        topology_link(t, link.a, link.b, true);
    }
    return BB_OK;
}

static enum status build(struct topology *t, const struct topology_plan *plan, struct chance *chance)
{
    static const uint16_t one[] = {1};
    size_t degree = plan->degree == 0 ? 4 : plan->degree;
    switch (plan->kind) {
    case TOPOLOGY_RING:
        build_circulant(t, one, 1);
        return BB_OK;
    case TOPOLOGY_CIRCULANT:
        if (plan->offset_count > TOPOLOGY_OFFSETS_MAX)
            return BB_RANGE;
        build_circulant(t, plan->offsets, plan->offset_count);
        return BB_OK;
    case TOPOLOGY_SMALL_WORLD:
        build_small_world(t, degree, chance);
        return BB_OK;
    case TOPOLOGY_RANDOM:
        build_random(t, degree, chance);
        return BB_OK;
    case TOPOLOGY_COMPLETE:
        for (size_t i = 0; i < t->count; i++) {
            for (size_t j = 0; j < i; j++)
                topology_link(t, i, j, true);
        }
        return BB_OK;
    case TOPOLOGY_LINKS:
        return build_links(t, plan);
    }
    return BB_RANGE;
}

enum status topology_build(const struct topology_plan *plan, size_t count, struct chance *chance,
                           struct topology *out)
{
    if (count == 0 || count > BB_BOARDS_MAX)
        return BB_RANGE;
    struct topology t = {.count = (uint16_t)count};
    enum status status = build(&t, plan, chance);
    for (size_t i = 0; i < count && status == BB_OK; i++) {
        if (degree_of(&t, i) > BB_NEIGHBOURS_MAX)
            status = BB_RANGE;
    }
    if (status == BB_OK)
        *out = t;
    return status;
}

int topology_hops(const struct topology *t, const bool *alive, size_t from, int *hops_out)
{
    uint16_t queue[BB_BOARDS_MAX], near[BB_NEIGHBOURS_MAX];
    size_t head = 0, tail = 0;
    for (size_t i = 0; i < t->count; i++)
        hops_out[i] = -1;
    if (alive == NULL || alive[from]) {
        hops_out[from] = 0;
        queue[tail++] = (uint16_t)from;
    }
    int farthest = 0;
    while (head < tail) {
        size_t at = queue[head++];
        farthest = hops_out[at];
        size_t count = topology_neighbours(t, at, near);
        for (size_t i = 0; i < count; i++) {
            if (hops_out[near[i]] >= 0 || (alive != NULL && !alive[near[i]]))
                continue;
            hops_out[near[i]] = farthest + 1;
            queue[tail++] = near[i];
        }
    }
    return farthest;
}

int topology_diameter(const struct topology *t, const bool *alive)
{
    int hops[BB_BOARDS_MAX], longest = 0;
    for (size_t i = 0; i < t->count; i++) {
        int farthest = topology_hops(t, alive, i, hops);
        longest = farthest > longest ? farthest : longest;
    }
    return longest;
}

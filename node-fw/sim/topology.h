/* Who is whose neighbour: graphs over boards 0 … count−1, undirected, without loops. */
#ifndef NODE_FW_SIM_TOPOLOGY_H
#define NODE_FW_SIM_TOPOLOGY_H

#include "node-fw/sim/chance.h"

#include <busbar/limits.h>
#include <busbar/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOPOLOGY_OFFSETS_MAX 8

enum topology_kind {
    TOPOLOGY_RING,        /* i and i±1 */
    TOPOLOGY_CIRCULANT,   /* i and i±offset, for each offset */
    TOPOLOGY_SMALL_WORLD, /* a ring, and links to the next nearest up to `degree`, a fifth of these moved:
                             connected */
    TOPOLOGY_RANDOM,      /* a random tree, then random links up to the mean degree `degree`: connected */
    TOPOLOGY_COMPLETE,    /* everyone hears everyone; at most BB_NEIGHBOURS_MAX + 1 boards */
    TOPOLOGY_LINKS        /* the links given */
};

struct topology_link {
    uint16_t a, b; /* places in the list of boards, not ids */
};

struct topology_plan {
    enum topology_kind kind;
    uint16_t offsets[TOPOLOGY_OFFSETS_MAX]; /* circulant */
    size_t offset_count;
    uint16_t degree;                   /* small world (even) and random; 0 means 4 */
    const struct topology_link *links; /* TOPOLOGY_LINKS; borrowed for the call */
    size_t link_count;
};

struct topology {
    uint16_t count;
    uint64_t row[BB_BOARDS_MAX][BB_BOARDS_MAX / 64]; /* bit b of row a: a and b are neighbours */
};

/* The word of a kind as site files spell it ("small-world"), and back: BB_NOT_FOUND. */
const char *topology_word(enum topology_kind kind);
BB_MUST_CHECK enum status topology_of_word(const char *word, enum topology_kind *out);

/* The graph of `plan` over `count` boards (1 … BB_BOARDS_MAX); `chance` is drawn from for small world and
 * random. BB_RANGE: count, an end of a link, or a board with more than BB_NEIGHBOURS_MAX neighbours. A plan
 * of links may leave the graph in several parts. */
BB_MUST_CHECK enum status topology_build(const struct topology_plan *plan, size_t count,
                                         struct chance *chance, struct topology *out);

/* True when a and b are neighbours. */
bool topology_linked(const struct topology *t, size_t a, size_t b);

/* Joins a and b, or parts them. */
void topology_link(struct topology *t, size_t a, size_t b, bool linked);

/* The neighbours of `a` in ascending order to out[BB_NEIGHBOURS_MAX]; how many. */
size_t topology_neighbours(const struct topology *t, size_t a, uint16_t *out);

/* Hops from `from` to every board over boards that are alive (alive[count], NULL: all) to hops_out[count]; −1
 * where there is no way. Returns the largest. */
int topology_hops(const struct topology *t, const bool *alive, size_t from, int *hops_out);

/* The longest of all shortest ways inside the parts of the graph; 0 for one board. */
int topology_diameter(const struct topology *t, const bool *alive);

#endif

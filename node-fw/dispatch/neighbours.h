/* The configured neighbours of a board: who is heard, what was heard, and who must be answered. */
#ifndef NODE_FW_DISPATCH_NEIGHBOURS_H
#define NODE_FW_DISPATCH_NEIGHBOURS_H

#include "node-fw/dispatch/broadcast.h"
#include "node-fw/dispatch/dispatch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a broadcast relates to those heard before. */
enum hearing {
    HEARD_NEW,      /* the newest of this life of the neighbour */
    HEARD_LATE,     /* overtaken by at most seven, and not taken whole before */
    HEARD_REPEATED, /* taken before, or too late to tell */
    HEARD_OUTDATED  /* of an earlier life, or far behind: the neighbour may have lost its counters */
};

/* True when there are at most BB_NEIGHBOURS_MAX ids, none 0, repeated or `own`. */
bool neighbours_valid(uint16_t own, const uint16_t *ids, size_t count);

/* Makes `ids` the neighbours; those that stay keep what is known of them. moved_to[old index] is the new
 * index, or BB_NEIGHBOURS_MAX for those that go. */
void neighbours_set(struct dispatch *d, const uint16_t *ids, size_t count,
                    uint8_t moved_to[BB_NEIGHBOURS_MAX]);

/* The index of `id`; d->neighbour_count when it is none. */
size_t neighbours_find(const struct dispatch *d, uint16_t id);

/* True when the neighbour was heard within the expiry and has not left: it is waited for and served. */
bool neighbours_live(const struct dispatch_neighbour *n);

/* True when the neighbour need not agree: it has left, has fallen silent, or was configured an expiry ago and
 * never heard. Before that, it may be there and disagree. */
bool neighbours_silent(const struct dispatch *d, size_t i);

/* The mask of the live neighbours, and how many they are. */
uint64_t neighbours_mask(const struct dispatch *d);
size_t neighbours_count_live(const struct dispatch *d);

/* Notes the header of a broadcast of neighbour `i`; true in *fresh_out when the neighbour is heard for the
 * first time or in a new life, so that everything it was told before must be forgotten first. */
enum hearing neighbours_hear(struct dispatch *d, size_t i, const struct broadcast *b, bool *fresh_out);

/* Notes whether that broadcast was taken whole, and that an answer is owed if it wants one. */
void neighbours_took(struct dispatch *d, size_t i, const struct broadcast *b, bool whole);

/* The neighbour fell silent: nothing is known of it but its id. */
void neighbours_silence(struct dispatch *d, size_t i);

/* A pause of `each` ms for every board on the most crowded wire, from `least` to `most`. */
int64_t neighbours_pause(const struct dispatch *d, int64_t least, int64_t each, int64_t most);

#endif

/* The two records of the method `curves` on the wire, little-endian.
 *
 *   beat   id u16, heartbeat and vote u16 (bit 15: votes the digest of the broadcast; else no vote)  4 bytes
 *   entry  id u16, incarnation u16, version u16, heartbeat u16, flags u8 (bit 0: consumer, bit 1: dead),
 *          hops u8, lo u32, hi u32, pmax u32, vote u32                                             26 bytes
 *
 * A beat is a short entry: it stands for the (incarnation, version, curve) that the digest of its broadcast
 * implies, so only a receiver with the same digest can use it. */
#ifndef NODE_FW_DISPATCH_ENTRY_H
#define NODE_FW_DISPATCH_ENTRY_H

#include "node-fw/dispatch/curve.h"

#include <busbar/bytes.h>
#include <stdbool.h>
#include <stdint.h>

#define ENTRY_SIZE      26
#define ENTRY_BEAT_SIZE 4

struct entry {
    uint16_t id;
    uint16_t incarnation, version, heartbeat; /* the key */
    bool dead;
    uint8_t hops;
    struct curve curve;
    uint32_t vote;
};

struct entry_beat {
    uint16_t id;
    uint16_t heartbeat; /* its low 15 bits */
    bool voted;
};

/* Reads one record; false when it is cut short or a field is out of range. */
bool entry_read(struct reader *r, struct entry *out);
bool entry_read_beat(struct reader *r, struct entry_beat *out);

/* Appends one record. */
void entry_write(struct writer *w, const struct entry *entry);
void entry_write_beat(struct writer *w, const struct entry_beat *beat);

/* The sign of key a − key b, by incarnation, version, heartbeat, each in serial-number arithmetic (RFC 1982).
 */
int entry_order(const struct entry *a, const struct entry *b);

#endif

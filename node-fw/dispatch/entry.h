/* The two records of the method `curves` on the wire, little-endian.
 *
 *   beat   6 bytes: id u16, heartbeat and vote u16 (bit 15: votes the digest of the broadcast; else no
 *          vote), check u16
 *   entry  26 bytes: id u16, incarnation u16, version u16, heartbeat u16, flags u8 (bit 0: consumer,
 *          bit 1: dead), hops u8, lo u32, hi u32, pmax u32, vote u32
 *
 * A beat is a short entry, for receivers that know the board's incarnation, version and curve: their hash
 * has the low bits `check`. Who knows others cannot use it, and does not acknowledge it. */
#ifndef NODE_FW_DISPATCH_ENTRY_H
#define NODE_FW_DISPATCH_ENTRY_H

#include "node-fw/dispatch/curve.h"

#include <busbar/bytes.h>
#include <stdbool.h>
#include <stdint.h>

#define ENTRY_SIZE      26
#define ENTRY_BEAT_SIZE 6

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
    uint16_t check;
};

/* Reads one record; false when it is cut short or a field is out of range. */
bool entry_read(struct reader *r, struct entry *out);
bool entry_read_beat(struct reader *r, struct entry_beat *out);

/* Appends one record. */
void entry_write(struct writer *w, const struct entry *entry);
void entry_write_beat(struct writer *w, const struct entry_beat *beat);

/* A hash over everything but heartbeat, vote, hops and dead: every bit of it depends on every bit of them. */
uint64_t entry_hash(const struct entry *entry);

/* The same with heartbeat and vote. */
uint64_t entry_hash_full(const struct entry *entry);

/* Which of two entries of one board wins: > 0 when `a` is the newer, by incarnation, version, heartbeat, each
 * in serial-number arithmetic (RFC 1982). Equal keys with another curve or vote come from two boards that
 * share an id: hash and vote break the tie, so that all agree and the boards hear of each other. */
int entry_order(const struct entry *a, const struct entry *b);

#endif

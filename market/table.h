/* A hash table with linear probing: from a hash to the numbers of records with it. The records hold the
 * keys; who asks compares.
 *
 * An entry is 32 bits of the hash and the record's number plus 1; 0 is empty. Where an entry belongs is in
 * its own bits, so that entries can be moved up when one is taken out, without graves. The table is at least
 * twice as large as what it may hold. Nothing in a result depends on where an entry lies.
 *
 * The hash has no secret (every replica would have to share it, and a replica is run by a participant), so
 * one could look for keys that collide. It would not gain much: the keys that come from outside (addresses
 * and names) enter only when the operator admits them, and an address is a hash itself, so that only trial
 * finds the next one that collides; everything else is numbered by the market; and k entries that collide
 * cost k × 8 bytes read in sequence. The mixer spreads numbers in a row evenly. */
#ifndef MARKET_TABLE_H
#define MARKET_TABLE_H

#include "market/journal.h"

#include <busbar/bytes.h>
#include <busbar/wide.h>

#define TABLE_NONE UINT32_MAX

struct table {
    struct journal *journal;
    uint64_t *entries; /* [2^bits], part of the state */
    uint32_t bits;
};

/* Where a search stands. */
struct table_walk {
    uint32_t tag, at;
};

/* How many bits a table for `count` records has. */
static inline uint32_t table_bits(uint32_t count)
{
    uint32_t bits = 3;
    while ((UINT64_C(1) << bits) < (uint64_t)count * 2)
        bits++;
    return bits;
}

/* Mixes 128 bits into 64. */
static inline uint64_t table_mix(uint64_t a, uint64_t b)
{
    return bb_wide_fold(a ^ UINT64_C(0x9e3779b97f4a7c15), b ^ UINT64_C(0xd6e8feb86659fd93));
}

/* The hash of a range of bytes. */
uint64_t table_hash(struct bytes bytes);

/* A search for `hash`; table_next gives one record with the same 32 bits of hash after the other, then
 * TABLE_NONE. */
static inline struct table_walk table_find(const struct table *table, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    return (struct table_walk){tag, tag >> (32 - table->bits)};
}
static inline uint32_t table_next(const struct table *table, struct table_walk *walk)
{
    uint32_t mask = (UINT32_C(1) << table->bits) - 1;
    for (;;) {
        uint64_t entry = table->entries[walk->at];
        if (entry == 0)
            return TABLE_NONE;
        walk->at = (walk->at + 1) & mask;
        if (entry >> 32 == walk->tag)
            return (uint32_t)entry - 1;
    }
}

/* Asks the memory for where a hash is looked for. No effect. */
static inline void table_expect(const struct table *table, uint64_t hash)
{
    __builtin_prefetch(&table->entries[table_find(table, hash).at]);
}

/* Puts a record in; there must be room. */
void table_put(struct table *table, uint64_t hash, uint32_t record);

/* Takes a record out, which must be in. */
void table_take(struct table *table, uint64_t hash, uint32_t record);

/* Puts another number in the place of a record, which must be in. */
void table_renumber(struct table *table, uint64_t hash, uint32_t record, uint32_t number);

#endif

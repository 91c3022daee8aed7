#include "market/table.h"

#include <busbar/check.h>

uint64_t table_hash(struct bytes bytes)
{
    uint64_t hash = bytes.size;
    for (size_t at = 0; at < bytes.size; at += 8) {
        uint64_t word = 0;
        size_t left = bytes.size - at;
        memcpy(&word, bytes.data + at, left < 8 ? left : 8);
        hash = table_mix(word, hash);
    }
    return table_mix(hash, bytes.size);
}

static uint64_t entry_of(uint64_t hash, uint32_t record)
{
    return (hash >> 32 << 32) | (record + 1);
}

static uint32_t mask_of(const struct table *table)
{
    return (UINT32_C(1) << table->bits) - 1;
}

static uint32_t home_of(const struct table *table, uint64_t entry)
{
    return (uint32_t)(entry >> 32) >> (32 - table->bits);
}

static void set(struct table *table, uint32_t at, uint64_t entry)
{
    journal_note(table->journal, &table->entries[at], sizeof entry);
    table->entries[at] = entry;
}

void table_put(struct table *table, uint64_t hash, uint32_t record)
{
    uint64_t entry = entry_of(hash, record);
    uint32_t at = home_of(table, entry);
    while (table->entries[at] != 0)
        at = (at + 1) & mask_of(table);
    set(table, at, entry);
}

static uint32_t place_of(const struct table *table, uint64_t hash, uint32_t record)
{
    uint64_t entry = entry_of(hash, record);
    uint32_t at = home_of(table, entry);
    while (table->entries[at] != entry) {
        CHECK(table->entries[at] != 0);
        at = (at + 1) & mask_of(table);
    }
    return at;
}

void table_take(struct table *table, uint64_t hash, uint32_t record)
{
    uint32_t mask = mask_of(table), hole = place_of(table, hash, record);
    for (uint32_t at = (hole + 1) & mask; table->entries[at] != 0; at = (at + 1) & mask) {
        /* An entry may move into the hole unless that is before its home. */
        uint32_t from_home = (at - home_of(table, table->entries[at])) & mask;
        if (from_home >= ((at - hole) & mask)) {
            set(table, hole, table->entries[at]);
            hole = at;
        }
    }
    set(table, hole, 0);
}

void table_renumber(struct table *table, uint64_t hash, uint32_t record, uint32_t number)
{
    set(table, place_of(table, hash, record), entry_of(hash, number));
}

/* The index of the transactions that no run holds yet, in memory. */
#ifndef LEDGER_TAIL_H
#define LEDGER_TAIL_H

#include "ledger/runs.h"

/* A hash table of entries; all zero is an empty one. */
struct tail {
    struct run_entry *slots; /* place 0: free */
    size_t capacity, count;  /* capacity a power of two */
};

/* Adds one entry. */
void tail_add(struct tail *tail, struct run_entry entry);

/* Asks `match` about every entry with that prefix until it says yes; false when it never does. */
bool tail_find(const struct tail *tail, uint64_t prefix, runs_match *match, void *context);

/* All entries, malloc'd, in no order; tail->count of them. */
struct run_entry *tail_entries(const struct tail *tail);

/* Empties it and gives its memory back. */
void tail_clear(struct tail *tail);

#endif

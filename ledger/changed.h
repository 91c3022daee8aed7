/* Which rows of the state have changed since the last checkpoint: a set of keys, bounded. */
#ifndef LEDGER_CHANGED_H
#define LEDGER_CHANGED_H

#include "market/rows.h"

/* A set of row keys; all zero is an empty one. Beyond CHANGED_MAX keys it holds none and says `all`. */
#define CHANGED_MAX (UINT32_C(1) << 20)
struct changed {
    struct row_key *slots; /* kind 0: free */
    size_t capacity, count;
    bool all;
};

/* Adds one key; a key that is there stays. */
void changed_add(struct changed *changed, struct row_key key);

/* Says that any row may have changed. */
void changed_everything(struct changed *changed);

/* The keys, malloc'd, ascending; changed->count of them. */
struct row_key *changed_keys(const struct changed *changed);

/* Empties it. */
void changed_clear(struct changed *changed);

#endif

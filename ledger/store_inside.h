/* What the parts of the store (store.c, checkpoint.c, audit.c, archive.c) share; nobody else includes it. */
#ifndef LEDGER_STORE_INSIDE_H
#define LEDGER_STORE_INSIDE_H

#include "ledger/changed.h"
#include "ledger/store.h"
#include "ledger/tail.h"

struct store {
    struct database *database;
    sqlite3_stmt *begin, *commit, *insert, *select, *select_hash, *meta_get, *meta_put;
    struct runs *runs;  /* NULL: damaged, the tail holds everything */
    struct tail tail;   /* transactions of the blocks behind the runs */
    uint64_t tail_from; /* the first of these blocks */
    struct changed changed;
    uint8_t *genesis;
    size_t genesis_size;
    uint64_t height;
    struct hash head; /* of the last block; at height 0 the genesis hash */
    bool failed, doubt;
    struct bb_reason trouble;
    uint8_t *seen; /* the block that was read last, for one look-up after the other */
    size_t seen_size;
    uint64_t seen_height; /* 0: none */
};

/* Many appends in one transaction of the database: between store_begin and store_end nothing is durable. */
BB_MUST_CHECK enum status store_begin(struct store *store, struct bb_reason *reason);
BB_MUST_CHECK enum status store_end(struct store *store, struct bb_reason *reason);

/* A value of the table meta, malloc'd. BB_NOT_FOUND, BB_MALFORMED (its sum), BB_IO. */
BB_MUST_CHECK enum status store_meta_get(struct store *store, const char *name, struct bb_reason *reason,
                                         uint8_t **bytes_out, size_t *size_out);
BB_MUST_CHECK enum status store_meta_put(struct store *store, const char *name, struct bytes value,
                                         struct bb_reason *reason);

/* Opens the index again after a failed transaction; makes it out of the blocks when it is damaged. */
void store_reindex(struct store *store, bool discard);

#endif

/* A sequencer for tests: over the store like the local one, but it delays, refuses, loses its answers and
 * repeats what it has said, as its seed wants. */
#ifndef TESTS_LEDGER_STORE_FICKLE_H
#define TESTS_LEDGER_STORE_FICKLE_H

#include "ledger/sequencer.h"
#include "ledger/store.h"

#include <busbar/loop.h>

struct fickle {
    struct sequencer table; /* first */
    uint64_t seed;
    uint32_t trouble; /* percent of the proposals that something happens to */
    bool dead;        /* no answer to anything */
    struct bb_loop *loop;
    struct sequencer *local;
    struct sequencer_events events;
    struct store *store;
    uint8_t *held; /* accepted, and told of later */
    size_t held_size;
    uint64_t held_height;
    uint32_t delayed, lost, refused, repeated;
};

/* A make_sequencer whose context is the struct fickle. */
struct sequencer *fickle_make(void *context, struct store *store, const struct sequencer_events *events);

#endif

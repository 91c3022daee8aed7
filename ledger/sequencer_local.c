#include "ledger/sequencer.h"

#include "ledger/core/block.h"
#include "ledger/store.h"

#include <busbar/check.h>
#include <stdlib.h>

struct local {
    struct sequencer table; /* first: a pointer to one is a pointer to the other */
    struct store *store;
    struct sequencer_events events;
    uint64_t told; /* the last block that on_commit was told of */
};

static enum sequencer_result propose(struct sequencer *self, uint64_t term, uint64_t height,
                                     const struct hash *parent, struct bytes block)
{
    struct local *local = (void *)self;
    (void)parent; /* the store takes the height after its last only, and nobody else writes */
    if (term != 1 || block.size < BLOCK_HEADER_SIZE)
        return SEQUENCER_REFUSED;
    struct hash hash = block_hash((struct bytes){block.data, BLOCK_HEADER_SIZE});
    enum status status = store_append(local->store, height, &hash, block, NULL);
    if (status == BB_OK) {
        if (height <= local->told)
            return SEQUENCER_ACCEPTED;
        local->told = height;
        local->events.on_commit(local->events.context, height, block);
        return SEQUENCER_ACCEPTED;
    }
    if (status == BB_EXISTS || status == BB_RANGE)
        return SEQUENCER_REFUSED;
    return status == BB_IO ? SEQUENCER_UNKNOWN : SEQUENCER_FAILED;
}

static const struct local *local_of(const struct sequencer *self)
{
    return (const void *)self;
}

static enum sequencer_role role(const struct sequencer *self, uint64_t *term_out)
{
    *term_out = 1;
    return store_failed(local_of(self)->store) ? SEQUENCER_STALLED : SEQUENCER_LEADER;
}

static const char *leader(const struct sequencer *self)
{
    (void)self;
    return "";
}

static uint64_t read_index(const struct sequencer *self)
{
    return store_height(local_of(self)->store);
}

static void close_local(struct sequencer *self)
{
    free(self);
}

struct sequencer *sequencer_local(struct store *store, const struct sequencer_events *events)
{
    struct local *local = malloc(sizeof *local);
    CHECK(local != NULL);
    *local =
        (struct local){{propose, role, leader, read_index, close_local}, store, *events, store_height(store)};
    return &local->table;
}

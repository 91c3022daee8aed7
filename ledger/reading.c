#include "ledger/reading.h"

#include "ledger/store.h"

#include <busbar/check.h>
#include <stdio.h>
#include <stdlib.h>

struct reading {
    struct sequencer base; /* first: the two addresses are the same */
    struct store *store;
    char nobody[600];
};

static enum sequencer_result propose(struct sequencer *self, uint64_t term, uint64_t height,
                                     const struct hash *parent, struct bytes block)
{
    (void)self;
    (void)term;
    (void)height;
    (void)parent;
    (void)block;
    return SEQUENCER_FAILED;
}

static enum sequencer_role role(const struct sequencer *self, uint64_t *term_out)
{
    (void)self;
    *term_out = 1;
    return SEQUENCER_STALLED;
}

static const char *leader(const struct sequencer *self)
{
    return ((const struct reading *)self)->nobody;
}

static uint64_t read_index(const struct sequencer *self)
{
    return store_height(((const struct reading *)self)->store);
}

static void close_reading(struct sequencer *self)
{
    free(self);
}

struct sequencer *reading_sequencer(void *why, struct store *store, const struct sequencer_events *events)
{
    struct reading *reading = calloc(1, sizeof *reading);
    (void)events;
    CHECK(reading != NULL);
    reading->base = (struct sequencer){propose, role, leader, read_index, close_reading};
    reading->store = store;
    snprintf(reading->nobody, sizeof reading->nobody, "nobody, since the database cannot be written here: %s",
             (const char *)why);
    return &reading->base;
}

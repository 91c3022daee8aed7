#include "tests/ledger/store/fickle.h"

#include "tests/link/seed.h"

#include <busbar/check.h>
#include <stdlib.h>

/* What the local sequencer tells is kept back or passed on. */
static void committed(void *context, uint64_t height, struct bytes block)
{
    struct fickle *fickle = context;
    CHECK(fickle->held == NULL);
    fickle->held = malloc(block.size);
    CHECK(fickle->held != NULL);
    memcpy(fickle->held, block.data, block.size);
    fickle->held_size = block.size;
    fickle->held_height = height;
}

static void tell(struct fickle *fickle)
{
    if (fickle->held == NULL)
        return;
    uint8_t *block = fickle->held;
    fickle->held = NULL;
    fickle->events.on_commit(fickle->events.context, fickle->held_height,
                             (struct bytes){block, fickle->held_size});
    if (seed_below(&fickle->seed, 4) == 0) { /* once more, which must not matter */
        fickle->repeated++;
        fickle->events.on_commit(fickle->events.context, fickle->held_height,
                                 (struct bytes){block, fickle->held_size});
    }
    free(block);
}

static void tell_later(void *context)
{
    tell(context);
}

static enum sequencer_result propose(struct sequencer *self, uint64_t term, uint64_t height,
                                     const struct hash *parent, struct bytes block)
{
    struct fickle *fickle = (void *)self;
    bool trouble = seed_below(&fickle->seed, 100) < fickle->trouble;
    uint32_t kind = trouble ? seed_below(&fickle->seed, 4) : 9;
    if (fickle->dead || kind == 0) {
        fickle->lost++; /* the question was lost */
        return SEQUENCER_UNKNOWN;
    }
    if (kind == 1 && fickle->held == NULL && height > store_height(fickle->store)) {
        fickle->refused++;
        return SEQUENCER_REFUSED;
    }
    enum sequencer_result result = fickle->local->propose(fickle->local, term, height, parent, block);
    if (kind == 2) {
        int id;
        fickle->delayed++;
        CHECK(bb_loop_after(fickle->loop, 1 + seed_below(&fickle->seed, 20), tell_later, fickle, &id) ==
              BB_OK);
        return result;
    }
    if (kind == 3) {
        fickle
            ->lost++; /* the answer was lost; the block is there, and on_commit comes with the next answer */
        return SEQUENCER_UNKNOWN;
    }
    tell(fickle);
    return result;
}

static enum sequencer_role role(const struct sequencer *self, uint64_t *term_out)
{
    const struct fickle *fickle = (const void *)self;
    return fickle->local->role(fickle->local, term_out);
}

static const char *leader(const struct sequencer *self)
{
    (void)self;
    return "nobody";
}

static uint64_t read_index(const struct sequencer *self)
{
    const struct fickle *fickle = (const void *)self;
    return fickle->local->read_index(fickle->local);
}

static void close_fickle(struct sequencer *self)
{
    struct fickle *fickle = (void *)self;
    fickle->local->close(fickle->local);
    free(fickle->held);
}

struct sequencer *fickle_make(void *context, struct store *store, const struct sequencer_events *events)
{
    struct fickle *fickle = context;
    fickle->table = (struct sequencer){propose, role, leader, read_index, close_fickle};
    fickle->events = *events;
    fickle->store = store;
    struct sequencer_events own = {committed, events->on_role, events->on_gap, fickle};
    fickle->local = sequencer_local(store, &own);
    return &fickle->table;
}

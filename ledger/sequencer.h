/* Who decides which block is next. One node today; a cluster later drops in here without touching contract,
 * chain or store. State advances in on_commit alone: execute speculatively, propose, then commit, or roll
 * back when refused. An unknown outcome is settled by proposing identical bytes again, never by guessing. */
#ifndef LEDGER_SEQUENCER_H
#define LEDGER_SEQUENCER_H

#include <busbar/address.h>
#include <busbar/bytes.h>
#include <stdint.h>

enum sequencer_role { SEQUENCER_LEADER, SEQUENCER_FOLLOWER, SEQUENCER_STALLED, SEQUENCER_HALTED };

enum sequencer_result {
    SEQUENCER_ACCEPTED, /* durable; on_commit has been or will be called with these bytes */
    SEQUENCER_REFUSED,  /* another block is there, or this term is over: roll back */
    SEQUENCER_UNKNOWN,  /* no answer: propose the same bytes again */
    SEQUENCER_FAILED    /* the store cannot write: roll back and take no more */
};

/* What a sequencer tells its owner. */
struct sequencer_events {
    void (*on_commit)(void *context, uint64_t height, struct bytes block); /* every block, once, in order */
    void (*on_role)(void *context, enum sequencer_role role, uint64_t term);
    void (*on_gap)(void *context, uint64_t first, uint64_t last); /* blocks that must be fetched */
    void *context;
};

/* A sequencer: a table of functions over its own state. */
struct sequencer {
    enum sequencer_result (*propose)(struct sequencer *self, uint64_t term, uint64_t height,
                                     const struct hash *parent, struct bytes block);
    enum sequencer_role (*role)(const struct sequencer *self, uint64_t *term_out);
    const char *(*leader)(const struct sequencer *self);  /* a hint for clients; "" when unknown */
    uint64_t (*read_index)(const struct sequencer *self); /* the height that a read must have seen */
    void (*close)(struct sequencer *self);
};

struct store;

/* The first implementation: this process alone, in term 1, durable when the store is. */
struct sequencer *sequencer_local(struct store *store, const struct sequencer_events *events);

#endif

/* A pipeline over a store in a folder, in a loop, with a record of what it answered. */
#ifndef TESTS_LEDGER_STORE_RIG_H
#define TESTS_LEDGER_STORE_RIG_H

#include "ledger/pipeline.h"
#include "tests/ledger/store/village.h"

#define RIG_TICKETS 65536

struct rig_answer {
    uint32_t times; /* answered */
    enum refusal refusal;
    bool again;
    uint64_t height;
    uint32_t index;
    uint64_t expected_nonce;
    struct hash id;
    uint32_t receipt_size;
};

struct rig {
    struct village *village;
    struct bb_loop *loop;
    struct store *store;
    struct pipeline *pipeline;
    struct rig_answer *answers; /* by ticket */
    uint64_t answered, wanted, blocks;
    bool late; /* the guard had to stop the loop */
};

/* Opens all of it; a status and a reason when store or pipeline do not. */
enum status rig_open(struct rig *rig, struct village *village, const char *path,
                     const struct pipeline_options *options, make_sequencer *make, void *context,
                     struct bb_reason *reason);
void rig_close(struct rig *rig);

/* Runs the loop until `count` answers have come in all, or `ms` have passed: then false. */
bool rig_run(struct rig *rig, uint64_t count, uint32_t ms);

#endif

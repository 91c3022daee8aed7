/* What the tests of faults, kills and damage check afterwards. */
#ifndef TESTS_LEDGER_STORE_YARD_H
#define TESTS_LEDGER_STORE_YARD_H

#include "tests/ledger/store/rig.h"

#define YARD_SENT_MAX 4096

/* Transactions in the order of sending. */
struct yard_log {
    uint8_t bytes[YARD_SENT_MAX][TRANSACTION_BYTES_MAX];
    size_t sizes[YARD_SENT_MAX];
    uint32_t count;
};

/* Signs `count` more random transactions. */
void yard_sign(struct yard_log *log, struct village *village, uint64_t *seed, uint32_t count);

/* The nonces of the village's people as the chain of a pipeline has them. */
void yard_nonces(struct village *village, struct pipeline *pipeline);

/* Fails the test when the database at `path` does not verify; how many transactions it has. */
uint64_t yard_audit(const char *path);

/* SHA-256 over all rows of the state, in order. */
struct hash yard_state(struct chain *chain);

#endif

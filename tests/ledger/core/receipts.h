/* Receipt files of a small world, for the tests of the verifiers. */
#ifndef TESTS_LEDGER_CORE_RECEIPTS_H
#define TESTS_LEDGER_CORE_RECEIPTS_H

#include "ledger/core/proof.h"
#include "tests/ledger/core/world.h"

#define RECEIPTS_BLOCKS 9
#define RECEIPTS_EACH   5

/* A chain of nine blocks of five transactions each; block 4 has trades in it. */
struct receipts {
    struct world world;
    uint8_t *blocks[RECEIPTS_BLOCKS + 1];
    size_t sizes[RECEIPTS_BLOCKS + 1];
    struct hash leaves[RECEIPTS_BLOCKS + 1]; /* of the history: block 0 is the genesis */
    struct proof_trust trust;
};

/* Failures end the test. */
void receipts_open(struct receipts *receipts);
void receipts_close(struct receipts *receipts);

/* Writes the receipt file of a transaction to out[PROOF_BYTES_MAX]; head 0: without a later block. Its size.
 */
size_t receipts_write(struct receipts *receipts, unsigned height, uint32_t index, unsigned head,
                      uint8_t *out);

#endif

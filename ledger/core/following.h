/* Taking a block from elsewhere: every signature, link, root, verdict and balance is computed again. After
 * CHAIN_GOOD comes chain_commit. */
#ifndef LEDGER_CORE_FOLLOWING_H
#define LEDGER_CORE_FOLLOWING_H

#include "ledger/core/chain.h"

/* Why a block from elsewhere is not the next one. */
enum chain_fault {
    CHAIN_GOOD = 0,
    CHAIN_MALFORMED,
    CHAIN_HEIGHT,
    CHAIN_PREVIOUS,
    CHAIN_HISTORY,
    CHAIN_TIME,   /* earlier than the block before */
    CHAIN_SEALER, /* not the sealer in force */
    CHAIN_SEAL,
    CHAIN_SIGNATURE,    /* a transaction is not its actor's */
    CHAIN_ENVELOPE,     /* nonce, deadline, or not admitted */
    CHAIN_RECEIPT,      /* the contract says something else */
    CHAIN_TRANSACTIONS, /* the root */
    CHAIN_RECEIPTS,     /* the root */
    CHAIN_CHANGES,
    CHAIN_STATE,
    CHAIN_AUDIT, /* the sums of money and energy do not add up */
    CHAIN_EMPTY, /* a block without transactions */
    CHAIN_FAULTS
};

/* Who signed each transaction of a block: signers[count], as recovered elsewhere (in parallel); NULL: here,
 * one by one. */
struct chain_signers {
    const struct address *addresses;
    const struct hash *ids;
};

/* Takes a block and checks everything in it against the contract. Not CHAIN_GOOD: nothing has changed, and
 * *index_out is the transaction at fault, where there is one. */
enum chain_fault following_accept(struct chain *chain, struct signer *signer, struct bytes bytes,
                                  const struct chain_signers *signers, uint32_t *index_out);

/* The word ("previous") and the sentence of a fault; static storage. */
const char *following_word(enum chain_fault fault);
const char *following_text(enum chain_fault fault);

#endif

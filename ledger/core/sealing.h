/* Making the next block: sealing_begin → sealing_execute × n → sealing_finish → (propose) → chain_commit or
 * chain_rollback. Between begin and commit the market shows the speculative state. */
#ifndef LEDGER_CORE_SEALING_H
#define LEDGER_CORE_SEALING_H

#include "ledger/core/chain.h"
#include "ledger/core/refusal.h"

/* Opens a block at max(time of the last block, now). */
void sealing_begin(struct chain *chain, uint64_t term, struct wall now);

/* Executes one transaction whose signature is known to be `signer`'s and whose id is `id`. REFUSAL_NONE: it
 * is in the block, whatever the verdict, and *receipt_out borrows its receipt until the block is sealed or
 * rolled back. Any other: nothing has happened. REFUSAL_BUSY: the block is full, seal it first. */
enum refusal sealing_execute(struct chain *chain, const struct transaction *transaction,
                             const struct hash *id, const struct address *signer, struct bytes *receipt_out);

/* How many transactions the open block has. */
uint32_t sealing_pending(const struct chain *chain);

/* Closes the open block and signs it; *block_out borrows its bytes until the next sealing_begin.
 * `checkpoint`: with the state's root and a full audit. The sealer's key must be the sealer in force:
 * BB_DENIED (and the block is rolled back). An open block without transactions is a bug. */
BB_MUST_CHECK enum status sealing_finish(struct chain *chain, struct signer *signer,
                                         const struct secret *sealer, bool checkpoint,
                                         struct bytes *block_out);

#endif

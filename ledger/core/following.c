#include "ledger/core/following.h"

#include "ledger/core/chain_state.h"

static const char *const words[CHAIN_FAULTS] = {
    [CHAIN_GOOD] = "good",         [CHAIN_MALFORMED] = "malformed", [CHAIN_HEIGHT] = "height",
    [CHAIN_PREVIOUS] = "previous", [CHAIN_HISTORY] = "history",     [CHAIN_TIME] = "time",
    [CHAIN_SEALER] = "sealer",     [CHAIN_SEAL] = "seal",           [CHAIN_SIGNATURE] = "signature",
    [CHAIN_ENVELOPE] = "envelope", [CHAIN_RECEIPT] = "receipt",     [CHAIN_TRANSACTIONS] = "transactions",
    [CHAIN_RECEIPTS] = "receipts", [CHAIN_CHANGES] = "changes",     [CHAIN_STATE] = "state",
    [CHAIN_AUDIT] = "audit",       [CHAIN_EMPTY] = "empty",
};

static const char *const texts[CHAIN_FAULTS] = {
    [CHAIN_GOOD] = "the block is the next one, and everything in it is right",
    [CHAIN_MALFORMED] = "these are not the bytes of a block",
    [CHAIN_HEIGHT] = "the block's height is not the next one",
    [CHAIN_PREVIOUS] = "the block does not continue the block before it",
    [CHAIN_HISTORY] = "the block's root over all earlier blocks is not that of this chain",
    [CHAIN_TIME] = "the block's time is earlier than that of the block before it",
    [CHAIN_SEALER] = "the block names another sealer than the one in force",
    [CHAIN_SEAL] = "the block's seal is not its sealer's",
    [CHAIN_SIGNATURE] = "a transaction is not signed by its actor",
    [CHAIN_ENVELOPE] = "a transaction's nonce or deadline is wrong, or its actor is not admitted",
    [CHAIN_RECEIPT] = "a receipt is not what the contract says",
    [CHAIN_TRANSACTIONS] = "the root over the transactions is not the header's",
    [CHAIN_RECEIPTS] = "the root over the receipts is not the header's",
    [CHAIN_CHANGES] = "the digest of what the block changed is not the header's",
    [CHAIN_STATE] = "the root over the whole state is not the header's",
    [CHAIN_AUDIT] = "the sums of money and energy do not add up",
    [CHAIN_EMPTY] = "the block has no transactions",
};

static enum chain_fault check_header(const struct chain *chain, const struct block_header *header)
{
    if (!hash_equal(&header->history, &chain->next.history))
        return CHAIN_HISTORY;
    if (!address_equal(&header->sealer, &chain->next.sealer))
        return CHAIN_SEALER;
    return header->count == 0 ? CHAIN_EMPTY : CHAIN_GOOD;
}

/* Who signed transaction `index`, by somebody else's work or by ours; an address of zeros is nobody's. */
static struct address signer_of(struct signer *signer, const struct transaction *transaction,
                                const struct hash *id, const struct chain_signers *signers, uint32_t index)
{
    if (signers != NULL)
        return signers->addresses[index];
    struct address address;
    enum signature_fault fault = signer_recover(signer, id, transaction->signature, &address);
    return fault == SIGNATURE_GOOD ? address : (struct address){0};
}

static enum chain_fault accept_one(struct chain *chain, struct signer *signer,
                                   const struct chain_signers *signers, struct bytes bytes,
                                   struct bytes receipt, uint32_t index)
{
    struct transaction transaction;
    if (transaction_decode(bytes, &transaction) != BB_OK)
        return CHAIN_MALFORMED;
    struct hash id = signers != NULL ? signers->ids[index] : transaction_id(&transaction, &chain->separator);
    struct address from = signer_of(signer, &transaction, &id, signers, index);
    if (address_is_none(&from))
        return CHAIN_SIGNATURE;
    uint8_t *made = chain_room(&chain->receipts, RECEIPT_BYTES_MAX);
    size_t size;
    enum refusal refusal = chain_execute(chain, &transaction, bytes, &id, &from, made, &size);
    if (refusal != REFUSAL_NONE)
        return refusal == REFUSAL_WRONG_SIGNER ? CHAIN_SIGNATURE : CHAIN_ENVELOPE;
    return bytes_equal(receipt, (struct bytes){made, size}) ? CHAIN_GOOD : CHAIN_RECEIPT;
}

static enum chain_fault check_roots(struct chain *chain, const struct block_header *header)
{
    struct hash root = merkle_root(&chain->transaction_tree);
    if (!hash_equal(&root, &header->transactions))
        return CHAIN_TRANSACTIONS;
    root = merkle_root(&chain->receipt_tree);
    if (!hash_equal(&root, &header->receipts))
        return CHAIN_RECEIPTS;
    struct hash changes = chain_changes(chain);
    if (!hash_equal(&changes, &header->changes))
        return CHAIN_CHANGES;
    if (!header->checkpoint)
        return CHAIN_GOOD;
    if (!market_audit(chain->market))
        return CHAIN_AUDIT;
    root = chain_state_root(chain);
    return hash_equal(&root, &header->state) ? CHAIN_GOOD : CHAIN_STATE;
}

static enum chain_fault accept(struct chain *chain, struct signer *signer, const struct block *block,
                               const struct chain_signers *signers, uint32_t *index_out)
{
    enum chain_fault fault = check_header(chain, &block->header);
    if (fault == CHAIN_GOOD && !block_sealed(signer, block))
        fault = CHAIN_SEAL;
    struct reader transactions = reader_at(block->transactions), receipts = reader_at(block->receipts);
    chain->receipts.size = 0;
    for (uint32_t i = 0; i < block->header.count && fault == CHAIN_GOOD; i++) {
        struct bytes bytes = block_next_transaction(&transactions);
        fault = accept_one(chain, signer, signers, bytes, block_next_receipt(&receipts), i);
        if (fault != CHAIN_GOOD)
            *index_out = i;
    }
    return fault == CHAIN_GOOD ? check_roots(chain, &block->header) : fault;
}

enum chain_fault following_accept(struct chain *chain, struct signer *signer, struct bytes bytes,
                                  const struct chain_signers *signers, uint32_t *index_out)
{
    struct block block;
    if (block_decode(bytes, &block) != BB_OK)
        return CHAIN_MALFORMED;
    if (block.header.height != chain->head.height + 1)
        return CHAIN_HEIGHT;
    if (!hash_equal(&block.header.previous, &chain->head.hash))
        return CHAIN_PREVIOUS;
    if (block.header.time.ms < chain->head.time.ms)
        return CHAIN_TIME;
    chain_begin(chain, block.header.term, block.header.time);
    enum chain_fault fault = accept(chain, signer, &block, signers, index_out);
    if (fault != CHAIN_GOOD) {
        chain_rollback(chain);
        return fault;
    }
    chain->next = block.header;
    struct hash hash = block_hash(block.header_bytes);
    chain_ready(chain, &hash);
    return CHAIN_GOOD;
}

const char *following_word(enum chain_fault fault)
{
    return (unsigned)fault < CHAIN_FAULTS ? words[fault] : "unknown";
}

const char *following_text(enum chain_fault fault)
{
    return (unsigned)fault < CHAIN_FAULTS ? texts[fault] : "unknown";
}

#include "ledger/core/sealing.h"

#include "ledger/core/chain_state.h"

#include <busbar/check.h>

/* What the block has around its body: header and one seal. */
#define FRAME_SIZE (BLOCK_HEADER_SIZE + 1 + 3 + SIGNATURE_SIZE)

void sealing_begin(struct chain *chain, uint64_t term, struct wall now)
{
    chain_begin(chain, term, now.ms > chain->head.time.ms ? now : chain->head.time);
    chain->transactions.size = 0;
    chain->receipts.size = 0;
}

static bool is_full(const struct chain *chain)
{
    size_t worst = chain->transactions.size + 2 + TRANSACTION_BYTES_MAX + chain->receipts.size + 4 +
                   RECEIPT_BYTES_MAX + FRAME_SIZE;
    return chain->next.count >= BLOCK_TRANSACTIONS_MAX || worst > BLOCK_BYTES_MAX;
}

/* `size` as `width` little-endian bytes. */
static void put_size(uint8_t *out, size_t size, size_t width)
{
    struct writer w = writer_at(out, width);
    write_uint(&w, size, width);
}

enum refusal sealing_execute(struct chain *chain, const struct transaction *transaction,
                             const struct hash *id, const struct address *signer, struct bytes *receipt_out)
{
    CHECK(chain->phase == CHAIN_SEALING);
    if (is_full(chain))
        return REFUSAL_BUSY;
    uint8_t *at = chain_room(&chain->transactions, 2 + TRANSACTION_BYTES_MAX);
    uint8_t *receipt = chain_room(&chain->receipts, 4 + RECEIPT_BYTES_MAX) + 4;
    size_t size = transaction_encode(transaction, at + 2), receipt_size;
    enum refusal refusal =
        chain_execute(chain, transaction, (struct bytes){at + 2, size}, id, signer, receipt, &receipt_size);
    if (refusal != REFUSAL_NONE)
        return refusal;
    put_size(at, size, 2);
    put_size(receipt - 4, receipt_size, 4);
    chain->transactions.size += 2 + size;
    chain->receipts.size += 4 + receipt_size;
    *receipt_out = (struct bytes){receipt, receipt_size};
    return REFUSAL_NONE;
}

uint32_t sealing_pending(const struct chain *chain)
{
    return chain->phase == CHAIN_SEALING ? chain->next.count : 0;
}

static void finish_header(struct chain *chain, bool checkpoint)
{
    chain->next.transactions = merkle_root(&chain->transaction_tree);
    chain->next.receipts = merkle_root(&chain->receipt_tree);
    chain->next.changes = chain_changes(chain);
    chain->next.checkpoint = checkpoint;
    if (checkpoint) {
        CHECK(market_audit(chain->market));
        chain->next.state = chain_state_root(chain);
    }
}

static struct hash write_block(struct chain *chain, struct signer *signer, const struct secret *sealer)
{
    size_t capacity = FRAME_SIZE + chain->transactions.size + chain->receipts.size;
    chain->block.size = 0;
    struct writer w = writer_at(chain_room(&chain->block, capacity), capacity);
    uint8_t header[BLOCK_HEADER_SIZE], signature[SIGNATURE_SIZE];
    block_header_encode(&chain->next, header);
    struct hash hash = block_hash((struct bytes){header, sizeof header});
    signer_sign(signer, sealer, &hash, signature);
    write_bytes(&w, (struct bytes){header, sizeof header});
    write_u8(&w, 1);
    write_u8(&w, BLOCK_SEAL_SIGNATURE);
    write_u16(&w, SIGNATURE_SIZE);
    write_bytes(&w, (struct bytes){signature, sizeof signature});
    write_bytes(&w, (struct bytes){chain->transactions.data, chain->transactions.size});
    write_bytes(&w, (struct bytes){chain->receipts.data, chain->receipts.size});
    CHECK(w.ok);
    chain->block.size = w.size;
    return hash;
}

enum status sealing_finish(struct chain *chain, struct signer *signer, const struct secret *sealer,
                           bool checkpoint, struct bytes *block_out)
{
    CHECK(chain->phase == CHAIN_SEALING && chain->next.count > 0);
    struct address address = signer_address(signer, sealer);
    if (!address_equal(&address, &chain->next.sealer)) {
        chain_rollback(chain);
        return BB_DENIED;
    }
    finish_header(chain, checkpoint);
    struct hash hash = write_block(chain, signer, sealer);
    chain_ready(chain, &hash);
    *block_out = (struct bytes){chain->block.data, chain->block.size};
    return BB_OK;
}

#include "ledger/core/proof.h"

#include "ledger/core/genesis.h"

#include <busbar/check.h>
#include <stdlib.h>

static const uint8_t magic[4] = {'B', 'E', 'R', '1'};

static const char *const texts[PROOF_FAULTS] = {
    [PROOF_GOOD] = "the receipt is good",
    [PROOF_MALFORMED] = "these are not the bytes of a receipt file",
    [PROOF_GENESIS] = "the receipt is of another chain than the one asked for",
    [PROOF_ID] = "the receipt is not this transaction's on this chain",
    [PROOF_SIGNATURE] = "the transaction is not signed by its actor",
    [PROOF_TRANSACTION] = "the transaction is not in the block, or not at this place",
    [PROOF_RECEIPT] = "the receipt is not in the block, or not at this place",
    [PROOF_SEAL] = "the block's seal is not its sealer's",
    [PROOF_SEALER] = "the sealer of the last block in the file is not the one asked for",
    [PROOF_HEAD_SEAL] = "the later block's seal is not its sealer's",
    [PROOF_HISTORY] = "the block is not in the later block's history",
};

const char *proof_text(enum proof_fault fault)
{
    return (unsigned)fault < PROOF_FAULTS ? texts[fault] : "unknown";
}

enum status proof_trust_genesis(struct bytes genesis, struct proof_trust *out)
{
    struct genesis read;
    enum status status = genesis_decode(genesis, &read);
    if (status != BB_OK)
        return status;
    *out = (struct proof_trust){.genesis = genesis_hash(genesis),
                                .chain_id = read.chain_id,
                                .contract = read.contract,
                                .sealer = read.sealer};
    genesis_free(&read);
    return BB_OK;
}

/* -- making one ------------------------------------------------------------------------------------------ */

static struct hash leaf_at(void *context, uint64_t index)
{
    const struct hash *leaves = context;
    return leaves[index];
}

enum status proof_make(const struct hash *genesis, const struct block *block, uint32_t index,
                       struct proof *out)
{
    uint32_t count = block->header.count;
    CHECK(index < count);
    struct hash *leaves = malloc(count * sizeof *leaves);
    if (leaves == NULL)
        return BB_IO;
    *out = (struct proof){
        .genesis = *genesis, .index = index, .header = block->header_bytes, .seals = block->seal_bytes};
    struct reader transactions = reader_at(block->transactions), receipts = reader_at(block->receipts);
    for (uint32_t i = 0; i < count; i++) {
        struct bytes bytes = block_next_transaction(&transactions);
        leaves[i] = merkle_leaf(bytes);
        if (i == index)
            out->transaction = bytes;
    }
    merkle_inclusion(leaf_at, leaves, index, count, &out->transaction_path);
    for (uint32_t i = 0; i < count; i++) {
        struct bytes bytes = block_next_receipt(&receipts);
        leaves[i] = merkle_leaf(bytes);
        if (i == index)
            out->receipt = bytes;
    }
    merkle_inclusion(leaf_at, leaves, index, count, &out->receipt_path);
    free(leaves);
    return BB_OK;
}

void proof_add_head(struct proof *proof, const struct block *head, merkle_leaves *leaves, void *context)
{
    struct block_header header;
    CHECK(block_header_decode(proof->header, &header) == BB_OK && header.height < head->header.height);
    proof->has_head = true;
    proof->head_header = head->header_bytes;
    proof->head_seals = head->seal_bytes;
    merkle_inclusion(leaves, context, header.height, head->header.height, &proof->history_path);
}

/* -- bytes ----------------------------------------------------------------------------------------------- */

static void write_path(struct writer *w, const struct merkle_proof *path)
{
    write_u8(w, (uint8_t)path->count);
    write_bytes(w, (struct bytes){path->hashes[0].bytes, path->count * sizeof(struct hash)});
}

size_t proof_encode(const struct proof *proof, uint8_t *out)
{
    struct writer w = writer_at(out, PROOF_BYTES_MAX);
    write_bytes(&w, (struct bytes){magic, sizeof magic});
    write_bytes(&w, (struct bytes){proof->genesis.bytes, sizeof proof->genesis.bytes});
    write_u16(&w, (uint16_t)proof->transaction.size);
    write_bytes(&w, proof->transaction);
    write_u32(&w, (uint32_t)proof->receipt.size);
    write_bytes(&w, proof->receipt);
    write_u32(&w, proof->index);
    write_bytes(&w, proof->header);
    write_bytes(&w, proof->seals);
    write_path(&w, &proof->transaction_path);
    write_path(&w, &proof->receipt_path);
    write_u8(&w, proof->has_head);
    if (proof->has_head) {
        write_bytes(&w, proof->head_header);
        write_bytes(&w, proof->head_seals);
        write_path(&w, &proof->history_path);
    }
    CHECK(w.ok);
    return w.size;
}

static void read_path(struct reader *r, struct merkle_proof *out)
{
    out->count = read_u8(r);
    if (out->count > MERKLE_PROOF_MAX)
        r->ok = false;
    struct bytes hashes = read_bytes(r, out->count * sizeof(struct hash));
    if (hashes.size > 0)
        memcpy(out->hashes, hashes.data, hashes.size);
}

static struct bytes read_seals(struct reader *r)
{
    struct block sealed;
    if (block_seals_decode(r, &sealed) == BB_OK)
        return sealed.seal_bytes;
    r->ok = false;
    return (struct bytes){NULL, 0};
}

enum status proof_decode(struct bytes bytes, struct proof *out)
{
    struct proof read = {0};
    struct reader r = reader_at(bytes);
    struct bytes start = read_bytes(&r, sizeof magic), genesis = read_bytes(&r, sizeof read.genesis.bytes);
    if (bytes.size > PROOF_BYTES_MAX || !r.ok || memcmp(start.data, magic, sizeof magic) != 0)
        return BB_MALFORMED;
    memcpy(read.genesis.bytes, genesis.data, genesis.size);
    read.transaction = read_bytes(&r, read_u16(&r));
    read.receipt = read_bytes(&r, read_u32(&r));
    read.index = read_u32(&r);
    read.header = read_bytes(&r, BLOCK_HEADER_SIZE);
    read.seals = read_seals(&r);
    read_path(&r, &read.transaction_path);
    read_path(&r, &read.receipt_path);
    uint8_t head = read_u8(&r);
    read.has_head = head == 1;
    if (read.has_head) {
        read.head_header = read_bytes(&r, BLOCK_HEADER_SIZE);
        read.head_seals = read_seals(&r);
        read_path(&r, &read.history_path);
    }
    if (!r.ok || head > 1 || r.left.size != 0)
        return BB_MALFORMED;
    *out = read;
    return BB_OK;
}

/* -- checking one ---------------------------------------------------------------------------------------- */

/* A header and its seals as a block without a body. */
static bool read_sealed(struct bytes header, struct bytes seals, struct block *out)
{
    struct reader r = reader_at(seals);
    memset(out, 0, sizeof *out);
    out->header_bytes = header;
    return block_header_decode(header, &out->header) == BB_OK && block_seals_decode(&r, out) == BB_OK;
}

static enum proof_fault check_transaction(struct signer *signer, const struct proof *proof,
                                          const struct proof_trust *trust)
{
    struct genesis named = {.chain_id = trust->chain_id, .contract = trust->contract};
    struct eip712_domain domain = genesis_domain(&named, &trust->genesis);
    struct hash separator = eip712_separator(&domain);
    struct transaction transaction;
    struct receipt receipt;
    if (transaction_decode(proof->transaction, &transaction) != BB_OK ||
        receipt_decode(proof->receipt, &receipt) != BB_OK)
        return PROOF_MALFORMED;
    struct hash id = transaction_id(&transaction, &separator);
    if (!hash_equal(&id, &receipt.id))
        return PROOF_ID;
    struct action action;
    uint64_t nonce, deadline;
    transaction_action(&transaction, &action, &nonce, &deadline);
    struct address from;
    if (signer_recover(signer, &id, transaction.signature, &from) != SIGNATURE_GOOD ||
        !address_equal(&from, &action.actor))
        return PROOF_SIGNATURE;
    return PROOF_GOOD;
}

static enum proof_fault check_block(struct signer *signer, const struct proof *proof,
                                    const struct block *block)
{
    const struct block_header *header = &block->header;
    struct hash leaf = merkle_leaf(proof->transaction);
    if (!merkle_verify_inclusion(&leaf, proof->index, header->count, &proof->transaction_path,
                                 &header->transactions))
        return PROOF_TRANSACTION;
    leaf = merkle_leaf(proof->receipt);
    if (!merkle_verify_inclusion(&leaf, proof->index, header->count, &proof->receipt_path, &header->receipts))
        return PROOF_RECEIPT;
    return block_sealed(signer, block) ? PROOF_GOOD : PROOF_SEAL;
}

/* The later block's history holds the block at the place of its height. */
static enum proof_fault check_head(struct signer *signer, const struct proof *proof,
                                   const struct block *block, const struct block *head)
{
    if (!block_sealed(signer, head))
        return PROOF_HEAD_SEAL;
    struct hash hash = block_hash(block->header_bytes);
    struct hash leaf = merkle_leaf((struct bytes){hash.bytes, sizeof hash.bytes});
    return merkle_verify_inclusion(&leaf, block->header.height, head->header.height, &proof->history_path,
                                   &head->header.history)
               ? PROOF_GOOD
               : PROOF_HISTORY;
}

enum proof_fault proof_verify(struct signer *signer, struct bytes bytes, const struct proof_trust *trust,
                              struct proof *out)
{
    struct proof proof;
    struct block block, head;
    if (proof_decode(bytes, &proof) != BB_OK || !read_sealed(proof.header, proof.seals, &block) ||
        (proof.has_head && !read_sealed(proof.head_header, proof.head_seals, &head)))
        return PROOF_MALFORMED;
    if (!hash_equal(&proof.genesis, &trust->genesis))
        return PROOF_GENESIS;
    enum proof_fault fault = check_transaction(signer, &proof, trust);
    if (fault == PROOF_GOOD)
        fault = check_block(signer, &proof, &block);
    if (fault == PROOF_GOOD && proof.has_head)
        fault = check_head(signer, &proof, &block, &head);
    if (fault != PROOF_GOOD)
        return fault;
    const struct address *sealer = proof.has_head ? &head.header.sealer : &block.header.sealer;
    if (!address_is_none(&trust->sealer) && !address_equal(&trust->sealer, sealer))
        return PROOF_SEALER;
    if (out != NULL)
        *out = proof;
    return PROOF_GOOD;
}

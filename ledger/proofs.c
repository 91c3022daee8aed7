/* Methods that prove something to whoever trusts nobody: a transaction's receipt file, and that the history
 * of one block is the beginning of another's. */
#include "ledger/core/proof.h"
#include "ledger/method.h"
#include "ledger/service_state.h"

#include <busbar/check.h>
#include <stdlib.h>

static struct hash leaf_of(void *context, uint64_t index)
{
    return ((const struct hash *)context)[index];
}

/* The tree of one part of a block's body: element `index`, and its path. */
static struct bytes prove_element(const struct block *block, bool receipts, uint32_t index,
                                  struct merkle_proof *path_out)
{
    struct hash leaves[BLOCK_TRANSACTIONS_MAX];
    struct reader reader = reader_at(receipts ? block->receipts : block->transactions);
    struct bytes found = {NULL, 0};
    CHECK(block->header.count <= BLOCK_TRANSACTIONS_MAX);
    for (uint32_t i = 0; i < block->header.count; i++) {
        struct bytes element = receipts ? block_next_receipt(&reader) : block_next_transaction(&reader);
        leaves[i] = merkle_leaf(element);
        if (i == index)
            found = element;
    }
    merkle_inclusion(leaf_of, leaves, index, block->header.count, path_out);
    return found;
}

/* The seals as they stand between the header and the body. */
static struct bytes seals_of(const struct block *block)
{
    const uint8_t *begin = block->header_bytes.data + block->header_bytes.size;
    return (struct bytes){begin, (size_t)(block->transactions.data - begin)};
}

static enum status unreadable(struct fields *f, enum status status)
{
    if (status != BB_OK)
        fields_refuse(f, NULL, "the hashes of the blocks cannot be read");
    return status;
}

/* The head's header as a later block; `head` stays borrowed by the proof. */
static enum status add_head(struct service *s, struct fields *f, uint64_t height, struct block *head,
                            uint8_t **bytes_out, struct proof *proof)
{
    uint64_t last = store_height(s->store);
    if (last <= height)
        return BB_OK;
    enum status status = method_block(s, f, last, head, bytes_out);
    if (status != BB_OK)
        return status;
    proof->has_head = true;
    proof->head_header = head->header_bytes;
    proof->head_seals = seals_of(head);
    return unreadable(f, history_inclusion(s->history, height, last, &proof->history_path));
}

static enum status receipt(struct service *s, struct fields *f, struct json_writer *w)
{
    struct hash id;
    uint64_t height;
    struct block block, head;
    uint8_t *bytes = NULL, *head_bytes = NULL;
    static uint8_t file[PROOF_BYTES_MAX];
    struct proof proof = {.genesis = genesis_hash(store_genesis(s->store))};
    enum status status = method_find(s, f, &id, &height, &proof.index);
    if (status == BB_OK)
        status = method_block(s, f, height, &block, &bytes);
    if (status == BB_OK && proof.index >= block.header.count)
        status = BB_MALFORMED;
    if (status == BB_OK) {
        proof.header = block.header_bytes;
        proof.seals = seals_of(&block);
        proof.transaction = prove_element(&block, false, proof.index, &proof.transaction_path);
        proof.receipt = prove_element(&block, true, proof.index, &proof.receipt_path);
        status = add_head(s, f, height, &head, &head_bytes, &proof);
    }
    if (status == BB_OK)
        json_writer_hex(w, "receipt", (struct bytes){file, proof_encode(&proof, file)});
    free(head_bytes);
    free(bytes);
    return status;
}

static enum status consistency(struct service *s, struct fields *f, struct json_writer *w)
{
    uint64_t last = store_height(s->store);
    uint64_t first = fields_uint(f, "first", last), second = fields_uint(f, "second", last);
    struct merkle_proof path;
    if (f->ok && (first == 0 || first > second))
        fields_refuse(f, "first", "expected the height of a block, at least 1 and not above second");
    if (!f->ok)
        return BB_MALFORMED;
    struct hash roots[2];
    enum status status = history_root(s->history, first, &roots[0]);
    if (status == BB_OK)
        status = history_root(s->history, second, &roots[1]);
    if (status == BB_OK)
        status = history_consistency(s->history, first, second, &path);
    if (status != BB_OK)
        return unreadable(f, status);
    json_writer_hex(w, "first_root", (struct bytes){roots[0].bytes, sizeof roots[0].bytes});
    json_writer_hex(w, "second_root", (struct bytes){roots[1].bytes, sizeof roots[1].bytes});
    json_writer_open(w, "path", '[');
    for (uint32_t i = 0; i < path.count; i++)
        json_writer_hex(w, NULL, (struct bytes){path.hashes[i].bytes, sizeof path.hashes[i].bytes});
    json_writer_close(w, ']');
    return BB_OK;
}

const struct method proofs_methods[] = {
    {"receipt", (const char *const[]){"id", NULL}, receipt},
    {"proof", (const char *const[]){"first", "second", NULL}, consistency},
    {NULL, NULL, NULL},
};

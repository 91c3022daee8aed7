#include "ledger/core/block.h"

#include "ledger/crypto/hash.h"

#include <busbar/check.h>

static const char magic[4] = {'B', 'E', 'B', '1'};

static void write_hash(struct writer *w, const struct hash *hash)
{
    write_bytes(w, (struct bytes){hash->bytes, sizeof hash->bytes});
}

static void read_into(struct reader *r, uint8_t *out, size_t size)
{
    struct bytes taken = read_bytes(r, size);
    if (taken.size > 0)
        memcpy(out, taken.data, taken.size);
}

void block_header_encode(const struct block_header *header, uint8_t out[BLOCK_HEADER_SIZE])
{
    struct writer w = writer_at(out, BLOCK_HEADER_SIZE);
    write_bytes(&w, (struct bytes){(const uint8_t *)magic, sizeof magic});
    write_u64(&w, header->height);
    write_hash(&w, &header->previous);
    write_hash(&w, &header->history);
    write_u64(&w, header->term);
    write_u64(&w, (uint64_t)header->time.ms);
    write_hash(&w, &header->transactions);
    write_hash(&w, &header->receipts);
    write_hash(&w, &header->changes);
    write_u8(&w, header->checkpoint);
    write_hash(&w, &header->state);
    write_bytes(&w, (struct bytes){header->sealer.bytes, sizeof header->sealer.bytes});
    write_u32(&w, header->count);
    CHECK(w.ok && w.size == BLOCK_HEADER_SIZE);
}

enum status block_header_decode(struct bytes bytes, struct block_header *out)
{
    static const struct hash none;
    if (bytes.size != BLOCK_HEADER_SIZE || memcmp(bytes.data, magic, sizeof magic) != 0)
        return BB_MALFORMED;
    struct reader r = reader_at(bytes);
    struct block_header h = {0};
    (void)read_bytes(&r, sizeof magic);
    h.height = read_u64(&r);
    read_into(&r, h.previous.bytes, 32);
    read_into(&r, h.history.bytes, 32);
    h.term = read_u64(&r);
    h.time.ms = (int64_t)read_u64(&r);
    read_into(&r, h.transactions.bytes, 32);
    read_into(&r, h.receipts.bytes, 32);
    read_into(&r, h.changes.bytes, 32);
    uint8_t flag = read_u8(&r);
    h.checkpoint = flag == 1;
    read_into(&r, h.state.bytes, 32);
    read_into(&r, h.sealer.bytes, 20);
    h.count = read_u32(&r);
    if (flag > 1 || (flag == 0 && !hash_equal(&h.state, &none)))
        return BB_MALFORMED;
    *out = h;
    return BB_OK;
}

struct hash block_hash(struct bytes header_bytes)
{
    return hash_sha256(&header_bytes, 1);
}

enum status block_seals_decode(struct reader *from, struct block *out)
{
    struct bytes start = from->left;
    out->seal_count = read_u8(from);
    if (out->seal_count > BLOCK_SEALS_MAX)
        return BB_MALFORMED;
    for (uint8_t i = 0; i < out->seal_count; i++) {
        out->seals[i].kind = read_u8(from);
        out->seals[i].bytes = read_bytes(from, read_u16(from));
    }
    out->seal_bytes = (struct bytes){start.data, start.size - from->left.size};
    return from->ok ? BB_OK : BB_MALFORMED;
}

/* Walks `count` elements with sizes of `width` bytes, 1 … most each; their range to *part_out. */
static bool take_part(struct reader *r, uint32_t count, size_t width, size_t most, struct bytes *part_out)
{
    const uint8_t *start = r->left.data;
    size_t before = r->left.size;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = (size_t)read_uint(r, width);
        (void)read_bytes(r, size);
        if (!r->ok || size == 0 || size > most)
            return false;
    }
    *part_out = (struct bytes){start, before - r->left.size};
    return true;
}

enum status block_decode(struct bytes bytes, struct block *out)
{
    struct block b = {0};
    struct reader r = reader_at(bytes);
    b.header_bytes = read_bytes(&r, BLOCK_HEADER_SIZE);
    if (bytes.size > BLOCK_BYTES_MAX || block_header_decode(b.header_bytes, &b.header) != BB_OK ||
        b.header.count > BLOCK_TRANSACTIONS_MAX || block_seals_decode(&r, &b) != BB_OK)
        return BB_MALFORMED;
    if (!take_part(&r, b.header.count, 2, TRANSACTION_BYTES_MAX, &b.transactions) ||
        !take_part(&r, b.header.count, 4, RECEIPT_BYTES_MAX, &b.receipts) || r.left.size != 0)
        return BB_MALFORMED;
    *out = b;
    return BB_OK;
}

struct bytes block_next_transaction(struct reader *transactions)
{
    return read_bytes(transactions, read_u16(transactions));
}

struct bytes block_next_receipt(struct reader *receipts)
{
    return read_bytes(receipts, read_u32(receipts));
}

bool block_sealed(struct signer *signer, const struct block *block)
{
    const struct block_seal *seal = &block->seals[0];
    if (block->seal_count != 1 || seal->kind != BLOCK_SEAL_SIGNATURE || seal->bytes.size != SIGNATURE_SIZE)
        return false;
    struct hash hash = block_hash(block->header_bytes);
    struct address sealer;
    return signer_recover(signer, &hash, seal->bytes.data, &sealer) == SIGNATURE_GOOD &&
           address_equal(&sealer, &block->header.sealer);
}

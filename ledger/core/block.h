/* A block: header, seals, transactions, receipts, as canonical little-endian bytes. The block's hash is
 * SHA-256 of the header's bytes; a seal signs that hash; so the header carries everything by its roots.
 *
 *   header  "BEB1" · u64 height · 32 previous · 32 history · u64 term · i64 time_ms · 32 transactions ·
 *           32 receipts · 32 changes · u8 checkpoint · 32 state · address sealer · u32 count
 *   seals   u8 n · n × (u8 kind, u16 size, bytes)
 *           kind 1: 65-byte secp256k1 signature of the block's hash
 *   body    count × (u16 size, transaction) · count × (u32 size, receipt)
 *
 * `history` is the RFC 6962 root over the hashes of all blocks before this one (leaf 0 is the genesis hash),
 * so every seal is a signed tree head as well. `changes` is SHA-256 over the rows that the block changed
 * (rows.h): u8 kind, u64 a, u64 b, u16 size, value; ascending. `state` is the RFC 6962 root over all rows in
 * that form at a checkpoint, else zero. */
#ifndef LEDGER_CORE_BLOCK_H
#define LEDGER_CORE_BLOCK_H

#include "ledger/core/receipt.h"
#include "ledger/core/transaction.h"

#include <busbar/bytes.h>
#include <busbar/status.h>

#define BLOCK_HEADER_SIZE      245
#define BLOCK_TRANSACTIONS_MAX 4096
#define BLOCK_SEALS_MAX        8
#define BLOCK_SEAL_SIGNATURE   1
#define BLOCK_BYTES_MAX        (16 * 1024 * 1024)

struct block_header {
    uint64_t height; /* of the first block: 1; the genesis is 0 */
    struct hash previous, history;
    uint64_t term; /* of the sequencer */
    struct wall time;
    struct hash transactions, receipts, changes;
    bool checkpoint;
    struct hash state;
    struct address sealer;
    uint32_t count;
};

struct block_seal {
    uint8_t kind;
    struct bytes bytes;
};

/* A block read back; everything is borrowed from its bytes. */
struct block {
    struct block_header header;
    struct bytes header_bytes;
    uint8_t seal_count;
    struct block_seal seals[BLOCK_SEALS_MAX];
    struct bytes seal_bytes;             /* all of them, as they stand there */
    struct bytes transactions, receipts; /* the two parts of the body */
};

/* The header as bytes, and back: BB_MALFORMED for another size, magic or flag, or a state without the flag.
 */
void block_header_encode(const struct block_header *header, uint8_t out[BLOCK_HEADER_SIZE]);
BB_MUST_CHECK enum status block_header_decode(struct bytes bytes, struct block_header *out);

/* SHA-256 of the header's bytes. */
struct hash block_hash(struct bytes header_bytes);

/* Reads a block that fills `bytes` entirely: form only, no hash is checked. BB_MALFORMED. */
BB_MUST_CHECK enum status block_decode(struct bytes bytes, struct block *out);

/* Reads the seals alone into out's three members for them: form only. BB_MALFORMED. */
BB_MUST_CHECK enum status block_seals_decode(struct reader *from, struct block *out);

/* Walks the body: the next element of a part that block_decode has checked. */
struct bytes block_next_transaction(struct reader *transactions);
struct bytes block_next_receipt(struct reader *receipts);

/* True when the block's only seal is a signature of its hash by the header's sealer: as long as one sealer is
 * in force, a second seal would be bytes that nobody vouches for. */
bool block_sealed(struct signer *signer, const struct block *block);

#endif

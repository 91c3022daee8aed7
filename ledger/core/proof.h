/* A receipt file: everything that proves offline that one transaction and its receipt are in the chain.
 * Binary and canonical: no byte of it is free, one flipped bit anywhere is refused.
 *
 *   "BER1" · 32 genesis hash · u16 size, transaction · u32 size, receipt · u32 index · header · seals ·
 *   u8 n, n × 32 transaction path · u8 n, n × 32 receipt path · u8 head (0 or 1)
 *   [· header of a later block · seals · u8 n, n × 32 path of the block's hash in its history]
 *
 * The reader is written for people who trust nobody: it takes no JSON and no library but the hash functions
 * and secp256k1. What stays to be trusted is the genesis hash and the sealer's address, which a participant
 * knows from the day it joined. With a later block its sealer is the one that counts: it vouches for all
 * before. */
#ifndef LEDGER_CORE_PROOF_H
#define LEDGER_CORE_PROOF_H

#include "ledger/core/block.h"
#include "ledger/core/merkle.h"
#include "ledger/core/receipt.h"

#define PROOF_BYTES_MAX (RECEIPT_BYTES_MAX + 16 * 1024)

/* The parts of a receipt file. Bytes are borrowed. */
struct proof {
    struct hash genesis;
    struct bytes transaction, receipt;
    uint32_t index;
    struct bytes header, seals; /* as in block.h, each as it stands there */
    struct merkle_proof transaction_path, receipt_path;
    bool has_head;
    struct bytes head_header, head_seals;
    struct merkle_proof history_path;
};

enum proof_fault {
    PROOF_GOOD = 0,
    PROOF_MALFORMED,   /* these are not the bytes of a receipt file */
    PROOF_GENESIS,     /* of another chain than the one asked for */
    PROOF_ID,          /* the receipt is not this transaction's */
    PROOF_SIGNATURE,   /* the transaction is not signed by its actor */
    PROOF_TRANSACTION, /* the transaction is not in the block */
    PROOF_RECEIPT,     /* the receipt is not in the block, or at another place */
    PROOF_SEAL,        /* the block's seal is not its sealer's */
    PROOF_SEALER,      /* the sealer of the last block in the file is not the one asked for */
    PROOF_HEAD_SEAL,   /* the later block's seal is not its sealer's */
    PROOF_HISTORY,     /* the block is not in the later block's history */
    PROOF_FAULTS
};

/* What the verifier checks against, and what it needs to know of the chain: the domain's fields. */
struct proof_trust {
    struct hash genesis;
    uint64_t chain_id;
    struct address contract;
    struct address sealer; /* of the last block in the file; none: any */
};

/* What the genesis' canonical bytes say to trust: everything, with its first sealer. BB_MALFORMED, BB_RANGE,
 * BB_IO. */
BB_MUST_CHECK enum status proof_trust_genesis(struct bytes genesis, struct proof_trust *out);

/* Collects what proves transaction `index` of a block, below its count; bytes are borrowed from the block's.
 * BB_IO: no memory. */
BB_MUST_CHECK enum status proof_make(const struct hash *genesis, const struct block *block, uint32_t index,
                                     struct proof *out);

/* Adds a later block's head: `leaves` gives merkle_leaf of the hash of block `index`, 0 being the genesis
 * hash. O(height of the head). */
void proof_add_head(struct proof *proof, const struct block *head, merkle_leaves *leaves, void *context);

/* Writes a receipt file to out[PROOF_BYTES_MAX]; the size. */
size_t proof_encode(const struct proof *proof, uint8_t *out);
BB_MUST_CHECK enum status proof_decode(struct bytes bytes, struct proof *out);

/* Verifies everything. Any bytes are safe to give. On PROOF_GOOD, *out is filled (NULL allowed). */
enum proof_fault proof_verify(struct signer *signer, struct bytes bytes, const struct proof_trust *trust,
                              struct proof *out);

/* The sentence of a fault; static storage. */
const char *proof_text(enum proof_fault fault);

#endif

/* The genesis: unsigned configuration that everything else follows from. Its hash is the chain's identity:
 * the salt of the EIP-712 domain, and the parent of block 1. Canonical bytes, little-endian, every list in
 * the order given:
 *
 *   "BEG1" · u64 chain id · address contract · i64 time_ms · address sealer · 5 × u32 limits · policy ·
 *   u32 n · n × (address, u8 length, name, u8 role, i64 money, i64 energy) ·
 *   u32 n · n × (address buyer, address seller, i64 capacity) */
#ifndef LEDGER_CORE_GENESIS_H
#define LEDGER_CORE_GENESIS_H

#include "ledger/crypto/eip712.h"
#include "market/contract.h"

#include <busbar/reason.h>
#include <busbar/status.h>

struct genesis_participant {
    struct address address;
    char name[MARKET_NAME_MAX + 1];
    uint8_t role;
    struct money money;
    struct energy energy;
};

struct genesis_line {
    struct address buyer, seller;
    struct energy capacity;
};

/* Lists are the caller's (or, after genesis_decode, point into one malloc'd block that genesis_free frees).
 */
struct genesis {
    uint64_t chain_id; /* 1 … 2^53 − 1, so that wallets can say it */
    struct address contract;
    struct wall time;
    struct address sealer;
    struct market_limits limits;
    struct policy policy;
    uint32_t participant_count, line_count;
    struct genesis_participant
        *participants; /* exactly one operator and one distribution company among them */
    struct genesis_line *lines;
};

/* The canonical bytes, malloc'd. BB_RANGE (with the reason): what genesis_open would refuse. */
BB_MUST_CHECK enum status genesis_encode(const struct genesis *genesis, struct bb_reason *reason,
                                         uint8_t **bytes_out, size_t *size_out);

/* Reads canonical bytes. BB_MALFORMED, BB_RANGE. */
BB_MUST_CHECK enum status genesis_decode(struct bytes bytes, struct genesis *out);
void genesis_free(struct genesis *genesis);

/* SHA-256 of the canonical bytes. */
struct hash genesis_hash(struct bytes bytes);

/* The EIP-712 domain that follows: name "Bit-Energy", version "1". */
struct eip712_domain genesis_domain(const struct genesis *genesis, const struct hash *hash);

/* Puts accounts, balances, lines and policy into an empty market. BB_RANGE: the contract refuses one; the
 * reason names it. */
BB_MUST_CHECK enum status genesis_open(const struct genesis *genesis, struct market *market,
                                       struct bb_reason *reason);

#endif

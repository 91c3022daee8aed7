/* The two hash functions: Keccak-256 for what Ethereum's wallets sign, SHA-256 for trees and blocks. */
#ifndef LEDGER_CRYPTO_HASH_H
#define LEDGER_CRYPTO_HASH_H

#include <busbar/address.h>
#include <busbar/bytes.h>

/* Keccak-256 with Ethereum's padding (0x01, not SHA3's 0x06). Any size. Source: Keccak submission 3; EIP-55's
 * users. */
struct hash hash_keccak256(struct bytes message);

/* SHA-256 of the concatenation of `count` ranges. Source: FIPS 180-4; from libcrypto. */
struct hash hash_sha256(const struct bytes *parts, size_t count);

/* SHA-256 of an open file from its present place to its end, a piece at a time; *size_out bytes. False: it
 * cannot be read, and errno says why. */
bool hash_sha256_file(int file, struct hash *hash_out, uint64_t *size_out);

#endif

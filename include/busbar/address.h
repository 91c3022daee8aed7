/* Who somebody is on the ledger, and what a hash is: plain byte arrays that can be compared and copied. */
#ifndef BUSBAR_ADDRESS_H
#define BUSBAR_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* An account's address: the last 20 bytes of keccak256(uncompressed public key without 0x04). All zero: none.
 */
struct address {
    uint8_t bytes[20];
};

/* A 32-byte hash: SHA-256 for trees and blocks, Keccak-256 for what Ethereum's wallets sign. */
struct hash {
    uint8_t bytes[32];
};

/* True when both are the same. */
static inline bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* True when all twenty bytes are zero. */
static inline bool address_is_none(const struct address *a)
{
    static const struct address none;
    return address_equal(a, &none);
}

/* True when both are the same. */
static inline bool hash_equal(const struct hash *a, const struct hash *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

#endif

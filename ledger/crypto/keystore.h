/* A key at rest: Ethereum's keystore, version 3 (scrypt, aes-128-ctr, keccak256 as its code). What ethers and
 * geth write opens here, and the other way round. Source: Web3 Secret Storage Definition. */
#ifndef LEDGER_CRYPTO_KEYSTORE_H
#define LEDGER_CRYPTO_KEYSTORE_H

#include "ledger/crypto/signer.h"

#include <busbar/bytes.h>
#include <busbar/reason.h>

/* scrypt's cost: scrypt_cost_fits says which are taken. The standard is 2^17 (geth) or 2^18,
 * 8, 1. */
struct keystore_cost {
    uint32_t n, r, p;
};

/* The JSON of a keystore, malloc'd. Salt, iv and id come from the kernel's randomness. BB_IO, BB_RANGE
 * (cost). */
BB_MUST_CHECK enum status keystore_seal(struct signer *signer, const struct secret *secret,
                                        struct bytes passphrase, struct keystore_cost cost, char **json_out);

/* Opens one: `crypto` and `Crypto`, scrypt and pbkdf2 (c ≤ 10 000 000) are taken. At most 64 KiB of JSON.
 * BB_MALFORMED (the reason names the field), BB_VERSION, BB_RANGE (a cost that would take more than 1 GiB or
 * a minute), BB_IO: no memory, BB_DENIED: wrong passphrase or altered file, which cannot be told apart. The
 * passphrase's bytes are taken as they are (ethers brings them to NFKC first). */
BB_MUST_CHECK enum status keystore_open(struct signer *signer, struct bytes json, struct bytes passphrase,
                                        struct bb_reason *reason, struct secret *out);

/* The address that a keystore claims, without opening it. BB_MALFORMED; BB_NOT_FOUND: it does not say. */
BB_MUST_CHECK enum status keystore_address(struct bytes json, struct address *out);

#endif

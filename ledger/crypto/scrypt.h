/* scrypt, the costly step from a passphrase to a key. Source: RFC 7914.
 *
 * libcrypto refuses n ≥ 2^(16r), as the RFC asks, but the test vector of the Web3 Secret Storage Definition
 * has n = 2^18 with r = 1, and keystores like it are about; so the costs that libcrypto refuses are computed
 * here. */
#ifndef LEDGER_CRYPTO_SCRYPT_H
#define LEDGER_CRYPTO_SCRYPT_H

#include "ledger/crypto/keystore.h"

#define SCRYPT_KEY 32

/* True for costs that end within 1 GiB and a minute: n a power of two in 2 … 2^20, r and p in 1 … 1024,
 * n × r ≤ 2^23, n × r × p ≤ 2^25. */
bool scrypt_cost_fits(struct keystore_cost cost);

/* The first 32 bytes that the passphrase gives; by libcrypto where it can. The cost must fit. BB_IO: no
 * memory. */
BB_MUST_CHECK enum status scrypt_derive(struct bytes passphrase, struct bytes salt, struct keystore_cost cost,
                                        uint8_t out[SCRYPT_KEY]);

/* The same, always computed here. */
BB_MUST_CHECK enum status scrypt_derive_here(struct bytes passphrase, struct bytes salt,
                                             struct keystore_cost cost, uint8_t out[SCRYPT_KEY]);

#endif

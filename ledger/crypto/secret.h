/* Making and keeping secret keys. */
#ifndef LEDGER_CRYPTO_SECRET_H
#define LEDGER_CRYPTO_SECRET_H

#include "ledger/crypto/signer.h"

/* A new key from the kernel's randomness. BB_IO. */
BB_MUST_CHECK enum status secret_new(struct signer *signer, struct secret *out);

/* True when the bytes are a key: 0 < key < the group's order. */
bool secret_valid(struct signer *signer, const struct secret *secret);

/* Overwrites it, whatever the optimiser thinks. */
void secret_wipe(struct secret *secret);

#endif

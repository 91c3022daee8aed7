/* The key that signs blocks, at rest: ledger/sealer.key, 64 hexadecimal digits, mode 0600. */
#ifndef LEDGER_SEALER_KEY_H
#define LEDGER_SEALER_KEY_H

#include "ledger/crypto/signer.h"

#include <busbar/reason.h>

/* Reads it. BB_NOT_FOUND, BB_IO, BB_DENIED (others can read it: the reason says chmod), BB_MALFORMED (no such
 * digits, or no key of secp256k1). Whoever gets it wipes it with secret_wipe. */
BB_MUST_CHECK enum status sealer_key_load(const char *path, struct signer *signer, struct bb_reason *reason,
                                          struct secret *out);

#endif

/* The wallet of a demo: throw-away keys, cheap to open, under a passphrase that lies beside them. */
#ifndef AGENTS_CLI_DEMO_KEYS_H
#define AGENTS_CLI_DEMO_KEYS_H

#include "agents/cli/founding.h"
#include "ledger/crypto/signer.h"

/* Where the passphrase is, below the home. */
#define DEMO_KEYS_PASSPHRASE "wallet/passphrase"

/* Removes the chain of an earlier demo from `home`, with everything in its folder. BB_IO. */
BB_MUST_CHECK enum status demo_keys_clear(const char *home, struct bb_reason *reason);

/* Writes the key of each participant to the wallet, over that of an earlier demo. BB_IO. */
BB_MUST_CHECK enum status demo_keys_write(const struct founding *founding, struct signer *signer,
                                          const struct secret *secrets, struct bb_reason *reason);

#endif

/* The signature of a bundle: what is signed, and signature.json. Source: EIP-712; docs/platform.md,
 * "Bundles". */
#ifndef AGENTS_BUNDLE_SEAL_H
#define AGENTS_BUNDLE_SEAL_H

#include "ledger/crypto/signer.h"

#include <busbar/bytes.h>
#include <busbar/reason.h>

/* `{"signer":"0x<40>","signature":"0x<130>"}`, a line feed, NUL. */
#define SEAL_ROOM 256

/* The EIP-712 digest of AgentBundle(string name,string release,bytes32 digest) in the domain `Busbar Agent`,
 * version 1. */
struct hash seal_statement(const char *name, const char *release, const struct hash *digest);

/* The text of signature.json; its size. */
size_t seal_write(const struct address *signer, const uint8_t signature[SIGNATURE_SIZE], char out[SEAL_ROOM]);

/* Reads signature.json, which must be exactly what seal_write writes, and recovers who signed `statement`.
 * BB_MALFORMED: it is none, or the signature is not the signer's over this; BB_IO: libsecp256k1 does not
 * start. */
BB_MUST_CHECK enum status seal_check(struct bytes text, const struct hash *statement,
                                     struct bb_reason *reason, struct address *signer_out);

/* Who signed `statement`. As above. */
BB_MUST_CHECK enum status seal_recover(const uint8_t signature[SIGNATURE_SIZE], const struct hash *statement,
                                       struct bb_reason *reason, struct address *signer_out);

#endif

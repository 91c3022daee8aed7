/* secp256k1: keys, recoverable signatures in Ethereum's 65 bytes r ‖ s ‖ v. Nonces are RFC 6979, so that the
 * same digest and key give the same bytes as ethers and viem. */
#ifndef LEDGER_CRYPTO_SIGNER_H
#define LEDGER_CRYPTO_SIGNER_H

#include <busbar/address.h>
#include <busbar/status.h>

#define SIGNATURE_SIZE 65

/* A secret key; wiped by secret_wipe, never logged, never in an argv. */
struct secret {
    uint8_t bytes[32];
};

/* Why a signature is refused. */
enum signature_fault {
    SIGNATURE_GOOD = 0,
    SIGNATURE_BAD_V,    /* v is neither 27 nor 28 */
    SIGNATURE_HIGH_S,   /* s is in the upper half: the malleable twin */
    SIGNATURE_BAD_RANGE /* r or s is zero or not below the group's order, or no key fits */
};

/* A context of libsecp256k1; one a thread. */
struct signer;

/* BB_IO when there is no memory or no randomness for blinding. */
BB_MUST_CHECK enum status signer_open(struct signer **out);
void signer_close(struct signer *signer);

/* The address of a key. A key that is not valid is a bug. */
struct address signer_address(struct signer *signer, const struct secret *secret);

/* Signs a digest: low s, v 27 or 28. */
void signer_sign(struct signer *signer, const struct secret *secret, const struct hash *digest,
                 uint8_t signature_out[SIGNATURE_SIZE]);

/* Who signed `digest`; `out` is untouched unless SIGNATURE_GOOD. About 45–65 µs. Any 65 bytes are safe to
 * give. */
enum signature_fault signer_recover(struct signer *signer, const struct hash *digest,
                                    const uint8_t signature[SIGNATURE_SIZE], struct address *out);

#endif

#include "ledger/crypto/signer.h"

#include "ledger/crypto/hash.h"
#include "ledger/crypto/secret.h"

#include <busbar/check.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdlib.h>
#include <sys/random.h>

#define PUBLIC_KEY 65 /* 0x04 ‖ x ‖ y */

struct signer {
    secp256k1_context *context;
};

/* Half the group's order, rounded down: the largest s that is not refused. */
static const uint8_t HALF_ORDER[32] = {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4,
                                       0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0};

enum status signer_open(struct signer **out)
{
    uint8_t seed[32];
    if (getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        return BB_IO;
    struct signer *signer = malloc(sizeof *signer);
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    bool ready = signer != NULL && context != NULL && secp256k1_context_randomize(context, seed) == 1;
    explicit_bzero(seed, sizeof seed);
    if (!ready) {
        if (context != NULL)
            secp256k1_context_destroy(context);
        free(signer);
        return BB_IO;
    }
    signer->context = context;
    *out = signer;
    return BB_OK;
}

void signer_close(struct signer *signer)
{
    if (signer == NULL)
        return;
    secp256k1_context_destroy(signer->context);
    free(signer);
}

static struct address address_of(struct signer *signer, const secp256k1_pubkey *key)
{
    uint8_t text[PUBLIC_KEY];
    size_t size = sizeof text;
    CHECK(secp256k1_ec_pubkey_serialize(signer->context, text, &size, key, SECP256K1_EC_UNCOMPRESSED) == 1);
    struct hash hash = hash_keccak256((struct bytes){text + 1, sizeof text - 1});
    struct address address;
    memcpy(address.bytes, hash.bytes + 12, sizeof address.bytes);
    return address;
}

struct address signer_address(struct signer *signer, const struct secret *secret)
{
    secp256k1_pubkey key;
    CHECK(secp256k1_ec_pubkey_create(signer->context, &key, secret->bytes) == 1);
    return address_of(signer, &key);
}

void signer_sign(struct signer *signer, const struct secret *secret, const struct hash *digest,
                 uint8_t signature_out[SIGNATURE_SIZE])
{
    secp256k1_ecdsa_recoverable_signature signature;
    int id;
    CHECK(secp256k1_ecdsa_sign_recoverable(signer->context, &signature, digest->bytes, secret->bytes,
                                           secp256k1_nonce_function_rfc6979, NULL) == 1);
    CHECK(secp256k1_ecdsa_recoverable_signature_serialize_compact(signer->context, signature_out, &id,
                                                                  &signature) == 1);
    /* 2 and 3 would mean an r above the order: one nonce in 2^127. */
    CHECK(id == 0 || id == 1);
    signature_out[64] = (uint8_t)(27 + id);
}

enum signature_fault signer_recover(struct signer *signer, const struct hash *digest,
                                    const uint8_t signature[SIGNATURE_SIZE], struct address *out)
{
    static const uint8_t ZERO[32];
    uint8_t v = signature[64];
    if (v != 27 && v != 28)
        return SIGNATURE_BAD_V;
    secp256k1_ecdsa_recoverable_signature parsed;
    if (memcmp(signature, ZERO, 32) == 0 || memcmp(signature + 32, ZERO, 32) == 0 ||
        secp256k1_ecdsa_recoverable_signature_parse_compact(signer->context, &parsed, signature, v - 27) != 1)
        return SIGNATURE_BAD_RANGE;
    if (memcmp(signature + 32, HALF_ORDER, sizeof HALF_ORDER) > 0)
        return SIGNATURE_HIGH_S;
    secp256k1_pubkey key;
    if (secp256k1_ecdsa_recover(signer->context, &key, &parsed, digest->bytes) != 1)
        return SIGNATURE_BAD_RANGE;
    *out = address_of(signer, &key);
    return SIGNATURE_GOOD;
}

enum status secret_new(struct signer *signer, struct secret *out)
{
    struct secret secret;
    do {
        if (getrandom(secret.bytes, sizeof secret.bytes, 0) != (ssize_t)sizeof secret.bytes)
            return BB_IO;
    } while (!secret_valid(signer, &secret));
    *out = secret;
    secret_wipe(&secret);
    return BB_OK;
}

bool secret_valid(struct signer *signer, const struct secret *secret)
{
    return secp256k1_ec_seckey_verify(signer->context, secret->bytes) == 1;
}

void secret_wipe(struct secret *secret)
{
    explicit_bzero(secret, sizeof *secret);
}

#include "ledger/crypto/keystore.h"

#include "ledger/crypto/hash.h"
#include "ledger/crypto/keystore_file.h"
#include "ledger/crypto/scrypt.h"
#include "ledger/crypto/secret.h"

#include <busbar/check.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

/* The passphrase's 32 bytes: the first half enciphers, the second proves. */
static enum status derive(const struct keystore_file *file, struct bytes passphrase, uint8_t key[SCRYPT_KEY])
{
    if (file->cost.n > 0)
        return scrypt_derive(passphrase, (struct bytes){file->salt, file->salt_size}, file->cost, key);
    int done = PKCS5_PBKDF2_HMAC((const char *)passphrase.data, (int)passphrase.size, file->salt,
                                 (int)file->salt_size, (int)file->rounds, EVP_sha256(), SCRYPT_KEY, key);
    return done == 1 ? BB_OK : BB_IO;
}

/* AES-128-CTR, both ways. BB_IO: no memory. */
static enum status cipher(const uint8_t key[16], const uint8_t iv[16], const uint8_t in[32], uint8_t out[32])
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int size = 0;
    bool done = context != NULL && EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), NULL, key, iv) == 1 &&
                EVP_EncryptUpdate(context, out, &size, in, 32) == 1 && size == 32;
    EVP_CIPHER_CTX_free(context);
    return done ? BB_OK : BB_IO;
}

static struct hash code_of(const uint8_t key[SCRYPT_KEY], const uint8_t ciphertext[32])
{
    uint8_t message[48];
    memcpy(message, key + 16, 16);
    memcpy(message + 16, ciphertext, 32);
    struct hash code = hash_keccak256((struct bytes){message, sizeof message});
    explicit_bzero(message, sizeof message);
    return code;
}

enum status keystore_seal(struct signer *signer, const struct secret *secret, struct bytes passphrase,
                          struct keystore_cost cost, char **json_out)
{
    struct keystore_file file = {.cost = cost, .salt_size = 32, .has_address = true};
    uint8_t random[32 + 16 + 16], key[SCRYPT_KEY];
    CHECK(secret_valid(signer, secret));
    if (!scrypt_cost_fits(cost) || passphrase.size > INT_MAX)
        return BB_RANGE;
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return BB_IO;
    memcpy(file.salt, random, 32);
    memcpy(file.iv, random + 32, 16);
    file.address = signer_address(signer, secret);
    enum status status = derive(&file, passphrase, key);
    if (status == BB_OK)
        status = cipher(key, file.iv, secret->bytes, file.ciphertext);
    if (status == BB_OK) {
        struct hash code = code_of(key, file.ciphertext);
        memcpy(file.code, code.bytes, sizeof file.code);
        status = keystore_file_write(&file, random + 48, json_out);
    }
    explicit_bzero(key, sizeof key);
    return status;
}

/* What the file holds, under its key. */
static enum status unseal(struct signer *signer, const struct keystore_file *file,
                          const uint8_t key[SCRYPT_KEY], struct bb_reason *reason, struct secret *out)
{
    struct hash code = code_of(key, file->ciphertext);
    if (CRYPTO_memcmp(code.bytes, file->code, sizeof file->code) != 0) {
        bb_reason_say(reason, "keystore: the passphrase is wrong, or the file was altered");
        return BB_DENIED;
    }
    enum status status = cipher(key, file->iv, file->ciphertext, out->bytes);
    if (status != BB_OK)
        return status;
    if (!secret_valid(signer, out)) {
        bb_reason_say(reason, "keystore: ciphertext: what it holds is no key");
        return BB_MALFORMED;
    }
    struct address address = signer_address(signer, out);
    if (file->has_address && !address_equal(&address, &file->address)) {
        bb_reason_say(reason, "keystore: address: the key inside has another address");
        return BB_MALFORMED;
    }
    return BB_OK;
}

enum status keystore_open(struct signer *signer, struct bytes json, struct bytes passphrase,
                          struct bb_reason *reason, struct secret *out)
{
    struct keystore_file file;
    struct secret secret = {{0}};
    uint8_t key[SCRYPT_KEY];
    enum status status = keystore_file_read(json, reason, &file);
    if (status != BB_OK)
        return status;
    if (passphrase.size > INT_MAX) {
        bb_reason_say(reason, "keystore: the passphrase is too long");
        return BB_RANGE;
    }
    status = derive(&file, passphrase, key);
    if (status != BB_OK)
        bb_reason_say(reason, "keystore: no memory for its cost");
    else
        status = unseal(signer, &file, key, reason, &secret);
    if (status == BB_OK)
        *out = secret;
    secret_wipe(&secret);
    explicit_bzero(key, sizeof key);
    return status;
}

/* A hostile keystore: refused with a reason that names the place, or taken; then its cost fits, it is written
 * and read again as it was, and opening it gives a key of its address or nothing. Costs above a few
 * milliseconds are read, not paid. */
#include "ledger/crypto/keystore_file.h"
#include "ledger/crypto/scrypt.h"
#include "ledger/crypto/secret.h"

#include <busbar/check.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool cheap(const struct keystore_file *file)
{
    return file->cost.n > 0 ? (uint64_t)file->cost.n * file->cost.r * file->cost.p <= 512
                            : file->rounds <= 200;
}

static void open_it(struct bytes json, const struct keystore_file *file)
{
    static struct signer *signer;
    struct secret secret;
    struct bb_reason reason = {""};
    if (signer == NULL)
        CHECK(signer_open(&signer) == BB_OK);
    enum status status = keystore_open(signer, json, bytes_of("passphrase"), &reason, &secret);
    CHECK(status == BB_OK || status == BB_DENIED || status == BB_MALFORMED);
    CHECK(status == BB_OK || *reason.text != '\0');
    if (status == BB_OK) {
        struct address address = signer_address(signer, &secret);
        CHECK(!file->has_address || address_equal(&address, &file->address));
    }
}

/* Only for scrypt: keystores that are written here have no other kind. */
static void write_it(const struct keystore_file *file)
{
    static const uint8_t id[16];
    struct keystore_file again;
    char *json;
    CHECK(keystore_file_write(file, id, &json) == BB_OK);
    CHECK(keystore_file_read(bytes_of(json), NULL, &again) == BB_OK);
    CHECK(memcmp(again.salt, file->salt, sizeof file->salt) == 0 && again.salt_size == file->salt_size);
    CHECK(memcmp(again.ciphertext, file->ciphertext, 32) == 0 && memcmp(again.code, file->code, 32) == 0);
    CHECK(memcmp(&again.cost, &file->cost, sizeof file->cost) == 0);
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes json = {data, size};
    struct keystore_file file;
    struct address address;
    struct bb_reason reason = {""};
    enum status status = keystore_file_read(json, &reason, &file);
    if (status != BB_OK) {
        CHECK(*reason.text != '\0');
        (void)!keystore_address(json, &address);
        return 0;
    }
    CHECK(file.cost.n > 0 ? scrypt_cost_fits(file.cost)
                          : file.rounds >= 1 && file.rounds <= KEYSTORE_ROUNDS_MAX);
    CHECK(keystore_address(json, &address) == (file.has_address ? BB_OK : BB_NOT_FOUND));
    if (file.cost.n > 0)
        write_it(&file);
    if (cheap(&file))
        open_it(json, &file);
    return 0;
}

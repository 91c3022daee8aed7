/* What stands in a keystore's JSON, without opening it: every field checked and bounded. */
#ifndef LEDGER_CRYPTO_KEYSTORE_FILE_H
#define LEDGER_CRYPTO_KEYSTORE_FILE_H

#include "ledger/crypto/keystore.h"

#define KEYSTORE_SIZE_MAX   65536
#define KEYSTORE_SALT_MAX   256
#define KEYSTORE_ROUNDS_MAX 10000000

struct keystore_file {
    struct keystore_cost cost; /* of scrypt; n is 0 for pbkdf2 */
    uint32_t rounds;           /* of pbkdf2 */
    uint8_t salt[KEYSTORE_SALT_MAX];
    size_t salt_size;
    uint8_t iv[16], ciphertext[32], code[32];
    struct address address;
    bool has_address;
};

/* Reads one. BB_MALFORMED (the reason names the field), BB_VERSION, BB_RANGE: a cost that does not fit. */
BB_MUST_CHECK enum status keystore_file_read(struct bytes json, struct bb_reason *reason,
                                             struct keystore_file *out);

/* Its JSON, malloc'd; for scrypt. `id` is 16 random bytes. BB_IO: no memory. */
BB_MUST_CHECK enum status keystore_file_write(const struct keystore_file *file, const uint8_t id[16],
                                              char **json_out);

#endif

#include "ledger/crypto/scrypt.h"

#include <busbar/check.h>
#include <endian.h>
#include <openssl/evp.h>
#include <stdlib.h>

/* Above libcrypto's own need at the largest cost that fits: 128 × n × r, 128 × r × p and a few rows. */
#define SCRYPT_MEMORY ((uint64_t)1280 << 20)

#define SALSA_WORDS 16 /* a block of 64 bytes */

bool scrypt_cost_fits(struct keystore_cost cost)
{
    uint64_t n = cost.n, r = cost.r, p = cost.p;
    return n >= 2 && n <= 1u << 20 && (n & (n - 1)) == 0 && r >= 1 && r <= 1024 && p >= 1 && p <= 1024 &&
           n * r <= 1u << 23 && n * r * p <= 1u << 25;
}

static inline uint32_t rotated(uint32_t word, unsigned by)
{
    return word << by | word >> (32 - by);
}

static inline void quarter(uint32_t x[SALSA_WORDS], unsigned a, unsigned b, unsigned c, unsigned d)
{
    x[b] ^= rotated(x[a] + x[d], 7);
    x[c] ^= rotated(x[b] + x[a], 9);
    x[d] ^= rotated(x[c] + x[b], 13);
    x[a] ^= rotated(x[d] + x[c], 18);
}

/* Salsa20/8 on one block, in place. RFC 7914 §3. */
static void salsa(uint32_t block[SALSA_WORDS])
{
    uint32_t x[SALSA_WORDS];
    memcpy(x, block, sizeof x);
    for (unsigned round = 0; round < 8; round += 2) {
        quarter(x, 0, 4, 8, 12);
        quarter(x, 5, 9, 13, 1);
        quarter(x, 10, 14, 2, 6);
        quarter(x, 15, 3, 7, 11);
        quarter(x, 0, 1, 2, 3);
        quarter(x, 5, 6, 7, 4);
        quarter(x, 10, 11, 8, 9);
        quarter(x, 15, 12, 13, 14);
    }
    for (size_t i = 0; i < SALSA_WORDS; i++)
        block[i] += x[i];
}

/* in[2r blocks] to out[2r blocks]: even results first, then the odd ones. RFC 7914 §4. */
static void mix_blocks(const uint32_t *in, uint32_t *out, size_t r)
{
    uint32_t x[SALSA_WORDS];
    memcpy(x, in + (2 * r - 1) * SALSA_WORDS, sizeof x);
    for (size_t i = 0; i < 2 * r; i++) {
        for (size_t k = 0; k < SALSA_WORDS; k++)
            x[k] ^= in[i * SALSA_WORDS + k];
        salsa(x);
        memcpy(out + (i / 2 + i % 2 * r) * SALSA_WORDS, x, sizeof x);
    }
}

/* One of the p rows of 32r words, in place, with a table of n rows and one row of scratch. RFC 7914 §5. */
static void mix_row(uint32_t *row, uint32_t *table, uint32_t *scratch, size_t n, size_t r)
{
    size_t words = 32 * r;
    for (size_t i = 0; i < n; i++) {
        memcpy(table + i * words, row, words * 4);
        mix_blocks(table + i * words, row, r);
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t *other = table + (row[(2 * r - 1) * SALSA_WORDS] & (n - 1)) * words;
        for (size_t k = 0; k < words; k++)
            scratch[k] = row[k] ^ other[k];
        mix_blocks(scratch, row, r);
    }
}

static bool pbkdf2_once(struct bytes passphrase, const uint8_t *salt, size_t salt_size, uint8_t *out,
                        size_t size)
{
    return PKCS5_PBKDF2_HMAC((const char *)passphrase.data, (int)passphrase.size, salt, (int)salt_size, 1,
                             EVP_sha256(), (int)size, out) == 1;
}

enum status scrypt_derive_here(struct bytes passphrase, struct bytes salt, struct keystore_cost cost,
                               uint8_t out[SCRYPT_KEY])
{
    CHECK(scrypt_cost_fits(cost));
    size_t words = (size_t)32 * cost.r, rows = words * cost.p, size = (words * (cost.n + 1) + rows) * 4;
    uint32_t *memory = malloc(size), *table = memory + rows;
    if (memory == NULL)
        return BB_IO;
    bool done = pbkdf2_once(passphrase, salt.data, salt.size, (uint8_t *)memory, rows * 4);
    for (size_t i = 0; i < rows; i++)
        memory[i] = le32toh(memory[i]);
    for (size_t p = 0; p < cost.p && done; p++)
        mix_row(memory + p * words, table, table + words * cost.n, cost.n, cost.r);
    for (size_t i = 0; i < rows; i++)
        memory[i] = htole32(memory[i]);
    done = done && pbkdf2_once(passphrase, (const uint8_t *)memory, rows * 4, out, SCRYPT_KEY);
    explicit_bzero(memory, size);
    free(memory);
    return done ? BB_OK : BB_IO;
}

enum status scrypt_derive(struct bytes passphrase, struct bytes salt, struct keystore_cost cost,
                          uint8_t out[SCRYPT_KEY])
{
    CHECK(scrypt_cost_fits(cost));
    if (cost.r < 4 && cost.n >= (uint64_t)1 << 16 * cost.r)
        return scrypt_derive_here(passphrase, salt, cost, out);
    int done = EVP_PBE_scrypt((const char *)passphrase.data, passphrase.size, salt.data, salt.size, cost.n,
                              cost.r, cost.p, SCRYPT_MEMORY, out, SCRYPT_KEY);
    return done == 1 ? BB_OK : BB_IO;
}

/* Low-level SHA-256 of libcrypto: its fetched digests cost several times the hash of a tree node. */
#define OPENSSL_API_COMPAT 0x10101000L
#include "ledger/crypto/hash.h"

#include <busbar/check.h>
#include <endian.h>
#include <openssl/sha.h>
#include <unistd.h>

#define KECCAK_RATE   136 /* bytes of a block: (1600 − 2 × 256) / 8 */
#define KECCAK_LANES  (KECCAK_RATE / 8)
#define KECCAK_ROUNDS 24

static const uint64_t ROUND_CONSTANTS[KECCAK_ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};

static inline uint64_t rotate(uint64_t lane, unsigned by)
{
    return by == 0 ? lane : lane << by | lane >> (64 - by);
}

/* χ on one row, which ρ and π gathered from five lanes of `in`. */
#define ROW(y, i0, r0, i1, r1, i2, r2, i3, r3, i4, r4)                                                       \
    do {                                                                                                     \
        uint64_t b0 = rotate(in[i0] ^ d[(i0) % 5], r0), b1 = rotate(in[i1] ^ d[(i1) % 5], r1);               \
        uint64_t b2 = rotate(in[i2] ^ d[(i2) % 5], r2), b3 = rotate(in[i3] ^ d[(i3) % 5], r3);               \
        uint64_t b4 = rotate(in[i4] ^ d[(i4) % 5], r4);                                                      \
        out[5 * (y)] = b0 ^ (~b1 & b2);                                                                      \
        out[5 * (y) + 1] = b1 ^ (~b2 & b3);                                                                  \
        out[5 * (y) + 2] = b2 ^ (~b3 & b4);                                                                  \
        out[5 * (y) + 3] = b3 ^ (~b4 & b0);                                                                  \
        out[5 * (y) + 4] = b4 ^ (~b0 & b1);                                                                  \
    } while (0)

/* One round, from `in` to `out`: lane (x, y) is [5y + x]. Keccak reference §1.2, every index a constant. */
static inline __attribute__((always_inline)) void keccak_round(const uint64_t *in, uint64_t *out,
                                                               uint64_t constant)
{
    uint64_t c[5], d[5];
    for (unsigned x = 0; x < 5; x++)
        c[x] = in[x] ^ in[x + 5] ^ in[x + 10] ^ in[x + 15] ^ in[x + 20];
    for (unsigned x = 0; x < 5; x++)
        d[x] = c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1);
    ROW(0, 0, 0, 6, 44, 12, 43, 18, 21, 24, 14);
    ROW(1, 3, 28, 9, 20, 10, 3, 16, 45, 22, 61);
    ROW(2, 1, 1, 7, 6, 13, 25, 19, 8, 20, 18);
    ROW(3, 4, 27, 5, 36, 11, 10, 17, 15, 23, 56);
    ROW(4, 2, 62, 8, 55, 14, 39, 15, 41, 21, 2);
    out[0] ^= constant;
}

static void permute(uint64_t state[25])
{
    uint64_t other[25];
    for (unsigned round = 0; round < KECCAK_ROUNDS; round += 2) {
        keccak_round(state, other, ROUND_CONSTANTS[round]);
        keccak_round(other, state, ROUND_CONSTANTS[round + 1]);
    }
}

static void absorb(uint64_t state[25], const uint8_t block[KECCAK_RATE])
{
    for (size_t i = 0; i < KECCAK_LANES; i++) {
        uint64_t lane;
        memcpy(&lane, block + 8 * i, sizeof lane);
        state[i] ^= le64toh(lane);
    }
    permute(state);
}

struct hash hash_keccak256(struct bytes message)
{
    uint64_t state[25] = {0};
    for (; message.size >= KECCAK_RATE; message.data += KECCAK_RATE, message.size -= KECCAK_RATE)
        absorb(state, message.data);

    uint8_t last[KECCAK_RATE] = {0};
    if (message.size > 0)
        memcpy(last, message.data, message.size);
    last[message.size] = 0x01;
    last[KECCAK_RATE - 1] |= 0x80;
    absorb(state, last);

    struct hash hash;
    for (size_t i = 0; i < sizeof hash / 8; i++) {
        uint64_t lane = htole64(state[i]);
        memcpy(hash.bytes + 8 * i, &lane, sizeof lane);
    }
    return hash;
}

struct hash hash_sha256(const struct bytes *parts, size_t count)
{
    SHA256_CTX context;
    struct hash hash;
    CHECK(SHA256_Init(&context) == 1);
    for (size_t i = 0; i < count; i++)
        if (parts[i].size > 0)
            CHECK(SHA256_Update(&context, parts[i].data, parts[i].size) == 1);
    CHECK(SHA256_Final(hash.bytes, &context) == 1);
    return hash;
}

bool hash_sha256_file(int file, struct hash *hash_out, uint64_t *size_out)
{
    uint8_t piece[65536];
    SHA256_CTX context;
    uint64_t size = 0;
    ssize_t got;
    CHECK(SHA256_Init(&context) == 1);
    while ((got = read(file, piece, sizeof piece)) > 0) {
        CHECK(SHA256_Update(&context, piece, (size_t)got) == 1);
        size += (uint64_t)got;
    }
    if (got < 0)
        return false;
    CHECK(SHA256_Final(hash_out->bytes, &context) == 1);
    *size_out = size;
    return true;
}

#include "tests/bench/crypto.h"

#include "ledger/crypto/hash.h"
#include "ledger/crypto/signer.h"
#include "tests/bench/recover.h"

#include <busbar/check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES 256
#define LEAST   0.2 /* seconds of one measurement */

/* What is measured works on this; each operation changes it, so that none can be left out. */
struct bench {
    struct signer *signer;
    struct secret secret;
    struct hash digests[SAMPLES];
    uint8_t signatures[SAMPLES][SIGNATURE_SIZE];
    uint8_t message[320];
};

static void recover(struct bench *b, unsigned i)
{
    struct address address;
    CHECK(signer_recover(b->signer, &b->digests[i % SAMPLES], b->signatures[i % SAMPLES], &address) ==
          SIGNATURE_GOOD);
}

static void sign(struct bench *b, unsigned i)
{
    signer_sign(b->signer, &b->secret, &b->digests[i % SAMPLES], b->signatures[i % SAMPLES]);
}

static void keccak(struct bench *b, size_t size)
{
    struct hash hash = hash_keccak256((struct bytes){b->message, size});
    memcpy(b->message, hash.bytes, sizeof hash);
}

static void keccak_block(struct bench *b, unsigned i)
{
    (void)i;
    keccak(b, 66);
}

/* A SellOrder's struct hash: its type and seven words. */
static void keccak_struct(struct bench *b, unsigned i)
{
    (void)i;
    keccak(b, 8 * 32);
}

/* A node of an RFC 6962 tree: 0x01 and two hashes. */
static void sha256_node(struct bench *b, unsigned i)
{
    (void)i;
    struct bytes parts[] = {{b->message + 64, 1}, {b->message, 32}, {b->message + 32, 32}};
    struct hash hash = hash_sha256(parts, 3);
    memcpy(b->message, hash.bytes, sizeof hash);
}

static const struct {
    const char *name;
    void (*run)(struct bench *b, unsigned i);
} OPERATIONS[] = {{"sign", sign},
                  {"recover_address", recover},
                  {"keccak256_66_bytes", keccak_block},
                  {"keccak256_256_bytes", keccak_struct},
                  {"sha256_tree_node", sha256_node}};

static double now(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Operations a second. */
static double rate_of(struct bench *b, void (*run)(struct bench *b, unsigned i), double seconds)
{
    double start = now(), took;
    unsigned count = 0;
    do {
        for (unsigned i = 0; i < SAMPLES; i++)
            run(b, i);
        count += SAMPLES;
        took = now() - start;
    } while (took < seconds);
    return count / took;
}

static void prepare(struct bench *b)
{
    CHECK(signer_open(&b->signer) == BB_OK);
    memset(b->secret.bytes, 0x11, sizeof b->secret.bytes);
    for (unsigned i = 0; i < SAMPLES; i++) {
        memset(b->digests[i].bytes, (int)i, sizeof b->digests[i].bytes);
        sign(b, i);
    }
}

int crypto_bench(int argc, char **argv)
{
    static struct bench bench;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    double seconds = 1;
    if (argc == 3 && strcmp(argv[1], "--seconds") == 0)
        seconds = strtod(argv[2], NULL);
    if ((argc != 1 && argc != 3) || !(seconds >= LEAST && seconds <= 60)) {
        fputs("usage: busbar-bench crypto [--seconds 0.2…60]: how long each figure is measured\n", stderr);
        return 2;
    }
    unsigned threads = cores < 1 ? 1 : cores > 64 ? 64 : (unsigned)cores;
    prepare(&bench);
    json_t *result = json_object();
    json_object_set_new(result, "threads", json_integer(threads));
    json_object_set_new(result, "libsecp256k1_recover_per_s_1_thread",
                        json_real(bench_recover_rate(1, seconds)));
    json_object_set_new(result, "libsecp256k1_recover_per_s",
                        json_real(bench_recover_rate(threads, seconds)));
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof *OPERATIONS; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_per_s", OPERATIONS[i].name);
        json_object_set_new(result, name, json_real(rate_of(&bench, OPERATIONS[i].run, seconds)));
    }
    signer_close(bench.signer);
    json_dumpf(result, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(result);
    return 0;
}

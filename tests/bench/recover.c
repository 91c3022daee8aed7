#include "tests/bench/recover.h"

#include <busbar/check.h>
#include <pthread.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 64
#define SAMPLES     256

struct sample {
    uint8_t digest[32], signature[64];
    int id;
};

struct worker {
    pthread_t thread;
    const struct sample *samples;
    double seconds, took;
    unsigned long count;
};

static double now(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void make_samples(struct sample samples[SAMPLES])
{
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    uint8_t secret[32] = {0x11};
    CHECK(context != NULL);
    for (unsigned i = 0; i < SAMPLES; i++) {
        secp256k1_ecdsa_recoverable_signature signature;
        memset(samples[i].digest, (int)i, sizeof samples[i].digest);
        secret[31] = (uint8_t)i;
        CHECK(secp256k1_ecdsa_sign_recoverable(context, &signature, samples[i].digest, secret, NULL, NULL));
        secp256k1_ecdsa_recoverable_signature_serialize_compact(context, samples[i].signature, &samples[i].id,
                                                                &signature);
    }
    secp256k1_context_destroy(context);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    CHECK(context != NULL);
    double start = now();
    do {
        for (unsigned i = 0; i < SAMPLES; i++) {
            const struct sample *sample = &worker->samples[i];
            secp256k1_ecdsa_recoverable_signature signature;
            secp256k1_pubkey key;
            CHECK(secp256k1_ecdsa_recoverable_signature_parse_compact(context, &signature, sample->signature,
                                                                      sample->id));
            CHECK(secp256k1_ecdsa_recover(context, &key, &signature, sample->digest));
        }
        worker->count += SAMPLES;
        worker->took = now() - start;
    } while (worker->took < worker->seconds);
    secp256k1_context_destroy(context);
    return NULL;
}

double bench_recover_rate(unsigned threads, double seconds)
{
    static struct sample samples[SAMPLES];
    struct worker workers[THREADS_MAX];
    CHECK(threads >= 1 && threads <= THREADS_MAX && seconds > 0);
    make_samples(samples);
    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (struct worker){.samples = samples, .seconds = seconds};
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    double rate = 0;
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        rate += (double)workers[i].count / workers[i].took;
    }
    return rate;
}

#include "tests/bench/chain.h"

#include "ledger/core/following.h"
#include "ledger/core/sealing.h"
#include "tests/ledger/store/village.h"

#include <busbar/check.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#define PEOPLE      200
#define BLOCK       500 /* transactions of a block */
#define ROUND       40000
#define TIME        INT64_C(1760000000000)
#define OTHERS      50000
#define MICROSECOND 1e-6

/* Signed transactions with what the threads would have found out about them. */
struct batch {
    struct village village;
    struct transaction *transactions;
    uint8_t (*bytes)[TRANSACTION_BYTES_MAX];
    size_t *sizes;
    struct hash *ids;
    struct address *signers;
    uint8_t *blocks[ROUND / BLOCK];
    size_t block_sizes[ROUND / BLOCK];
};

/* Processor time, so that other work on the machine counts little. */
static double now(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void make_batch(struct batch *b)
{
    village_open(&b->village, PEOPLE, OTHERS);
    b->transactions = malloc(ROUND * sizeof *b->transactions);
    b->bytes = malloc(ROUND * sizeof *b->bytes);
    b->sizes = malloc(ROUND * sizeof *b->sizes);
    b->ids = malloc(ROUND * sizeof *b->ids);
    b->signers = malloc(ROUND * sizeof *b->signers);
    CHECK(b->transactions && b->bytes && b->sizes && b->ids && b->signers);
    for (uint64_t i = 0; i < ROUND; i++)
        b->sizes[i] = village_order(&b->village, i, b->bytes[i]);
}

static void free_batch(struct batch *b)
{
    for (size_t i = 0; i < ROUND / BLOCK; i++)
        free(b->blocks[i]);
    free(b->transactions);
    free(b->bytes);
    free(b->sizes);
    free(b->ids);
    free(b->signers);
    village_close(&b->village);
}

static double decode(struct batch *b)
{
    double start = now();
    for (size_t i = 0; i < ROUND; i++)
        CHECK(transaction_decode((struct bytes){b->bytes[i], b->sizes[i]}, &b->transactions[i]) == BB_OK);
    return now() - start;
}

static double identify(struct batch *b)
{
    double start = now();
    for (size_t i = 0; i < ROUND; i++)
        b->ids[i] = transaction_id(&b->transactions[i], &b->village.separator);
    double took = now() - start;
    for (size_t i = 0; i < ROUND; i++)
        CHECK(signer_recover(b->village.signer, &b->ids[i], b->transactions[i].signature, &b->signers[i]) ==
              SIGNATURE_GOOD);
    return took;
}

static void keep_block(struct batch *b, size_t number, struct bytes block)
{
    b->blocks[number] = malloc(block.size);
    CHECK(b->blocks[number] != NULL);
    memcpy(b->blocks[number], block.data, block.size);
    b->block_sizes[number] = block.size;
}

static void seal(struct batch *b, struct chain *chain, double *execute_out, double *finish_out)
{
    *execute_out = *finish_out = 0;
    for (size_t n = 0; n < ROUND / BLOCK; n++) {
        struct bytes receipt, block;
        double start = now();
        sealing_begin(chain, 1, (struct wall){TIME + (int64_t)n});
        for (size_t i = n * BLOCK; i < (n + 1) * BLOCK; i++)
            CHECK(sealing_execute(chain, &b->transactions[i], &b->ids[i], &b->signers[i], &receipt) ==
                  REFUSAL_NONE);
        double middle = now();
        CHECK(sealing_finish(chain, b->village.signer, &b->village.sealer, false, &block) == BB_OK);
        chain_commit(chain);
        *finish_out += now() - middle;
        *execute_out += middle - start;
        keep_block(b, n, block);
    }
}

static double follow(struct batch *b, struct chain *chain)
{
    double start = now();
    for (size_t n = 0; n < ROUND / BLOCK; n++) {
        uint32_t index;
        struct chain_signers signers = {b->signers + n * BLOCK, b->ids + n * BLOCK};
        CHECK(following_accept(chain, b->village.signer, (struct bytes){b->blocks[n], b->block_sizes[n]},
                               &signers, &index) == CHAIN_GOOD);
        chain_commit(chain);
    }
    return now() - start;
}

/* The time of a block of one transaction with a checkpoint: audit and root over all rows. */
static double checkpoint(struct batch *b, struct chain *chain)
{
    struct transaction transaction;
    struct bytes receipt, block;
    uint8_t bytes[TRANSACTION_BYTES_MAX];
    size_t size = village_order(&b->village, ROUND, bytes);
    struct address signer;
    CHECK(transaction_decode((struct bytes){bytes, size}, &transaction) == BB_OK);
    struct hash id = transaction_id(&transaction, &b->village.separator);
    CHECK(signer_recover(b->village.signer, &id, transaction.signature, &signer) == SIGNATURE_GOOD);
    sealing_begin(chain, 1, (struct wall){TIME + ROUND});
    CHECK(sealing_execute(chain, &transaction, &id, &signer, &receipt) == REFUSAL_NONE);
    double start = now();
    CHECK(sealing_finish(chain, b->village.signer, &b->village.sealer, true, &block) == BB_OK);
    double took = now() - start;
    chain_rollback(chain);
    return took;
}

static double total_bytes(const struct batch *b)
{
    double total = 0;
    for (size_t n = 0; n < ROUND / BLOCK; n++)
        total += (double)b->block_sizes[n];
    return total;
}

int chain_bench(int argc, char **argv)
{
    static struct batch batch;
    (void)argv;
    if (argc != 1) {
        fputs("usage: busbar-bench chain: µs of processor time per transaction, without the recovery of its "
              "signer\n",
              stderr);
        return 2;
    }
    make_batch(&batch);
    struct bytes genesis = {batch.village.genesis, batch.village.genesis_size};
    struct chain *chain, *other;
    double start = now();
    CHECK(chain_open(genesis, NULL, &chain) == BB_OK);
    double opened = now() - start;
    CHECK(chain_open(genesis, NULL, &other) == BB_OK);
    double decoded = decode(&batch), identified = identify(&batch), executed, finished;
    seal(&batch, chain, &executed, &finished);
    double followed = follow(&batch, other), rooted = checkpoint(&batch, chain);
    struct parameters parameters;
    market_parameters(chain_market(chain), &parameters);
    const double each = ROUND * MICROSECOND;
    json_t *result = json_pack(
        "{s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "transactions", ROUND, "block", BLOCK,
        "decode_us", decoded / each, "id_us", identified / each, "execute_us", executed / each, "seal_us",
        finished / each, "all_us", (decoded + identified + executed + finished) / each, "follow_us",
        followed / each, "bytes", total_bytes(&batch) / ROUND, "genesis_us_per_account",
        opened / MICROSECOND / parameters.accounts, "checkpoint_us_per_row",
        rooted / MICROSECOND / (parameters.accounts + parameters.orders));
    CHECK(result != NULL);
    json_dumpf(result, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(3));
    putchar('\n');
    json_decref(result);
    chain_close(chain);
    chain_close(other);
    free_batch(&batch);
    return 0;
}

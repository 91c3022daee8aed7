/* The engine and the naive contract agree, action by action, on random streams: verdict, outcome, whole
 * state, commit, rollback, loading from rows. Usage: test_agreement [--actions N] [--seed S] [--stream I]; it
 * prints its seed, and on a failure the one command that repeats it. */
#include "tests/market/stream.h"
#include "tests/market/twin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define STREAM_ACTIONS 2500
#define CROWD_EVERY    10 /* one stream in so many has more than a thousand posts */

#define USUAL_SEED 20260301

static uint64_t seed = USUAL_SEED, actions = 100000, only = UINT64_MAX;

struct tally {
    uint64_t actions, rollbacks, reloads, compared;
    uint64_t hash; /* over the last state hash of every stream */
    uint64_t verdicts[VERDICT_COUNT];
};

static struct tally tally;

/* One action, and what belongs around it. False when the two differ. */
static bool step(struct stream *stream, struct twin *twin)
{
    struct action action;
    enum verdict verdict;
    stream_next(stream, twin_naive(twin), &action);
    if (!twin_apply(twin, &action, stream->now, &verdict))
        return false;
    tally.actions++;
    tally.verdicts[verdict]++;
    if (stream_one_in(stream, 3))
        twin_spend_nonce(twin, (uint32_t)stream_below(stream, twin_naive(twin)->account_count));
    if (stream_one_in(stream, 12)) {
        tally.compared++;
        if (!twin_compare(twin))
            return false;
    }
    if (stream_one_in(stream, 4))
        return twin_commit(twin);
    if (stream_one_in(stream, 30)) {
        tally.rollbacks++;
        return twin_rollback(twin) && twin_compare(twin);
    }
    if (stream_one_in(stream, 300)) {
        tally.reloads++;
        return twin_reload(twin) && twin_compare(twin);
    }
    if (stream_one_in(stream, 100))
        return twin_load_damaged(twin, (uint32_t)stream_below(stream, UINT32_MAX),
                                 (uint32_t)stream_below(stream, UINT32_MAX),
                                 (uint8_t)(1u << stream_below(stream, 8)));
    return true;
}

static bool run_stream(uint64_t number, uint64_t length)
{
    struct stream stream;
    struct action action;
    stream_begin(&stream, seed * 1000003 + number, number % CROWD_EVERY == 5);
    struct twin *twin = twin_new(&stream.world.limits);
    bool same = true;
    uint64_t at = 0;
    while (same && stream_opening(&stream, twin_naive(twin), &action))
        same = twin_open(twin, &action);
    same = same && twin_commit(twin) && twin_compare(twin);
    for (; same && at < length; at++)
        same = step(&stream, twin);
    same = same && twin_reload(twin) && twin_compare(twin);
    tally.hash = (tally.hash ^ twin_hash(twin)) * UINT64_C(0x100000001b3);
    if (!same)
        fprintf(stderr,
                "stream %" PRIu64 ", action %" PRIu64 "; repeat: test_agreement --seed %" PRIu64
                " --stream %" PRIu64 "\n",
                number, at, seed, number);
    twin_free(twin);
    return same;
}

static void test_agreement(void **state)
{
    (void)state;
    uint64_t number = 0;
    for (uint64_t left = actions; left > 0; number++) {
        uint64_t length = left < STREAM_ACTIONS ? left : STREAM_ACTIONS;
        left -= length;
        if (only == UINT64_MAX || only == number)
            assert_true(run_stream(number, only == number ? STREAM_ACTIONS : length));
    }
}

/* A stream in which nothing succeeds, or a refusal that never comes, tests nothing. */
static void test_coverage(void **state)
{
    (void)state;
    printf("%" PRIu64 " actions, %" PRIu64 " comparisons of the whole state, %" PRIu64 " rollbacks, %" PRIu64
           " reloads, state hash %016" PRIx64 "\n",
           tally.actions, tally.compared, tally.rollbacks, tally.reloads, tally.hash);
    for (int i = 0; i < VERDICT_COUNT; i++)
        printf("%10" PRIu64 "  %6.2f %%  %s\n", tally.verdicts[i],
               100.0 * (double)tally.verdicts[i] / (double)(tally.actions + !tally.actions),
               verdict_word((enum verdict)i));
    /* A rare refusal may not come in a short run of another seed. */
    if (only != UINT64_MAX || actions < (seed == USUAL_SEED ? 100000 : 1000000))
        return;
    assert_true(tally.verdicts[VERDICT_OK] * 10 >= tally.actions * 3);
    for (int i = 0; i < VERDICT_COUNT; i++)
        if (tally.verdicts[i] == 0)
            fail_msg("%s never came", verdict_word((enum verdict)i));
}

static void take_arguments(int count, char **words)
{
    const char *given = getenv("BUSBAR_SEED");
    if (given != NULL)
        seed = strtoull(given, NULL, 10);
    for (int i = 1; i + 1 < count; i += 2) {
        uint64_t value = strtoull(words[i + 1], NULL, 10);
        if (strcmp(words[i], "--actions") == 0)
            actions = value;
        else if (strcmp(words[i], "--seed") == 0)
            seed = value;
        else if (strcmp(words[i], "--stream") == 0)
            only = value;
    }
    if (only != UINT64_MAX)
        actions = (only + 1) * STREAM_ACTIONS;
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agreement),
        cmocka_unit_test(test_coverage),
    };
    take_arguments(count, words);
    printf("seed %" PRIu64 ", %" PRIu64 " actions\n", seed, actions);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

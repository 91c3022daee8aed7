/* The faults of one direction: their shares, the lengths of bursts, and that the seed alone decides. */
#include "node-fw/wire/noise.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <string.h>

#define FRAMES 200000

static uint64_t seed;

/* Sends frames of 1 … 9 bytes between zeros; gone[i] says whether frame i was lost, wholly or not at all. */
static void send_frames(struct noise *n, bool *gone, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = 1 + i % 9, came = 0;
        uint8_t byte = 0;
        assert_true(noise_pass(n, &byte)); /* the leading zero is nobody's */
        for (size_t k = 0; k < size; k++) {
            byte = (uint8_t)(1 + k);
            came += noise_pass(n, &byte);
        }
        byte = 0;
        bool ended = noise_pass(n, &byte);
        assert_true(came == 0 || came == size);
        gone[i] = came == 0;
        assert_int_equal(ended, !gone[i]);
    }
}

static void test_bursts_have_their_share_and_their_length(void **state)
{
    (void)state;
    static bool gone[FRAMES];
    static const struct {
        uint32_t share_ppm, frames;
    } cases[] = {{10000, 3}, {10000, 1}, {100000, 10}, {500000, 2}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct noise n;
        double lost = 0, bursts = 0;
        noise_init(&n, seed_next(&seed));
        noise_bursts(&n, cases[c].share_ppm, cases[c].frames);
        send_frames(&n, gone, FRAMES);
        for (size_t i = 0; i < FRAMES; i++) {
            lost += gone[i];
            bursts += gone[i] && (i == 0 || !gone[i - 1]);
        }
        assert_int_equal(n.frames, FRAMES);
        assert_int_equal(n.eaten, (uint64_t)lost);
        double share = lost / FRAMES / (cases[c].share_ppm / 1e6);
        assert_true(share > 0.8 && share < 1.2); /* 5 standard deviations, for the rarest of the cases */
        double length = lost / bursts / cases[c].frames;
        assert_true(length > 0.8 && length < 1.2);
    }
}

static void test_no_bursts_lose_nothing(void **state)
{
    (void)state;
    static bool gone[FRAMES];
    struct noise n;
    noise_init(&n, 1);
    noise_bursts(&n, 0, 3);
    send_frames(&n, gone, 1000);
    assert_int_equal(n.eaten, 0);
    noise_bursts(&n, NOISE_SHARE_MAX, NOISE_FRAMES_MAX);
    send_frames(&n, gone, FRAMES);
    assert_true(n.eaten > FRAMES / 4);
    noise_bursts(&n, 0, 1); /* whatever burst it is in ends with its frame */
    send_frames(&n, gone, 10);
    assert_true(!gone[0] && !gone[9]);
}

static void test_flips_are_of_one_bit(void **state)
{
    (void)state;
    struct noise n;
    noise_init(&n, seed_next(&seed));
    noise_faults(&n, 500000, 250000);
    uint64_t came = 0;
    for (int i = 0; i < 100000; i++) {
        uint8_t byte = 0x5A;
        if (!noise_pass(&n, &byte))
            continue;
        came++;
        byte ^= 0x5A;
        assert_true((byte & (byte - 1)) == 0);
    }
    assert_int_equal(came + n.dropped, 100000);
    assert_in_range(n.dropped, 24000, 26000);
    assert_in_range(n.flipped, 36500, 38500);
}

/* All figures and bytes of a run. */
static uint64_t fingerprint(uint64_t dice)
{
    struct noise n;
    uint64_t print = 0;
    noise_init(&n, dice);
    noise_faults(&n, 3000, 2000);
    noise_bursts(&n, 20000, 4);
    for (int i = 0; i < 50000; i++) {
        uint8_t byte = (uint8_t)(i % 60);
        print = print * 31 + (noise_pass(&n, &byte) ? byte : 256u);
    }
    return print ^ n.eaten;
}

static void test_the_seed_alone_decides(void **state)
{
    (void)state;
    uint64_t dice = seed_next(&seed);
    assert_true(fingerprint(dice) == fingerprint(dice));
    assert_true(fingerprint(dice) != fingerprint(dice + 1));
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bursts_have_their_share_and_their_length),
        cmocka_unit_test(test_no_bursts_lose_nothing),
        cmocka_unit_test(test_flips_are_of_one_bit),
        cmocka_unit_test(test_the_seed_alone_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

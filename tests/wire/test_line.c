/* One direction of a cable: speed, order, faults, and that the dice do not depend on the timing. */
#include "node-fw/wire/line.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <string.h>

static uint64_t seed;
static struct line line;

static void test_bytes_take_ten_bits_each(void **state)
{
    (void)state;
    uint8_t out[64];
    int64_t due;
    line_init(&line, 100000, 1); /* 100 µs a byte */
    assert_false(line_due(&line, 16, &due));
    line_push(&line, bytes_of("abcd"), 1000);
    assert_true(line_due(&line, 16, &due));
    assert_int_equal(due, 401000);
    assert_true(line_due(&line, 2, &due));
    assert_int_equal(due, 201000);
    assert_int_equal(line_take(&line, 100999, out, sizeof out), 0);
    assert_int_equal(line_take(&line, 101000, out, sizeof out), 1);
    assert_int_equal(line_take(&line, 400999, out, sizeof out), 2);
    line_push(&line, bytes_of("e"), 400999); /* behind the one on its way */
    assert_int_equal(line_take(&line, 500999, out, sizeof out), 1);
    assert_int_equal(line_take(&line, 501000, out, sizeof out), 1);
    assert_int_equal(out[0], 'e');
    line_push(&line, bytes_of("f"), 900000); /* the line was idle */
    assert_int_equal(line_take(&line, 999999, out, sizeof out), 0);
    assert_int_equal(line_take(&line, 1000000, out, sizeof out), 1);
}

static void test_a_full_line_takes_no_more(void **state)
{
    (void)state;
    static uint8_t block[LINE_BYTES];
    uint8_t out[10];
    line_init(&line, 115200, 1);
    assert_int_equal(line_room(&line), LINE_BYTES);
    line_push(&line, (struct bytes){block, LINE_BYTES}, 0);
    assert_int_equal(line_room(&line), 0);
    assert_int_equal(line_take(&line, INT64_MAX / 2, out, sizeof out), 10);
    assert_int_equal(line_room(&line), 10);
    line_cut(&line);
    assert_int_equal(line_take(&line, INT64_MAX / 2, out, sizeof out), 0);
}

/* Sends `size` zeros in portions and returns what arrives. */
static size_t carry(uint64_t dice, uint32_t portion, uint8_t *out, size_t size)
{
    static uint8_t zeros[1000];
    int64_t now = 0;
    size_t arrived = 0;
    line_init(&line, 115200, dice);
    noise_faults(&line.noise, 20000, 10000);
    for (size_t sent = 0; sent < size;) {
        size_t n = size - sent < portion ? size - sent : portion;
        line_push(&line, (struct bytes){zeros, n}, now);
        sent += n;
        now += 100000000;
        arrived += line_take(&line, now, out + arrived, size - arrived);
    }
    return arrived;
}

static void test_faults_follow_the_seed_alone(void **state)
{
    (void)state;
    static uint8_t a[20000], b[20000];
    uint64_t dice = seed_next(&seed);
    size_t size = carry(dice, 1000, a, sizeof a);
    assert_int_equal(size, sizeof a - line.noise.dropped);
    assert_in_range(line.noise.dropped, 120, 280); /* 200 expected, 14 the standard deviation */
    assert_in_range(line.noise.flipped, 280, 520); /* 396 */
    size_t flipped = 0;
    for (size_t i = 0; i < size; i++) {
        flipped += a[i] != 0;
        assert_true((a[i] & (a[i] - 1)) == 0); /* one bit */
    }
    assert_int_equal(flipped, line.noise.flipped);
    assert_int_equal(carry(dice, 37, b, sizeof b), size);
    assert_memory_equal(a, b, size);
    assert_true(carry(dice + 1, 1000, b, sizeof b) != size || memcmp(a, b, size) != 0);
}

static void test_a_dead_line_loses_everything_in_time(void **state)
{
    (void)state;
    uint8_t out[8];
    int64_t due;
    line_init(&line, 115200, 1);
    line.dead = true;
    line_push(&line, bytes_of("abc"), 0);
    assert_int_equal(line_take(&line, 1000000000, out, sizeof out), 0);
    assert_false(line_due(&line, 1, &due));
    line.dead = false;
    line_push(&line, bytes_of("d"), 1000000000);
    assert_int_equal(line_take(&line, 2000000000, out, sizeof out), 1);
    assert_int_equal(out[0], 'd');
}

static void test_a_babbling_line_is_never_idle(void **state)
{
    (void)state;
    static uint8_t out[2000];
    size_t came = 0, values = 0;
    bool seen[256] = {false};
    line_init(&line, 100000, seed_next(&seed));
    line_babble(&line, true, 0);
    for (int64_t now = 0; now <= 100000000; now += 100000) /* 100 ms: 1000 bytes */
        came += line_take(&line, now, out + came, sizeof out - came);
    assert_in_range(came, 950, 1000); /* new bytes come when the last ones are found to have gone */
    for (size_t i = 0; i < came; i++) {
        values += !seen[out[i]];
        seen[out[i]] = true;
    }
    assert_true(values > 200);
    line_push(&line, bytes_of("word"), 100000000); /* what is said is in between */
    came = line_take(&line, 104000000, out, sizeof out);
    assert_true(came >= 4 && memmem(out, came, "word", 4) != NULL);
    line_babble(&line, false, 104000000);
    came = line_take(&line, 200000000, out, sizeof out);
    assert_int_equal(line_take(&line, 300000000, out, sizeof out), 0);
}

static void test_a_fuse_blows_in_the_middle_of_a_frame(void **state)
{
    (void)state;
    static const uint8_t frames[] = {'x', 'x', 'x', 0, 1, 2, 0, 0, 3, 4, 5, 6, 0, 7};
    uint8_t out[sizeof frames];
    line_init(&line, 115200, 1);
    line_light(&line, 3);
    line_push(&line, (struct bytes){frames, sizeof frames}, 0);
    assert_int_equal(line_take(&line, 1000000000, out, sizeof out), 11); /* 3 of the first that is longer */
    assert_true(line_blown(&line));
    assert_int_equal(line_take(&line, 1000000000, out, sizeof out), 0);
    line_cut(&line);
    assert_false(line_blown(&line));
    line_push(&line, (struct bytes){frames, sizeof frames}, 0);
    assert_int_equal(line_take(&line, 1000000000, out, sizeof out), sizeof frames);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_take_ten_bits_each),
        cmocka_unit_test(test_a_full_line_takes_no_more),
        cmocka_unit_test(test_faults_follow_the_seed_alone),
        cmocka_unit_test(test_a_dead_line_loses_everything_in_time),
        cmocka_unit_test(test_a_babbling_line_is_never_idle),
        cmocka_unit_test(test_a_fuse_blows_in_the_middle_of_a_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

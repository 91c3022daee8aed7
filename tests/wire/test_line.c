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
    line_faults(&line, 20000, 10000);
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
    assert_int_equal(size, sizeof a - line.dropped);
    assert_in_range(line.dropped, 120, 280); /* 200 expected, 14 the standard deviation */
    assert_in_range(line.flipped, 280, 520); /* 396 */
    size_t flipped = 0;
    for (size_t i = 0; i < size; i++) {
        flipped += a[i] != 0;
        assert_true((a[i] & (a[i] - 1)) == 0); /* one bit */
    }
    assert_int_equal(flipped, line.flipped);
    assert_int_equal(carry(dice, 37, b, sizeof b), size);
    assert_memory_equal(a, b, size);
    assert_true(carry(dice + 1, 1000, b, sizeof b) != size || memcmp(a, b, size) != 0);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_take_ten_bits_each),
        cmocka_unit_test(test_a_full_line_takes_no_more),
        cmocka_unit_test(test_faults_follow_the_seed_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

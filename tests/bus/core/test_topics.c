/* The table of topics against a plain list; its bound, its pages and its rates. */
#include "bus/core/topics.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t seed;

static struct topics *open_table(void)
{
    struct topics *topics = calloc(1, sizeof *topics);
    assert_non_null(topics);
    topics_init(topics, 7);
    return topics;
}

/* -- against a list -------------------------------------------------------------------------------------- */

#define NAMES 40
#define STEPS 20000

struct known {
    bool live;
    uint64_t messages, bytes, used;
    uint32_t slot;
    char sender[8];
};

static int text_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The page behind `after` must be what sorting the names gives. */
static void check_page(const struct topics *topics, char names[NAMES][16], const struct known *known,
                       const char *prefix, const char *after, uint32_t max)
{
    const char *want[NAMES];
    uint32_t slots[TOPICS_PAGE_MAX];
    size_t count = 0;
    for (size_t i = 0; i < NAMES; i++)
        if (known[i].live && strncmp(names[i], prefix, strlen(prefix)) == 0 &&
            (after == NULL || strcmp(names[i], after) > 0))
            want[count++] = names[i];
    qsort(want, count, sizeof *want, text_order);
    struct bytes from = after == NULL ? (struct bytes){NULL, 0} : bytes_of(after);
    uint32_t found =
        topics_page(topics, bytes_of(prefix), after == NULL ? NULL : &from, NULL, NULL, max, slots);
    assert_int_equal(found, count < max ? count : max);
    for (uint32_t i = 0; i < found; i++)
        assert_true(bytes_equal(topics_text(topics, slots[i]), bytes_of(want[i])));
}

static void test_against_a_list(void **state)
{
    (void)state;
    uint64_t random = seed;
    struct topics *topics = open_table();
    struct known known[NAMES] = {{false, 0, 0, 0, 0, ""}};
    char names[NAMES][16];
    for (size_t i = 0; i < NAMES; i++)
        snprintf(names[i], sizeof names[i], "%c/%zu", (char)('a' + i % 3), i * i);
    for (uint64_t step = 1; step <= STEPS; step++) {
        size_t i = seed_below(&random, NAMES);
        if (seed_below(&random, 20) == 0) {
            if (known[i].live)
                topics_remove(topics, known[i].slot);
            known[i] = (struct known){.live = false};
        } else {
            bool fresh;
            size_t size = seed_below(&random, 1000);
            snprintf(known[i].sender, sizeof known[i].sender, "s%u", (unsigned)seed_below(&random, 30));
            uint32_t slot =
                topics_count(topics, bytes_of(names[i]), bytes_of(known[i].sender), size, 5, &fresh);
            assert_int_equal(fresh, !known[i].live);
            assert_true(fresh || slot == known[i].slot);
            known[i].live = true;
            known[i].slot = slot;
            known[i].messages++;
            known[i].bytes += size;
            known[i].used = step;
        }
        uint32_t count = 0;
        size_t oldest = NAMES;
        for (size_t k = 0; k < NAMES; k++) {
            if (!known[k].live)
                continue;
            count++;
            assert_int_equal(topics_at(topics, known[k].slot)->messages, known[k].messages);
            assert_int_equal(topics_at(topics, known[k].slot)->bytes, known[k].bytes);
            assert_true(bytes_equal(topics_sender(topics, known[k].slot), bytes_of(known[k].sender)));
            if (oldest == NAMES || known[k].used < known[oldest].used)
                oldest = k;
        }
        assert_int_equal(topics->count, count);
        assert_int_equal(topics->oldest, oldest == NAMES ? 0 : known[oldest].slot);
        if (step % 100 == 0)
            check_page(topics, names, known, step % 200 == 0 ? "" : "b/",
                       step % 300 == 0 ? names[seed_below(&random, NAMES)] : NULL,
                       1 + (uint32_t)seed_below(&random, 50));
    }
    free(topics);
}

/* -- the bound ------------------------------------------------------------------------------------------- */

/* More topics than there is room for, of every length up to the longest: the quiet ones go, exactly. */
static void test_the_quiet_one_goes(void **state)
{
    (void)state;
    struct topics *topics = open_table();
    uint8_t text[BB_TOPIC_MAX];
    bool fresh;
    uint32_t slots[TOPICS_PAGE_MAX];
    memset(text, 'x', sizeof text);
    uint32_t kept = topics_count(topics, bytes_of("kept"), bytes_of("a"), 1, 0, &fresh);
    for (uint32_t i = 0; i < 3 * TOPICS_MAX; i++) {
        memcpy(text, &i, sizeof i);
        size_t size = i % 3 == 0 ? BB_TOPIC_MAX : 4 + i % (BB_TOPIC_MAX - 3);
        (void)topics_count(topics, (struct bytes){text, size}, (struct bytes){text, 1 + i % 255}, 1, 0,
                           &fresh);
        assert_true(fresh);
        if (i % 1000 == 0) {
            assert_int_equal(topics_count(topics, bytes_of("kept"), bytes_of("a"), 1, 0, &fresh), kept);
            assert_false(fresh);
        }
    }
    assert_int_equal(topics->count, TOPICS_MAX);
    assert_int_equal(topics->evicted, 2 * TOPICS_MAX + 1);
    assert_int_equal(topics_page(topics, bytes_of("kept"), NULL, NULL, NULL, 10, slots), 1);
    free(topics);
}

static void test_rates(void **state)
{
    (void)state;
    struct topics *topics = open_table();
    bool fresh;
    uint32_t slot = 0;
    for (int64_t now = 0; now < 60000; now += 100)
        slot = topics_count(topics, bytes_of("t"), bytes_of("a"), 1, now, &fresh);
    assert_in_range(topics_rate(topics, slot, 59900), 9900, 10100);
    assert_in_range(topics_rate(topics, slot, 69900), 4900, 5100);
    assert_int_equal(topics_rate(topics, slot, 90000), 0);
    slot = topics_count(topics, bytes_of("u"), bytes_of("a"), 1, 90000, &fresh);
    assert_int_equal(topics_rate(topics, slot, 90000), 1000);
    free(topics);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_a_list),
                                       cmocka_unit_test(test_the_quiet_one_goes),
                                       cmocka_unit_test(test_rates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

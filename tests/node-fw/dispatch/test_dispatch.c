#include "tests/node-fw/dispatch/town.h"
#include "tests/support/effort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct town town;
static uint64_t seed;

static unsigned deepest(const struct town *t, bool certificate)
{
    unsigned deepest = 0;
    for (size_t i = 0; i < t->count; i++) {
        struct dispatch_view view = dispatch_view(&t->boards[i]);
        unsigned depth = certificate ? view.certified_depth : view.depth;
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

/* -- the vectors ------------------------------------------------------------------------------- */

static void expect(size_t i, uint32_t lambda, int64_t power)
{
    struct dispatch_view view = dispatch_view(&town.boards[i]);
    assert_int_equal(view.lambda, lambda);
    assert_int_equal(view.setpoint_mw, power);
    assert_int_equal(view.residual_mw, 0);
}

/* Ga – L – Gb: what each believes after none, one and two exchanges. */
static void test_line_of_three(void **state)
{
    (void)state;
    town_clear(&town, 3, seed);
    town.curves[0] = (struct curve){CURVE_GENERATOR, 4000000, 12000000, 200000000};
    town.curves[1] = (struct curve){CURVE_CONSUMER, 0, 12000000, 120000000};
    town.curves[2] = (struct curve){CURVE_GENERATOR, 5000000, 5600000, 10000000};
    town_line(&town);
    town_start_all(&town);
    town_run(&town, 0, NULL);
    expect(0, 4000000, 0);
    expect(1, 12000000, 0);
    expect(2, 5000000, 0);
    town_run(&town, 1, NULL);
    expect(0, 6285715, 57142850);
    expect(1, 6000000, 60000000);
    expect(2, 11000000, 10000000);
    town_run(&town, 2, NULL);
    expect(0, 6000000, 50000000);
    expect(1, 6000000, 60000000);
    expect(2, 6000000, 10000000);
    assert_int_equal(deepest(&town, false), 2);
    assert_true(town_run(&town, 100, town_certified));
    assert_in_range(deepest(&town, true), 3, 5);
}

/* Table 1, digit for digit, on the default graph: solved after 4 exchanges, certified after 9. */
static void test_table1(void **state)
{
    (void)state;
    town_clear(&town, 16, seed);
    town_circulant(&town, 2);
    town_start_all(&town);
    assert_true(town_run(&town, 4, town_solved));
    for (size_t i = 0; i < 16; i++) {
        struct dispatch_view view = dispatch_view(&town.boards[i]);
        assert_int_equal(view.lambda, 7371025);
        assert_int_equal((view.setpoint_mw + 50000) / 100000, town_table1_printed[i]);
    }
    assert_int_equal(deepest(&town, false), 4);
    assert_true(town_run(&town, 9, town_certified));
    assert_int_equal(deepest(&town, true), 9);
}

/* -- graphs, without and with faults ----------------------------------------------------------- */

static void ring(struct town *t)
{
    town_circulant(t, 1);
}

static void circulant(struct town *t)
{
    town_circulant(t, 2);
}

static void complete(struct town *t)
{
    town_circulant(t, t->count / 2);
}

static void random_graph(struct town *t)
{
    town_random_graph(t, t->count / 2);
}

static void (*const graphs[])(struct town *) = {ring,         circulant, complete,
                                                random_graph, town_star, town_line};

/* Until something happens to a board, a certificate is held only by boards that know all of them. */
static bool certified_soundly(const struct town *t)
{
    for (size_t i = 0; i < t->count; i++) {
        struct dispatch_view view = dispatch_view(&t->boards[i]);
        assert_true(!view.certified || view.live == t->count);
    }
    return town_certified(t);
}

static void random_town(int round, size_t most)
{
    town_clear(&town, 2 + town_random(&seed, most - 1), seed + (uint64_t)round);
    for (size_t i = 0; i < town.count; i++)
        town.curves[i] = town_random_curve(&seed);
    graphs[round % 6](&town);
}

/* Nothing lost: solved after as many exchanges as the graph has hops, certified after about 2D + 1: a board
 * that has nothing to say holds its neighbours up for one exchange. */
static void test_clean_graphs(void **state)
{
    (void)state;
    for (int round = 0, rounds = effort(60); round < rounds; round++) {
        random_town(round, 41);
        unsigned diameter = town_diameter(&town);
        town_start_all(&town);
        assert_true(town_run(&town, diameter, town_solved));
        assert_in_range(deepest(&town, false), 0, diameter);
        assert_true(town_run(&town, 3 * diameter + 3, certified_soundly));
        assert_true(town_solved(&town));
        assert_in_range(deepest(&town, true), 0, 2 * diameter + 3);
    }
}

/* Loss, delay, repetition and disorder change when, not what. Nobody is certified before he knows everybody:
 * a ring of boards that each see two silent neighbours at the start is the trap. */
static void test_faulty_graphs(void **state)
{
    (void)state;
    for (int round = 0, rounds = effort(30); round < rounds; round++) {
        random_town(round, 20);
        town.loss_percent = 30;
        town.repeat_percent = 10;
        town.delay_most = 400;
        town_start_all(&town);
        assert_true(town_run(&town, 120000, certified_soundly));
        assert_true(town_solved(&town));
        town_check_audit(&town);
    }
}

/* Boards that hear nothing for less than the expiry are not certified, and then only for themselves. */
static void test_no_certificate_while_neighbours_may_come(void **state)
{
    (void)state;
    town_clear(&town, 16, seed);
    ring(&town);
    memset(town.cut, true, sizeof town.cut);
    town_start_all(&town);
    town_run(&town, 3999, NULL);
    for (size_t i = 0; i < town.count; i++)
        assert_false(dispatch_view(&town.boards[i]).certified);
    assert_true(town_run(&town, 4100, town_settled));
    assert_int_equal(dispatch_view(&town.boards[0]).live, 1);
}

/* A certificate on lossy links does not come and go. */
static void test_certificate_is_steady(void **state)
{
    (void)state;
    town_clear(&town, 16, seed);
    circulant(&town);
    town.loss_percent = 30;
    town.delay_most = 20;
    town_start_all(&town);
    assert_true(town_run(&town, 20000, town_certified));
    for (int64_t end = town.now + 60000; town.now < end;) {
        town_run(&town, town.now + 10, NULL);
        assert_true(town_certified(&town));
    }
}

/* -- on paced wires, in virtual time ----------------------------------------------------------- */

/* 16 boards at 115 200 baud: certified within 2 s, a change applied within 0.5 s, a death within 5 s, and
 * idle boards leave most of the wire free. */
static void test_wire(void **state)
{
    (void)state;
    town_clear(&town, 16, seed);
    circulant(&town);
    town.wire = true;
    town_start_all(&town);
    assert_true(town_run(&town, 2000, town_settled));
    printf("16 boards certified after %lld ms\n", (long long)town.now);
    int64_t heard = town.bytes_heard[0];
    town_run(&town, town.now + 10000, NULL);
    heard = (town.bytes_heard[0] - heard) / 10;
    printf("idle: %lld of 11520 bytes/s on a board's wire\n", (long long)heard);
    assert_in_range(heard, 1, 11520 / 2);
    int64_t start = town.now;
    town.curves[3].hi += 4000000;
    assert_int_equal(dispatch_set_curve(&town.boards[3], &town.curves[3], (struct mono){start}), BB_OK);
    assert_true(town_run(&town, start + 500, town_solved));
    printf("a change applied after %lld ms, ", (long long)(town.now - start));
    assert_true(town_run(&town, start + 2000, town_settled));
    printf("certified after %lld ms\n", (long long)(town.now - start));
    start = town.now += (int64_t)town_random(&seed, 1000);
    town_stop(&town, 5);
    assert_true(town_run(&town, start + 5000, town_solved));
    printf("a death dispatched after %lld ms, ", (long long)(town.now - start));
    assert_true(town_run(&town, start + 7000, town_settled));
    printf("certified after %lld ms\n", (long long)(town.now - start));
}

/* Sixteen boards that all hear each other share every wire: it must not fill with repetitions. */
static void test_crowded_wire(void **state)
{
    (void)state;
    town_clear(&town, 16, seed);
    complete(&town);
    town.wire = true;
    town_start_all(&town);
    assert_true(town_run(&town, 4000, town_settled));
    town_run(&town, town.now + 10000, NULL);
    int64_t start = town.now;
    town.curves[3].hi += 4000000;
    assert_int_equal(dispatch_set_curve(&town.boards[3], &town.curves[3], (struct mono){start}), BB_OK);
    assert_true(town_run(&town, start + 3000, town_settled));
    start = town.now += 2000;
    town_stop(&town, 5);
    assert_true(town_run(&town, start + 10000, town_settled));
    town_run(&town, town.now + 10000, NULL);
    assert_true(town_settled(&town));
}

/* -- change ------------------------------------------------------------------------------------ */

static void change(size_t i)
{
    town.curves[i] = town_random_curve(&seed);
    assert_int_equal(dispatch_set_curve(&town.boards[i], &town.curves[i], (struct mono){town.now}), BB_OK);
}

/* One thing happens to board i. */
static void happen(size_t i)
{
    if (!town.up[i] || town.left[i]) {
        town.curves[i] = town_random_curve(&seed);
        town_start(&town, i);
        return;
    }
    switch (town_random(&seed, 3)) {
    case 0:
        change(i);
        break;
    case 1:
        town_stop(&town, i);
        break;
    default:
        town_leave(&town, i);
        break;
    }
}

/* Crashes, departures, returns and new parameters, on lossy links: every island ends at its own optimum,
 * knows it, and nothing old comes back (town_run checks that after every event). */
static void test_churn(void **state)
{
    (void)state;
    for (int round = 0, rounds = effort(24); round < rounds; round++) {
        random_town(round, 16);
        town.loss_percent = 30;
        town.repeat_percent = 10;
        town.delay_most = 60;
        town_start_all(&town);
        for (int event = 0; event < 6; event++) {
            town_run(&town, town.now + (int64_t)town_random(&seed, 3000), NULL);
            happen(town_random(&seed, town.count));
        }
        town_run(&town, town.now + 10000, NULL);
        assert_true(town_run(&town, town.now + 60000, town_settled));
        town_run(&town, town.now + 20000, NULL);
        assert_true(town_run(&town, town.now + 2000, town_settled));
    }
}

/* A neighbourhood falls apart and grows together: each island solves itself, then all are one. */
static void test_islands(void **state)
{
    (void)state;
    town_clear(&town, 16, seed);
    circulant(&town);
    town_start_all(&town);
    assert_true(town_run(&town, 1000, town_settled));
    for (size_t i = 0; i < 16; i++) {
        for (size_t k = 0; k < 16; k++)
            town.cut[i][k] = (i < 7) != (k < 7);
    }
    assert_true(town_run(&town, town.now + 10000, town_settled));
    assert_int_equal(dispatch_view(&town.boards[0]).live, 7);
    assert_int_equal(dispatch_view(&town.boards[15]).live, 9);
    memset(town.cut, 0, sizeof town.cut);
    assert_true(town_run(&town, town.now + 10000, town_settled));
    assert_int_equal(dispatch_view(&town.boards[0]).live, 16);
    town_check_audit(&town);
}

/* A board that has left can still be heard; a neighbour that starts afterwards must not wait for it, even if
 * it learns of the good-bye from somebody else. */
static void test_departed_but_heard(void **state)
{
    (void)state;
    town_clear(&town, 6, seed);
    ring(&town);
    town_start_all(&town);
    assert_true(town_run(&town, 1000, town_settled));
    town_leave(&town, 2);
    assert_true(town_run(&town, town.now + 1000, town_settled));
    assert_int_equal(dispatch_view(&town.boards[2]).setpoint_mw, 0);
    town_stop(&town, 3);
    town_start(&town, 3);
    assert_true(town_run(&town, town.now + 10000, town_settled));
    assert_int_equal(dispatch_view(&town.boards[3]).live, 5);
}

/* Another graph at run time: who is a neighbour no more is no longer waited for, and who is new is heard. */
static void test_other_neighbours(void **state)
{
    (void)state;
    town_clear(&town, 12, seed);
    ring(&town);
    town_start_all(&town);
    assert_true(town_run(&town, 1000, town_settled));
    memset(town.edge, 0, sizeof town.edge);
    town_random_graph(&town, 6);
    town_configure(&town);
    change(3);
    assert_true(town_run(&town, town.now + 5000, town_settled));
    town_run(&town, town.now + 10000, NULL);
    assert_true(town_settled(&town));
    town_check_audit(&town);
    uint16_t bad[2] = {5, 5};
    assert_int_equal(dispatch_set_neighbours(&town.boards[0], bad, 2, (struct mono){town.now}), BB_RANGE);
    bad[0] = 1;
    assert_int_equal(dispatch_set_neighbours(&town.boards[0], bad, 2, (struct mono){town.now}), BB_RANGE);
}

/* A board that lost its boot counter finds out, goes on as a later life, and its new curve counts. */
static void test_lost_boot_counter(void **state)
{
    (void)state;
    town_clear(&town, 8, seed);
    circulant(&town);
    town.incarnation[3] = 40;
    town_start_all(&town);
    assert_true(town_run(&town, 1000, town_settled));
    change(3);
    town_run(&town, town.now + 3000, NULL);
    town_stop(&town, 3);
    town.incarnation[3] = 0;
    town.curves[3] = town_random_curve(&seed);
    town_start(&town, 3);
    assert_true(town_run(&town, town.now + 10000, town_settled));
    struct dispatch_view view = dispatch_view(&town.boards[3]);
    assert_true(view.incarnation_changed);
    assert_false(view.duplicate_suspected);
    assert_in_range(view.incarnation, 42, 43);
}

/* Two boards with one id outbid each other, are suspected, and do not flood the wires. */
static void test_duplicate_id(void **state)
{
    (void)state;
    town_clear(&town, 10, seed);
    circulant(&town);
    town.ids[7] = town.ids[2];
    town_start_all(&town);
    town_run(&town, 5000, NULL);
    assert_true(dispatch_view(&town.boards[2]).duplicate_suspected);
    assert_true(dispatch_view(&town.boards[7]).duplicate_suspected);
    uint32_t sent = dispatch_counters(&town.boards[0]).sent;
    town_run(&town, 15000, NULL);
    assert_in_range(dispatch_counters(&town.boards[0]).sent - sent, 1, 400);
}

/* -- refusals ---------------------------------------------------------------------------------- */

static void test_settings(void **state)
{
    (void)state;
    struct dispatch_settings good = {.id = 1, .size = 2, .neighbour_count = 1, .neighbours = {2}};
    struct dispatch *d = &town.boards[0];
    assert_in_range(sizeof *d, 1, 64 * 1024);
    assert_int_equal(dispatch_init(d, &good, (struct mono){0}), BB_OK);
    struct dispatch_settings s = good;
    s.id = 0;
    assert_int_equal(dispatch_init(d, &s, (struct mono){0}), BB_RANGE);
    s = good;
    s.neighbours[0] = 1;
    assert_int_equal(dispatch_init(d, &s, (struct mono){0}), BB_RANGE);
    s = good;
    s.neighbour_count = BB_NEIGHBOURS_MAX + 1;
    assert_int_equal(dispatch_init(d, &s, (struct mono){0}), BB_RANGE);
    s = good;
    s.size = BB_BOARDS_MAX + 1;
    assert_int_equal(dispatch_init(d, &s, (struct mono){0}), BB_RANGE);
    s = good;
    s.curve = (struct curve){CURVE_GENERATOR, 2, 1, 5};
    assert_int_equal(dispatch_init(d, &s, (struct mono){0}), BB_RANGE);
}

int main(void)
{
    seed = town_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_of_three),
        cmocka_unit_test(test_table1),
        cmocka_unit_test(test_clean_graphs),
        cmocka_unit_test(test_faulty_graphs),
        cmocka_unit_test(test_no_certificate_while_neighbours_may_come),
        cmocka_unit_test(test_certificate_is_steady),
        cmocka_unit_test(test_wire),
        cmocka_unit_test(test_crowded_wire),
        cmocka_unit_test(test_churn),
        cmocka_unit_test(test_islands),
        cmocka_unit_test(test_departed_but_heard),
        cmocka_unit_test(test_other_neighbours),
        cmocka_unit_test(test_lost_boot_counter),
        cmocka_unit_test(test_duplicate_id),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

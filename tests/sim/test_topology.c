/* Graphs: what is a neighbour of what, and how far. */
#include "node-fw/sim/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct topology built(struct topology_plan plan, size_t count)
{
    struct chance c = {7};
    struct topology t;
    assert_int_equal(topology_build(&plan, count, &c, &t), BB_OK);
    return t;
}

static void test_diameters(void **state)
{
    (void)state;
    struct topology t = built((struct topology_plan){.kind = TOPOLOGY_RING}, 16);
    assert_int_equal(topology_diameter(&t, NULL), 8);
    t = built((struct topology_plan){.kind = TOPOLOGY_CIRCULANT, .offsets = {1, 2}, .offset_count = 2}, 16);
    assert_int_equal(topology_diameter(&t, NULL), 4);
    t = built((struct topology_plan){.kind = TOPOLOGY_COMPLETE}, 65);
    assert_int_equal(topology_diameter(&t, NULL), 1);
    t = built((struct topology_plan){.kind = TOPOLOGY_RING}, 1);
    assert_int_equal(topology_diameter(&t, NULL), 0);
}

static void test_neighbours_ascend(void **state)
{
    (void)state;
    struct topology t = built((struct topology_plan){.kind = TOPOLOGY_RING}, 256);
    uint16_t near[BB_NEIGHBOURS_MAX];
    assert_int_equal(topology_neighbours(&t, 0, near), 2);
    assert_int_equal(near[0], 1);
    assert_int_equal(near[1], 255);
    assert_true(topology_linked(&t, 255, 0) && topology_linked(&t, 0, 255));
    topology_link(&t, 0, 255, false);
    assert_int_equal(topology_neighbours(&t, 0, near), 1);
    assert_int_equal(topology_diameter(&t, NULL), 255);
}

static void test_a_dead_board_is_no_way(void **state)
{
    (void)state;
    struct topology t = built((struct topology_plan){.kind = TOPOLOGY_RING}, 6);
    bool alive[6] = {true, false, true, true, false, true};
    int hops[6];
    topology_hops(&t, alive, 0, hops);
    assert_int_equal(hops[5], 1);
    assert_int_equal(hops[2], -1);
    assert_int_equal(hops[1], -1);
    topology_hops(&t, alive, 1, hops);
    assert_int_equal(hops[1], -1);
}

static void test_random_graphs_hang_together(void **state)
{
    (void)state;
    struct chance c = {3};
    for (int i = 0; i < 300; i++) {
        struct topology_plan plan = {.kind = i % 2 ? TOPOLOGY_RANDOM : TOPOLOGY_SMALL_WORLD,
                                     .degree = (uint16_t)chance_between(&c, 1, 12)};
        size_t count = (size_t)chance_between(&c, 1, 256);
        struct topology t;
        assert_int_equal(topology_build(&plan, count, &c, &t), BB_OK);
        int hops[BB_BOARDS_MAX];
        topology_hops(&t, NULL, 0, hops);
        for (size_t k = 0; k < count; k++)
            assert_true(hops[k] >= 0);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct chance c = {1};
    struct topology t;
    struct topology_plan plan = {.kind = TOPOLOGY_COMPLETE};
    assert_int_equal(topology_build(&plan, 66, &c, &t), BB_RANGE);
    assert_int_equal(topology_build(&plan, 0, &c, &t), BB_RANGE);
    plan.kind = TOPOLOGY_RING;
    assert_int_equal(topology_build(&plan, 257, &c, &t), BB_RANGE);
    plan = (struct topology_plan){.kind = TOPOLOGY_CIRCULANT, .offset_count = TOPOLOGY_OFFSETS_MAX + 1};
    assert_int_equal(topology_build(&plan, 16, &c, &t), BB_RANGE);
}

static void test_words(void **state)
{
    (void)state;
    for (int kind = TOPOLOGY_RING; kind <= TOPOLOGY_LINKS; kind++) {
        enum topology_kind back = TOPOLOGY_RING;
        assert_int_equal(topology_of_word(topology_word((enum topology_kind)kind), &back), BB_OK);
        assert_int_equal(back, kind);
    }
    enum topology_kind unused;
    assert_int_equal(topology_of_word("torus", &unused), BB_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diameters),
        cmocka_unit_test(test_neighbours_ascend),
        cmocka_unit_test(test_a_dead_board_is_no_way),
        cmocka_unit_test(test_random_graphs_hang_together),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

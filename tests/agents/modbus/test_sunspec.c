/* A walk over a device's models, and the points that come of it. */
#include "agents/modbus/registry.h"
#include "agents/modbus/sunspec.h"
#include "agents/modbus/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Lengths as the models' definitions have them. */
static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        uint16_t model, length;
    } lengths[] = {{1, 66},   {101, 50},  {103, 50},  {111, 60},  {113, 60}, {120, 26},
                   {123, 24}, {201, 105}, {204, 105}, {211, 124}, {214, 124}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct sunspec_walk walk;
        struct points points;
        sunspec_begin(&walk);
        sunspec_feed(&walk, (const uint16_t[]){0x5375, 0x6e53});
        sunspec_feed(&walk, (const uint16_t[]){lengths[i].model, lengths[i].length});
        sunspec_feed(&walk, (const uint16_t[]){0xffff, 0});
        assert_true(walk.over && walk.found && walk.count == 1);
        assert_int_equal(sunspec_points(&walk, &points), BB_OK);
        const struct point *last = &points.list[points.count - 1];
        /* A pad at the end is no point. */
        assert_in_range(lengths[i].length - (last->address + last->count - 40004), 0, 1);
        for (size_t k = 0; k < points.count; k++)
            for (size_t m = 0; m < k; m++)
                assert_string_not_equal(points.list[k].name, points.list[m].name);
        free(points.list);
    }
}

static void test_walk(void **state)
{
    (void)state;
    struct sunspec_walk walk;
    struct points points;
    uint16_t address;
    sunspec_begin(&walk);
    assert_true(sunspec_next(&walk, &address) && address == 40000);
    sunspec_feed(&walk, NULL);
    assert_true(sunspec_next(&walk, &address) && address == 50000);
    sunspec_feed(&walk, (const uint16_t[]){0x5375, 0x6e53});
    assert_true(sunspec_next(&walk, &address) && address == 50002);
    sunspec_feed(&walk, (const uint16_t[]){1, 66});
    assert_true(sunspec_next(&walk, &address) && address == 50070);
    sunspec_feed(&walk, (const uint16_t[]){64001, 7});
    sunspec_feed(&walk, (const uint16_t[]){203, 105});
    sunspec_feed(&walk, (const uint16_t[]){203, 20}); /* shorter than it should be */
    sunspec_feed(&walk, NULL);
    assert_false(sunspec_next(&walk, &address));
    assert_int_equal(walk.count, 4);
    assert_null(walk.models[1].known);
    assert_int_equal(sunspec_points(&walk, &points), BB_OK);
    int at = registry_find(&points, "meter2.W");
    assert_true(at >= 0);
    assert_int_equal(points.list[at].address, walk.models[3].address + 16);
    assert_int_equal(registry_find(&points, "meter2.VA"), -1);
    at = registry_find(&points, "meter.TotWhExp");
    assert_string_equal(points.list[at].units, "Wh");
    assert_string_equal(points.list[points.list[at].power_at].name, "meter.TotWh_SF");
    assert_true(points.list[points.list[at].power_at].hidden);
    free(points.list);
}

static void test_nowhere(void **state)
{
    (void)state;
    struct sunspec_walk walk;
    struct points points;
    uint16_t address;
    sunspec_begin(&walk);
    for (int i = 0; i < 3; i++)
        sunspec_feed(&walk, (const uint16_t[]){0x5375, 0x6e54});
    assert_true(walk.over && !walk.found);
    assert_int_equal(sunspec_points(&walk, &points), BB_NOT_FOUND);
    sunspec_begin(&walk);
    sunspec_feed(&walk, (const uint16_t[]){0x5375, 0x6e53});
    for (int i = 0; i < 100 && sunspec_next(&walk, &address); i++)
        sunspec_feed(&walk, (const uint16_t[]){101, 0});
    assert_int_equal(walk.count, SUNSPEC_MODELS_MAX);
    sunspec_begin(&walk);
    sunspec_feed(&walk, (const uint16_t[]){0x5375, 0x6e53});
    sunspec_feed(&walk, (const uint16_t[]){101, 65535});
    assert_true(walk.over && walk.count == 0);
}

static void test_controls(void **state)
{
    (void)state;
    struct sunspec_walk walk;
    struct points points;
    struct value value = {VALUE_NUMBER, false, "42.5"};
    struct bb_reason reason = {""};
    uint16_t raw = 0;
    int power = 0;
    sunspec_begin(&walk);
    sunspec_feed(&walk, (const uint16_t[]){0x5375, 0x6e53});
    sunspec_feed(&walk, (const uint16_t[]){123, 24});
    sunspec_feed(&walk, NULL);
    assert_int_equal(sunspec_points(&walk, &points), BB_OK);
    const struct point *p = &points.list[registry_find(&points, "controls.WMaxLimPct")];
    assert_true(p->writable && p->address == 40007);
    assert_true(value_power((uint16_t)-1, &power));
    assert_int_equal(value_encode(p, &value, power, &reason, &raw), BB_OK);
    assert_int_equal(raw, 425);
    assert_false(value_power(0x8000, &power));
    assert_false(points.list[points.list[registry_find(&points, "controls.VArMaxPct")].power_at].writable);
    free(points.list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lengths), cmocka_unit_test(test_walk),
                                       cmocka_unit_test(test_nowhere), cmocka_unit_test(test_controls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

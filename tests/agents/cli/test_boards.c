/* What the boards say, summed up; and the site file of a scenario. */
#include "agents/cli/boards.h"
#include "agents/cli/plan.h"
#include "agents/cli/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define BOARD(name, kind, kw, more)                                                                          \
    "{\"board\":1,\"name\":\"" name "\",\"kind\":\"" kind                                                    \
    "\",\"agent\":\"a\",\"online\":true,\"mode\":\"automatic\",\"kw\":" kw                                   \
    ",\"lambda\":7.5,\"certified\":true,\"depth\":4,\"certified_depth\":9,\"live\":2" more "}"
#define L1  BOARD("L1", "consumer", "52.400911", ",\"digest\":\"aa\"")
#define DG1 BOARD("DG1", "generator", "52.400911", ",\"digest\":\"aa\"")

static struct board_totals total(const char *text)
{
    json_t *boards = json_loads(text, 0, NULL);
    assert_non_null(boards);
    struct board_totals totals = boards_total(boards);
    json_decref(boards);
    return totals;
}

static void test_totals(void **state)
{
    (void)state;
    struct board_totals t = total("[" L1 "," DG1 "]");
    assert_int_equal(t.boards, 2);
    assert_int_equal(t.online, 2);
    assert_int_equal(t.load_mw, 52400911);
    assert_int_equal(t.generation_mw, 52400911);
    assert_int_equal(t.lambda_min, 7500000);
    assert_int_equal(t.depth_max, 4);
    assert_int_equal(t.certified_depth_max, 9);
    assert_true(t.agreed);
}

static void test_not_agreed(void **state)
{
    (void)state;
    assert_false(total("[]").agreed);
    assert_false(total("[" L1 "," BOARD("DG1", "generator", "1", ",\"digest\":\"bb\"") "]").agreed);
    assert_false(
        total("[" L1 ",{\"name\":\"DG1\",\"online\":false,\"certified\":true,\"digest\":\"aa\"}]").agreed);
    assert_false(
        total("[" L1 ",{\"name\":\"DG1\",\"online\":true,\"certified\":false,\"digest\":\"aa\"}]").agreed);
}

/* Objects of strangers: nothing is believed that is not of its type, and nothing overflows. */
static void test_hostile(void **state)
{
    (void)state;
    struct board_totals t =
        total("[1,null,[],{},{\"name\":7},{\"name\":\"\"},"
              "{\"name\":\"X\",\"online\":true,\"kw\":1e300,\"lambda\":\"seven\",\"depth\":\"x\"}]");
    assert_int_equal(t.boards, 1);
    assert_int_equal(t.generation_mw, 0);
    assert_int_equal(t.lambda_max, 0);
    assert_false(t.agreed);
}

static struct scenario scenario;

static void test_watch(void **state)
{
    (void)state;
    struct watch watch;
    scenario_random(2, 1, &scenario);
    watch_open(&watch, &scenario, true);
    assert_false(watch_certified(&watch));
    watch_take(&watch, L1);
    watch_take(&watch, "{\"name\":\"stranger\"}");
    watch_take(&watch, "not json");
    assert_false(watch_certified(&watch));
    watch_take(&watch, DG1);
    assert_true(watch_certified(&watch));
    watch_take(&watch, "{\"name\":\"DG1\",\"online\":false}");
    assert_false(watch_certified(&watch));
    watch_close(&watch);
}

/* Certified alone, while the other was not heard of, is not certified. */
static void test_watch_island(void **state)
{
    (void)state;
    struct watch watch;
    scenario_random(3, 1, &scenario);
    scenario.nodes[2] = scenario.nodes[0];
    memcpy(scenario.nodes[2].id, "X", 2);
    watch_open(&watch, &scenario, true);
    watch_take(&watch, L1);
    watch_take(&watch, DG1);
    watch_take(&watch, BOARD("X", "consumer", "0", ",\"digest\":\"aa\""));
    assert_false(watch_certified(&watch));
    watch_close(&watch);
}

/* With incremental-cost a board knows its neighbours alone, and prices meet to a thousandth. */
static void test_watch_incremental_cost(void **state)
{
    (void)state;
    struct watch watch;
    scenario_random(2, 1, &scenario);
    watch_open(&watch, &scenario, false);
    watch_take(&watch, L1);
    watch_take(&watch, BOARD("DG1", "generator", "52.40", ",\"digest\":\"bb\""));
    assert_true(watch_certified(&watch));
    watch_take(&watch, BOARD("DG1", "generator", "52.30", ",\"digest\":\"bb\""));
    assert_false(watch_certified(&watch));
    watch_close(&watch);
}

static json_t *site_of(size_t count, const char *topology)
{
    struct bb_reason reason = {""};
    json_t *site = NULL;
    scenario_random(count, 1, &scenario);
    struct plan plan = {
        .scenario = &scenario, .home = "/h", .method = "curves", .topology = topology, .seed = 1};
    if (plan_site(&plan, &reason, &site) != BB_OK)
        fail_msg("%s", reason.text);
    return site;
}

static void test_site(void **state)
{
    (void)state;
    json_t *site = site_of(16, "circulant");
    assert_string_equal(json_string_value(json_object_get(site, "topology")), "circulant");
    assert_int_equal(json_array_size(json_object_get(site, "boards")), 16);
    json_t *first = json_array_get(json_object_get(site, "boards"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "topic")), "Data/consumer/consumer1");
    json_decref(site);
    site = site_of(16, "ring");
    assert_int_equal(json_array_size(json_object_get(site, "links")), 16);
    json_decref(site);
    site = site_of(16, "complete");
    assert_int_equal(json_array_size(json_object_get(site, "links")), 120);
    json_decref(site);
}

/* Small neighbourhoods: each pair once. */
static void test_small_sites(void **state)
{
    (void)state;
    static const char *const words[] = {"circulant", "ring", "complete", "random", "small-world"};
    for (size_t count = 2; count <= 5; count++)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            json_t *site = site_of(count, words[i]);
            size_t links = json_array_size(json_object_get(site, "links"));
            assert_in_range(links, count - 1, count * (count - 1) / 2);
            json_decref(site);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_totals),       cmocka_unit_test(test_not_agreed),
        cmocka_unit_test(test_hostile),      cmocka_unit_test(test_watch),
        cmocka_unit_test(test_watch_island), cmocka_unit_test(test_watch_incremental_cost),
        cmocka_unit_test(test_site),         cmocka_unit_test(test_small_sites)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

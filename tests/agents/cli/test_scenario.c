/* Scenario files: what is taken, and that every refusal names its place. */
#include "agents/cli/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct scenario scenario;

static enum status take(const char *text, struct bb_reason *reason)
{
    json_error_t error;
    json_t *document = json_loads(text, 0, &error);
    if (document == NULL)
        fail_msg("%s", error.text);
    enum status status = scenario_of_json(document, "x.json", reason, &scenario);
    json_decref(document);
    return status;
}

static void test_shipped(void **state)
{
    (void)state;
    struct bb_reason reason = {""};
    assert_int_equal(scenario_shipped(&reason, &scenario), BB_OK);
    assert_int_equal(scenario.count, 16);
    assert_string_equal(scenario.nodes[15].id, "DG6");
    assert_true(scenario.nodes[15].table_kw == 100.2);
    assert_true(scenario.nodes[0].slope == 0.0935 && scenario.nodes[0].intercept == 17.17);
    assert_true(scenario.lambda == 7.371 && scenario.iterations == 42);
    assert_int_equal(scenario.link_count, 0);
}

#define L1  "{\"id\":\"L1\",\"kind\":\"consumer\",\"omega\":17,\"sigma\":0.1,\"pmax_kw\":90}"
#define DG1 "{\"id\":\"DG1\",\"kind\":\"generator\",\"alpha\":0.003,\"beta\":6,\"gamma\":-1,\"pmax_kw\":110}"

static void test_taken(void **state)
{
    (void)state;
    struct bb_reason reason = {""};
    assert_int_equal(
        take("{\"nodes\":[" L1 "," DG1 "],\"links\":[[\"DG1\",\"L1\"]],\"name\":\"two\"}", &reason), BB_OK);
    assert_int_equal(scenario.count, 2);
    assert_string_equal(scenario.name, "two");
    assert_int_equal(scenario.links[0].a, 1);
    assert_int_equal(scenario.links[0].b, 0);
    assert_true(scenario.nodes[1].gamma == -1);
    assert_true(isnan(scenario.nodes[0].table_kw) && isnan(scenario.lambda));
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"[]", "expected an object"},
        {"{}", "nodes: expected a list"},
        {"{\"nodes\":[]}", "nodes: expected a list of 1"},
        {"{\"nodes\":{}}", "nodes: expected a list"},
        {"{\"nodes\":[1]}", "nodes[0]: expected an object"},
        {"{\"nodes\":[" L1 "],\"colour\":1}", "colour: a neighbourhood has no such key"},
        {"{\"nodes\":[" L1 "," L1 "]}", "nodes[1].id: \"L1\" is there twice"},
        {"{\"nodes\":[{\"kind\":\"consumer\"}]}", "nodes[0].id"},
        {"{\"nodes\":[{\"id\":\"a b\",\"kind\":\"consumer\"}]}", "nodes[0].id"},
        {"{\"nodes\":[{\"id\":\"1234567890123456\",\"kind\":\"consumer\"}]}", "nodes[0].id"},
        {"{\"nodes\":[{\"id\":\"a\",\"kind\":\"battery\"}]}", "nodes[0].kind"},
        {"{\"nodes\":[{\"id\":\"a\",\"kind\":\"consumer\",\"omega\":1,\"pmax_kw\":1}]}",
         "\"sigma\" is missing"},
        {"{\"nodes\":[{\"id\":\"a\",\"kind\":\"generator\",\"alpha\":1,\"pmax_kw\":1}]}",
         "\"beta\" is missing"},
        {"{\"nodes\":[{\"id\":\"a\",\"kind\":\"consumer\",\"omega\":1,\"sigma\":-0.1,\"pmax_kw\":1}]}",
         "nodes[0].sigma: expected a number, 0 or more"},
        {"{\"nodes\":[{\"id\":\"a\",\"kind\":\"consumer\",\"omega\":\"1\",\"sigma\":1,\"pmax_kw\":1}]}",
         "nodes[0].omega: expected a number"},
        {"{\"nodes\":[{\"id\":\"a\",\"kind\":\"consumer\",\"omega\":1,\"sigma\":1,\"pmax_kw\":1,\"alpha\":1}]"
         "}",
         "nodes[0].alpha: a consumer has no such key"},
        {"{\"nodes\":[" L1 "],\"links\":[[\"L1\",\"L1\"]]}", "links[0]"},
        {"{\"nodes\":[" L1 "," DG1 "],\"links\":[[\"L1\",\"DG2\"]]}", "links[0]"},
        {"{\"nodes\":[" L1 "," DG1 "],\"links\":[[\"L1\",\"DG1\",\"L1\"]]}", "links[0]"},
        {"{\"nodes\":[" L1 "],\"lambda\":\"much\"}", "lambda: expected a number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bb_reason reason = {""};
        assert_int_equal(take(cases[i].text, &reason), BB_RANGE);
        if (strstr(reason.text, cases[i].part) == NULL || strstr(reason.text, "x.json") == NULL)
            fail_msg("\"%s\" is not in \"%s\"", cases[i].part, reason.text);
    }
}

static void test_missing_file(void **state)
{
    (void)state;
    struct bb_reason reason = {""};
    assert_int_equal(scenario_read("/nonexistent/x.json", &reason, &scenario), BB_NOT_FOUND);
    assert_non_null(strstr(reason.text, "/nonexistent/x.json"));
}

/* The same seed gives the same neighbourhood, another seed another one; both kinds are always there. */
static void test_random(void **state)
{
    (void)state;
    static struct scenario again;
    for (size_t count = 1; count <= BB_BOARDS_MAX; count += 15) {
        scenario_random(count, 7, &scenario);
        scenario_random(count, 7, &again);
        assert_memory_equal(scenario.nodes, again.nodes, sizeof scenario.nodes);
        assert_int_equal(scenario.count, count);
        assert_int_equal(scenario.nodes[0].kind, CURVE_CONSUMER);
        if (count > 1)
            assert_int_equal(scenario.nodes[1].kind, CURVE_GENERATOR);
    }
    scenario_random(20, 8, &again);
    scenario_random(20, 7, &scenario);
    assert_memory_not_equal(scenario.nodes, again.nodes, sizeof scenario.nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shipped), cmocka_unit_test(test_taken),
                                       cmocka_unit_test(test_refusals), cmocka_unit_test(test_missing_file),
                                       cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

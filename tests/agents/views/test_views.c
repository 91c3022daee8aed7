/* The documents that the command line and the dashboard share. */
#include "agents/views/boards.h"
#include "agents/views/stamp.h"
#include "agents/views/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS (JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15))

static json_t *parsed(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

/* Compares a document (taken) with the JSON that it must be. */
static void expect(json_t *document, const char *text)
{
    json_t *wanted = parsed(text);
    char *got = json_dumps(document, FLAGS), *want = json_dumps(wanted, FLAGS);
    assert_string_equal(got, want);
    free(got);
    free(want);
    json_decref(wanted);
    json_decref(document);
}

static void test_dispatch(void **state)
{
    (void)state;
    json_t *boards =
        parsed("[{\"name\":\"L1\",\"kind\":\"consumer\",\"online\":true,\"mode\":\"automatic\",\"kw\":3.5,"
               "\"lambda\":7.1,\"certified\":true},"
               "{\"name\":\"DG1\",\"kind\":\"generator\",\"online\":true,\"mode\":\"hold\",\"kw\":1e308,"
               "\"lambda\":7.3,\"certified\":false}]");
    json_t *document = views_dispatch(boards, 0);
    json_object_del(document, "boards");
    json_decref(boards);
    expect(document, "{\"version\":1,\"time\":\"1970-01-01T00:00:00.000Z\",\"lambda_min\":7.1,\"lambda_max\":"
                     "7.3,\"load_kw\":3.5,\"generation_kw\":0.0,\"mismatch_kw\":3.5,\"online\":2,"
                     "\"certified\":1,\"ordered\":1,\"agreed\":false}");
}

static void test_relayed(void **state)
{
    (void)state;
    json_t *result = parsed("{\"a\":1,\"next\":\"x\",\"rows\":[1]}"), *rows = parsed("[1,2]");
    expect(views_of(result), "{\"version\":1,\"a\":1,\"next\":\"x\",\"rows\":[1]}");
    expect(views_pages(result, "rows", rows), "{\"version\":1,\"a\":1,\"rows\":[1,2]}");
    assert_non_null(json_object_get(result, "next"));
    json_decref(result);
    json_decref(rows);
    json_t *params = parsed("{\"name\":\"L1\",\"kw\":2.5}");
    expect(views_order("board.override", params),
           "{\"version\":1,\"order\":\"override\",\"name\":\"L1\",\"kw\":2.5}");
    json_decref(params);
}

/* What the parameters and the status both say is taken from the parameters. */
static void test_chain(void **state)
{
    (void)state;
    json_t *status = parsed("{\"height\":\"2\",\"role\":\"LEADER\"}"),
           *parameters = parsed("{\"height\":\"3\",\"chain_id\":\"1\"}");
    expect(views_chain_status(status, parameters),
           "{\"version\":1,\"height\":\"3\",\"chain_id\":\"1\",\"role\":\"LEADER\"}");
    json_decref(status);
    json_decref(parameters);
    json_t *block = parsed("{\"header\":{\"height\":\"7\"},\"hash\":\"0x1\",\"seals\":[]}");
    expect(views_block_row(block), "{\"height\":\"7\",\"hash\":\"0x1\"}");
    json_decref(block);
    json_t *account = parsed("{\"account\":{\"name\":\"p1\"}}"), *orders = parsed("{\"orders\":[1]}");
    expect(views_account(account, orders), "{\"version\":1,\"account\":{\"name\":\"p1\"},\"orders\":[1]}");
    json_decref(account);
    json_decref(orders);
}

/* A peer that answers with something else than what was asked for does no harm. */
static void test_wrong_types(void **state)
{
    (void)state;
    json_t *list = json_array(), *row = views_block_row(NULL);
    assert_int_equal(json_object_size(row), 0);
    json_decref(row);
    expect(views_of(list), "{\"version\":1}");
    expect(views_of(NULL), "{\"version\":1}");
    expect(views_answer("0.1.0"), "\"0.1.0\"");
    json_decref(list);
}

static void test_answers(void **state)
{
    (void)state;
    expect(views_answer(""), "null");
    expect(views_answer("{\"a\":[1]}"), "{\"a\":[1]}");
    expect(views_answer("ipc://x"), "\"ipc://x\"");
}

static void test_agents(void **state)
{
    (void)state;
    json_t *site =
        parsed("{\"boards\":[{\"agent\":\"a\"},{\"agent\":\"b\"},{\"agent\":\"a\"},{\"agent\":7}]}");
    expect(boards_agents(site), "{\"a\":true,\"b\":true}");
    expect(boards_agents(NULL), "{\"consumer-agent\":true,\"dg-agent\":true}");
    json_decref(site);
    json_t *boards =
        parsed("[{\"name\":\"L1\",\"agent\":\"a\"},{\"name\":\"L2\",\"agent\":\"b\"},{\"name\":\"L3\"}]");
    expect(boards_serving(boards, "L2"), "{\"b\":true}");
    expect(boards_serving(boards, "all"), "{\"a\":true,\"b\":true}");
    expect(boards_serving(boards, "L3"), "{}");
    expect(boards_serving(boards, "none"), "{}");
    json_decref(boards);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dispatch), cmocka_unit_test(test_relayed),
                                       cmocka_unit_test(test_chain),    cmocka_unit_test(test_wrong_types),
                                       cmocka_unit_test(test_answers),  cmocka_unit_test(test_agents)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

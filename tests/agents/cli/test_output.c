/* The writers: aligned tables, CSV, JSON, the plot. */
#include "agents/cli/csv.h"
#include "agents/cli/json.h"
#include "agents/cli/plot.h"
#include "agents/cli/table.h"
#include "agents/views/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct table_column columns[] = {{"node", "node", false},
                                              {"λ $/kWh", "lambda_usd_per_kwh", true}};

static struct table sample(void)
{
    struct table table = table_of(columns, 2);
    table_add(&table, (const char *[]){"L1", "7.371025"});
    table_add(&table, (const char *[]){"a \"b\", c\nd", NULL});
    table_totals(&table);
    table_add(&table, (const char *[]){"Σ", "1"});
    return table;
}

static char *text_of_csv(const struct table *table)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    csv_table(to, table);
    fclose(to);
    return text;
}

static void test_csv(void **state)
{
    (void)state;
    struct table table = sample();
    char *text = text_of_csv(&table);
    assert_string_equal(text, "node,lambda_usd_per_kwh\r\nL1,7.371025\r\n\"a \"\"b\"\", c\nd\",\r\n");
    free(text);
    table_free(&table);
}

static void test_table(void **state)
{
    (void)state;
    struct table table = table_of(columns, 2);
    char *text = NULL;
    size_t size;
    table_add(&table, (const char *[]){"L1", "7.371025"});
    table_totals(&table);
    table_add(&table, (const char *[]){"λλλλλ", "1"});
    FILE *to = open_memstream(&text, &size);
    table_print(&table, to, false);
    fclose(to);
    assert_string_equal(text, "node    λ $/kWh\n"
                              "L1     7.371025\n"
                              "─────  ────────\n"
                              "λλλλλ         1\n");
    free(text);
    table_free(&table);
}

static void test_no_blanks_at_the_end(void **state)
{
    (void)state;
    static const struct table_column with_expiry[] = {
        {"order", "order", true}, {"by", "by", false}, {"kW", "kw", true}, {"expires", "expires", false}};
    struct table table = table_of(with_expiry, 4);
    char *text = NULL;
    size_t size;
    table_add(&table, (const char *[]){"1", "alice", "2.0", ""});
    table_add(&table, (const char *[]){"2", "bob", "", ""});
    table_add(&table, (const char *[]){"", "", "", ""});
    table_add(&table, (const char *[]){"3", "", "1.0", "soon"});
    FILE *to = open_memstream(&text, &size);
    table_print(&table, to, false);
    fclose(to);
    assert_string_equal(text, "order  by      kW  expires\n"
                              "    1  alice  2.0\n"
                              "    2  bob\n"
                              "\n"
                              "    3         1.0  soon\n");
    free(text);
    table_free(&table);
}

static void test_table_grows(void **state)
{
    (void)state;
    struct table table = table_of(columns, 2);
    for (int i = 0; i < 1000; i++)
        table_add(&table, (const char *[]){"x", "y"});
    assert_int_equal(table.row_count, 1000);
    assert_string_equal(table.cells[1999], "y");
    table_free(&table);
    assert_int_equal(table.row_count, 0);
}

static char *text_of_json(json_t *document)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    json_print_line(to, document);
    fclose(to);
    return text;
}

static void test_json_numbers(void **state)
{
    (void)state;
    json_t *document = json_document();
    json_object_set_new(document, "kw", json_millionths(52400911));
    json_object_set_new(document, "big", json_millionths(INT64_C(4294967295)));
    json_object_set_new(document, "nan", json_number(NAN));
    json_object_set_new(document, "inf", json_number(INFINITY));
    char *text = text_of_json(document);
    assert_string_equal(text,
                        "{\"version\":1,\"kw\":52.400911,\"big\":4294.967295,\"nan\":null,\"inf\":null}\n");
    free(text);
}

static void test_plot(void **state)
{
    (void)state;
    double values[200];
    char *text = NULL;
    size_t size;
    for (size_t i = 0; i < 200; i++)
        values[i] = 100 / pow(2, (double)i);
    FILE *to = open_memstream(&text, &size);
    plot_log(to, "error", "kW", values, 200, 1e-3, 60, 8);
    plot_log(to, "nothing", "kW", (const double[]){0, 0}, 2, 1e-3, 60, 2);
    fclose(to);
    assert_non_null(strstr(text, "●"));
    assert_non_null(strstr(text, "199 exchanges"));
    assert_null(strstr(text, "nan"));
    free(text);
}

static void test_stamp(void **state)
{
    (void)state;
    char text[STAMP_TEXT_MAX];
    assert_string_equal(stamp_format(INT64_C(1767323045678), text), "2026-01-02T03:04:05.678Z");
    assert_string_equal(stamp_format(0, text), "1970-01-01T00:00:00.000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_csv),
                                       cmocka_unit_test(test_table),
                                       cmocka_unit_test(test_no_blanks_at_the_end),
                                       cmocka_unit_test(test_table_grows),
                                       cmocka_unit_test(test_json_numbers),
                                       cmocka_unit_test(test_plot),
                                       cmocka_unit_test(test_stamp)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

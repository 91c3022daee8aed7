/* A board's own file: what is read, what is refused and how, what is written back; decimals are exact. */
#include "node-fw/node/decimal.h"
#include "node-fw/node/settings.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <string.h>

static uint64_t seed;

static const char l1[] = "# the first consumer\n"
                         "id 1\n"
                         "name L1\n"
                         "kind consumer          # or generator\n"
                         "omega 17.17            # $/kWh;      generator: beta\n"
                         "\tsigma\t0.0935\t# $/kWh/kW;   generator: alpha\r\n"
                         "pmax_kw 91.79\n"
                         "\n"
                         "on_link_loss hold      # hold | zero | fixed\n"
                         "fixed_kw 0             # for on_link_loss fixed\n"
                         "ramp_kw_per_s 2.5      # 0: no limit\n"
                         "state L1.state         # the boot counter, relative to this file";

static void test_the_documented_file(void **state)
{
    (void)state;
    struct settings s;
    struct settings_error e;
    assert_int_equal(settings_parse(bytes_of(l1), &e, &s), BB_OK);
    assert_int_equal(s.id, 1);
    assert_string_equal(s.name, "L1");
    assert_int_equal(s.parameters.kind, CURVE_CONSUMER);
    assert_int_equal(s.parameters.intercept, 17170000);
    assert_int_equal(s.parameters.slope, 93500);
    assert_int_equal(s.parameters.pmax, 91790000);
    assert_int_equal(s.on_link_loss, LINK_LOSS_HOLD);
    assert_int_equal(s.ramp_mw_per_s, 2500000);
    assert_string_equal(s.state, "L1.state");
}

static void test_written_settings_read_back_equal(void **state)
{
    (void)state;
    struct settings a, b;
    struct settings_error e;
    uint8_t text[SETTINGS_TEXT_MAX];
    struct writer w = writer_at(text, sizeof text);
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    assert_int_equal(settings_parse(bytes_of(l1), &e, &a), BB_OK);
    assert_int_equal(settings_format(&a, &w), BB_OK);
    assert_int_equal(settings_parse(written(&w), &e, &b), BB_OK);
    assert_int_equal(a.parameters.intercept, b.parameters.intercept);
    assert_int_equal(a.ramp_mw_per_s, b.ramp_mw_per_s);
    assert_string_equal(a.state, b.state);
    struct writer small = writer_at(text, 20);
    assert_int_equal(settings_format(&a, &small), BB_FULL);
}

/* Replaces the first line that begins with `key` by `line` ("" removes it). */
static const char *with(const char *key, const char *line)
{
    static char text[sizeof l1 + 4096];
    const char *at = strstr(l1, key);
    const char *end = strchr(at, '\n');
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - l1), l1, line, end ? end + (*line == '\0') : "");
    return text;
}

static const struct {
    const char *key, *line;
    unsigned at;
    enum status status;
    const char *text;
} faults[] = {
    {"id 1", "id 0", 2, BB_RANGE, "id: 0 is not a whole number 1 … 65534"},
    {"id 1", "id 65536", 2, BB_RANGE, "id: 65536 is not a whole number 1 … 65534"},
    {"id 1", "id", 2, BB_RANGE, "id: nothing is not a whole number 1 … 65534"},
    {"id 1", "id 1 2", 2, BB_MALFORMED, "id: one value is enough"},
    {"id 1", "", 0, BB_MALFORMED, "id: is missing"},
    {"id 1", "number 1", 2, BB_MALFORMED, "no such key: number"},
    {"name L1", "name L\"1", 3, BB_RANGE, "name: L\"1 is not 1 to 15 letters, digits, '-', '_' or '.'"},
    {"name L1", "name L123456789012345", 3, BB_RANGE,
     "name: L123456789012345 is not 1 to 15 letters, digits, '-', '_' or '.'"},
    {"kind", "kind prosumer #", 4, BB_RANGE, "kind: prosumer is not generator or consumer"},
    {"kind", "kind generator #", 5, BB_MALFORMED, "omega: belongs to the other kind of board"},
    {"omega", "omega 17,17", 5, BB_RANGE,
     "omega: 17,17 is not a number 0 … 4294.967295 with at most six decimals"},
    {"omega", "omega -1", 5, BB_RANGE, "omega: -1 is not a number 0 … 4294.967295 with at most six decimals"},
    {"omega", "omega 4294.967296", 5, BB_RANGE,
     "omega: 4294.967296 is not a number 0 … 4294.967295 with at most six decimals"},
    {"omega", "omega 1.1234567", 5, BB_RANGE,
     "omega: 1.1234567 is not a number 0 … 4294.967295 with at most six decimals"},
    {"omega", "omega 1e3", 5, BB_RANGE,
     "omega: 1e3 is not a number 0 … 4294.967295 with at most six decimals"},
    {"pmax_kw", "pmax_kw 1\npmax_kw 1", 8, BB_MALFORMED, "pmax_kw: is given twice"},
    {"on_link", "on_link_loss stop #", 9, BB_RANGE, "on_link_loss: stop is not hold, zero or fixed"},
    {"fixed_kw", "fixed_kw 92", 10, BB_RANGE, "fixed_kw: is more than pmax_kw"},
    {"fixed_kw 0             # for on_link_loss fixed", "on_link_loss fixed", 10, BB_MALFORMED,
     "on_link_loss: is given twice"},
};

static void test_refusals_name_line_and_range(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct settings s;
        struct settings_error e = {0};
        assert_int_equal(settings_parse(bytes_of(with(faults[i].key, faults[i].line)), &e, &s),
                         faults[i].status);
        assert_string_equal(e.text, faults[i].text);
        assert_int_equal(e.line, faults[i].at);
    }
}

static void test_whole_file_rules(void **state)
{
    (void)state;
    struct settings s;
    struct settings_error e;
    const char *fixed =
        "id 1\nname a\nkind generator\nbeta 1\nalpha 1\npmax_kw 1\nstate s\non_link_loss fixed\n";
    assert_int_equal(settings_parse(bytes_of(fixed), &e, &s), BB_MALFORMED);
    assert_string_equal(e.text, "fixed_kw: is missing, but on_link_loss is fixed");
    const char *steep = "id 1\nname a\nkind generator\nbeta 1\nalpha 4000\npmax_kw 4000\nstate s\n";
    assert_int_equal(settings_parse(bytes_of(steep), &e, &s), BB_RANGE);
    assert_string_equal(e.text, "alpha: beta + 2 alpha pmax_kw is more than 4294.967295");
    static uint8_t big[SETTINGS_TEXT_MAX + 1];
    memset(big, '#', sizeof big);
    assert_int_equal(settings_parse((struct bytes){big, sizeof big}, &e, &s), BB_RANGE);
    assert_string_equal(e.text, "the file: is longer than 4096 bytes");
    /* Least: nothing about the loss of the link means hold, and no ramp limit. */
    const char *least = "id 1\nname a\nkind generator\nbeta 1\nalpha 1\npmax_kw 1\nstate s\n";
    assert_int_equal(settings_parse(bytes_of(least), &e, &s), BB_OK);
    assert_int_equal(s.on_link_loss, LINK_LOSS_HOLD);
}

static void test_rewriting_keeps_the_rest(void **state)
{
    (void)state;
    uint8_t text[SETTINGS_TEXT_MAX];
    struct writer w = writer_at(text, sizeof text);
    struct curve_parameters p = {CURVE_CONSUMER, 100000, 18500000, 90000000};
    assert_int_equal(settings_rewrite(bytes_of(l1), &p, &w), BB_OK);
    write_u8(&w, 0);
    assert_non_null(strstr((char *)text, "# the first consumer\nid 1\n"));
    assert_non_null(strstr((char *)text, "omega 18.5            # $/kWh;      generator: beta\n"));
    assert_non_null(strstr((char *)text, "\tsigma\t0.1\t# $/kWh/kW;   generator: alpha\r\n"));
    assert_non_null(strstr((char *)text, "pmax_kw 90\n\non_link"));
    assert_non_null(strstr((char *)text, "state L1.state         # the boot counter, relative to this file"));
    struct settings s;
    struct settings_error e;
    assert_int_equal(settings_parse(bytes_of((char *)text), &e, &s), BB_OK);
    assert_int_equal(s.parameters.slope, 100000);
    struct writer small = writer_at(text, 100);
    assert_int_equal(settings_rewrite(bytes_of(l1), &p, &small), BB_FULL);
}

/* What `changes` make of a file, as one that is read back. */
static enum status merged(const char *text, const char *changes, struct settings *out)
{
    static uint8_t made[SETTINGS_TEXT_MAX];
    struct settings_error e;
    struct writer w = writer_at(made, sizeof made);
    if (settings_merge(bytes_of(text), bytes_of(changes), &w) != BB_OK)
        return BB_FULL;
    return settings_parse(written(&w), &e, out);
}

static void test_merging_changes_only_what_is_given(void **state)
{
    (void)state;
    struct settings s;
    const char *text = "# mine\nid 3\nname G\nkind generator\nbeta 1 # low\nalpha 2\npmax_kw 5";
    assert_int_equal(merged(text, "+\nbeta 4\nramp_kw_per_s 1\n", &s), BB_OK);
    assert_int_equal(s.id, 3);
    assert_int_equal(s.parameters.intercept, 4000000);
    assert_int_equal(s.parameters.pmax, 5000000);
    assert_int_equal(s.ramp_mw_per_s, 1000000);
    assert_string_equal(s.state, "");
    assert_int_equal(merged(text, "+", &s), BB_OK);
    assert_int_equal(s.parameters.intercept, 1000000);
    /* Without the plus it is another file, which must be whole. */
    assert_int_equal(merged(text, "beta 4\n", &s), BB_MALFORMED);
    assert_int_equal(merged(text, "+\nomega 4\n", &s), BB_MALFORMED);
    assert_int_equal(merged("", "+\nbeta 4\n", &s), BB_MALFORMED);
    assert_int_equal(merged(text, "id 9\nname H\nkind generator\nbeta 1\nalpha 2\npmax_kw 5", &s), BB_OK);
    assert_int_equal(s.id, 9);
    uint8_t small[20];
    struct writer w = writer_at(small, sizeof small);
    assert_int_equal(settings_merge(bytes_of(text), bytes_of("+\nbeta 4"), &w), BB_FULL);
}

static void test_agreeing_looks_at_every_line(void **state)
{
    (void)state;
    struct bytes text = bytes_of("+\n# id 7\n\tid 1 # mine\r\npmax_kw 7\nid 1");
    assert_true(settings_agree(text, "id", "1"));
    assert_true(settings_agree(text, "name", "L1"));
    assert_false(settings_agree(text, "id", "7"));
    assert_false(settings_agree(text, "id", "11"));
    assert_false(settings_agree(text, "pmax_kw", "1"));
    assert_false(settings_agree(bytes_of("id 1\nid 7"), "id", "1"));
    assert_false(settings_agree(bytes_of("id"), "id", "1"));
    assert_true(settings_agree(bytes_of(""), "id", "1"));
}

static void test_decimals_are_exact(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint8_t text[24];
        struct writer w = writer_at(text, sizeof text);
        uint32_t value = (uint32_t)(seed_next(&seed) >> seed_below(&seed, 32)), back = 1;
        unsigned places = seed_below(&seed, 7);
        decimal_write(&w, value, places);
        assert_true(w.ok);
        assert_int_equal(decimal_parse(written(&w), places, &back), BB_OK);
        assert_int_equal(back, value);
    }
    uint32_t out = 5;
    assert_int_equal(decimal_parse(bytes_of("4294.967295"), 6, &out), BB_OK);
    assert_int_equal(out, UINT32_MAX);
    assert_int_equal(decimal_parse(bytes_of("99999999999999999999999"), 6, &out), BB_RANGE);
    const char *const bad[] = {"", ".", "1.", ".5", "1..2", "1.2.3", " 1", "+1", "0x1", "1.0000000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(decimal_parse(bytes_of(bad[i]), 6, &out), BB_MALFORMED);
    assert_int_equal(out, UINT32_MAX);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_documented_file),
        cmocka_unit_test(test_written_settings_read_back_equal),
        cmocka_unit_test(test_refusals_name_line_and_range),
        cmocka_unit_test(test_whole_file_rules),
        cmocka_unit_test(test_rewriting_keeps_the_rest),
        cmocka_unit_test(test_merging_changes_only_what_is_given),
        cmocka_unit_test(test_agreeing_looks_at_every_line),
        cmocka_unit_test(test_decimals_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

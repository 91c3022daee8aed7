#include "bus/client/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct kitchen {
    char *name;
    int64_t period_ms;
    double gain;
    bool loud;
    int colour;
    struct setting_list ports;
};

static const char *const colours[] = {"red", "green", NULL};
static const struct setting settings[] = {
    {"name", SETTING_TEXT, offsetof(struct kitchen, name), 1, 8, NULL, "pan", NULL, "what it is called"},
    {"period_ms", SETTING_INTEGER, offsetof(struct kitchen, period_ms), 10, 60000, "ms", "100", NULL,
     "pause"},
    {"gain", SETTING_REAL, offsetof(struct kitchen, gain), 0, 1, NULL, "0.5", NULL, "how much"},
    {"loud", SETTING_SWITCH, offsetof(struct kitchen, loud), 0, 0, NULL, NULL, NULL, "noise"},
    {"colour", SETTING_WORD, offsetof(struct kitchen, colour), 0, 0, NULL, "green", colours, "paint"},
    {"ports", SETTING_LIST, offsetof(struct kitchen, ports), 0, 3, NULL, "a b", NULL, "doors"},
};
static const struct config config = {"kitchen", "cooks.", settings, sizeof settings / sizeof *settings};

static char file[] = "/tmp/bb-config-XXXXXX";

static void put(const char *text)
{
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static enum status load(const char *text, struct kitchen *out, struct bb_reason *reason)
{
    put(text);
    memset(out, 0, sizeof *out);
    config_defaults(&config, out);
    return config_file(&config, file, out, reason);
}

static void defaults_come_from_the_table(void **state)
{
    (void)state;
    struct kitchen k = {0};
    config_defaults(&config, &k);
    assert_string_equal(k.name, "pan");
    assert_int_equal(k.period_ms, 100);
    assert_true(k.gain == 0.5 && !k.loud);
    assert_int_equal(k.colour, 1);
    assert_int_equal(k.ports.count, 2);
    assert_string_equal(k.ports.items[1], "b");
    config_free(&config, &k);
    assert_null(k.name);
}

static void a_file_sets_every_kind(void **state)
{
    (void)state;
    struct kitchen k;
    struct bb_reason reason = {""};
    assert_int_equal(load("{\"name\":\"pot\",\"period_ms\":20,\"gain\":1,\"loud\":true,\"colour\":\"red\","
                          "\"ports\":[\"x\"]}",
                          &k, &reason),
                     BB_OK);
    assert_string_equal(k.name, "pot");
    assert_true(k.period_ms == 20 && k.gain == 1 && k.loud && k.colour == 0 && k.ports.count == 1);
    config_free(&config, &k);
}

static void every_refusal_names_file_line_and_range(void **state)
{
    (void)state;
    static const struct {
        const char *text, *where, *expected;
        enum status status;
    } cases[] = {
        {"{\n\n \"perid_ms\": 3}", ":3:", "unknown key \"perid_ms\"", BB_MALFORMED},
        {"{\n \"name\": \"period_ms\",\n \"period_ms\": 9}", ":2:", "a text of 1 to 8 bytes", BB_RANGE},
        {"{\n \"name\": \"a\",\n \"period_ms\": 9}", ":3:", "an integer from 10 to 60000 ms", BB_RANGE},
        {"{\"period_ms\": \"9\"}", ":1:", "an integer", BB_MALFORMED},
        {"{\"period_ms\": 10.0}", ":1:", "an integer", BB_MALFORMED},
        {"{\"gain\": 1.5}", ":1:", "a number from 0 to 1", BB_RANGE},
        {"{\"loud\": 1}", ":1:", "true or false", BB_MALFORMED},
        {"{\"colour\": \"blue\"}", ":1:", "one of red, green", BB_RANGE},
        {"{\"ports\": [1]}", ":1:", "a list of 0 to 3 texts", BB_MALFORMED},
        {"{\"ports\": [\"1\",\"2\",\"3\",\"4\"]}", ":1:", "a list of 0 to 3 texts", BB_RANGE},
        {"{\n\"loud\": true,\n\"loud\": true}", ":3:", "duplicate", BB_MALFORMED},
        {"{\n\"loud\": tru}", ":2:", "", BB_MALFORMED},
        {"[]", ":1:", "JSON object", BB_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kitchen k;
        struct bb_reason reason = {""};
        assert_int_equal(load(cases[i].text, &k, &reason), cases[i].status);
        assert_non_null(strstr(reason.text, file));
        assert_non_null(strstr(reason.text, cases[i].where));
        assert_non_null(strstr(reason.text, cases[i].expected));
        config_free(&config, &k);
    }
}

static enum status start(struct kitchen *k, bool *done, struct bb_reason *reason, int argc, const char **argv)
{
    memset(k, 0, sizeof *k);
    return config_start(&config, argc, (char **)(uintptr_t)argv, NULL, k, done, reason);
}

static void flags_win_over_the_file(void **state)
{
    (void)state;
    struct kitchen k;
    struct bb_reason reason = {""};
    bool done = true;
    put("{\"name\":\"pot\",\"period_ms\":20,\"ports\":[\"f\"]}");
    const char *argv[] = {"kitchen", "--period-ms", "30",      "--config", file,
                          "--loud",  "--ports=x",   "--ports", "y",        NULL};
    assert_int_equal(start(&k, &done, &reason, 9, argv), BB_OK);
    assert_false(done);
    assert_string_equal(k.name, "pot");
    assert_true(k.period_ms == 30 && k.loud && k.ports.count == 2);
    assert_string_equal(k.ports.items[0], "x");
    config_free(&config, &k);
}

static void stray_and_wrong_arguments_are_refused(void **state)
{
    (void)state;
    const char *lines[][3] = {{"kitchen", "stray", NULL},
                              {"kitchen", "--nothing", "1"},
                              {"kitchen", "--period-ms", "5"},
                              {"kitchen", "--period-ms", "5x"},
                              {"kitchen", "--period-ms", "99999999999999999999"},
                              {"kitchen", "--config", NULL},
                              {"kitchen", "--gain", "nan"},
                              {"kitchen", "--config", "/nowhere/at.all"}};
    static const enum status expected[] = {BB_MALFORMED, BB_NOT_FOUND, BB_RANGE, BB_MALFORMED,
                                           BB_RANGE,     BB_MALFORMED, BB_RANGE, BB_NOT_FOUND};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct kitchen k;
        struct bb_reason reason = {""};
        bool done;
        assert_int_equal(start(&k, &done, &reason, lines[i][2] != NULL ? 3 : 2, lines[i]), expected[i]);
        assert_true(strlen(reason.text) > 10);
        config_free(&config, &k);
    }
}

static void what_is_printed_loads_again(void **state)
{
    (void)state;
    struct kitchen k, again;
    struct bb_reason reason = {""};
    assert_int_equal(load("{\"gain\":0.1,\"colour\":\"red\",\"ports\":[\"u\",\"v\"]}", &k, &reason), BB_OK);
    FILE *f = fopen(file, "w");
    config_print(&config, &k, f);
    fclose(f);
    memset(&again, 0, sizeof again);
    config_defaults(&config, &again);
    assert_int_equal(config_file(&config, file, &again, &reason), BB_OK);
    assert_true(again.gain == 0.1 && again.colour == 0 && again.ports.count == 2);
    config_free(&config, &k);
    config_free(&config, &again);
}

static void the_help_lists_every_setting(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    config_help(&config, f);
    fclose(f);
    for (size_t i = 0; i < config.count; i++) {
        assert_non_null(strstr(text, settings[i].key));
        assert_non_null(strstr(text, settings[i].help));
    }
    assert_non_null(strstr(text, "10 to 60000 ms [100]"));
    free(text);
}

static void the_home_is_found_in_this_order(void **state)
{
    (void)state;
    char path[64];
    setenv("HOME", "/u", 1);
    unsetenv("BUSBAR_HOME");
    assert_int_equal(config_home(NULL, "site.json", path, sizeof path), BB_OK);
    assert_string_equal(path, "/u/.local/share/busbar/site.json");
    setenv("BUSBAR_HOME", "/h", 1);
    assert_int_equal(config_home(NULL, "", path, sizeof path), BB_OK);
    assert_string_equal(path, "/h");
    assert_int_equal(config_home("/g", "run", path, sizeof path), BB_OK);
    assert_string_equal(path, "/g/run");
    assert_int_equal(config_home("/g", "run", path, 6), BB_RANGE);
    for (size_t i = 0; i < 3; i++) {
        static const char *const given[] = {"tokens.json", "/etc/tokens.json", ""};
        static const char *const placed[] = {"/g/tokens.json", "/etc/tokens.json", ""};
        struct bb_reason reason = {""};
        char *setting = strdup(given[i]);
        assert_int_equal(config_place("/g", &setting, &reason), BB_OK);
        assert_string_equal(setting, placed[i]);
        free(setting);
    }
    unsetenv("BUSBAR_HOME");
    unsetenv("HOME");
    assert_int_equal(config_home(NULL, "x", path, sizeof path), BB_NOT_FOUND);
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(file);
    return fd >= 0 ? close(fd) : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_come_from_the_table),
        cmocka_unit_test(a_file_sets_every_kind),
        cmocka_unit_test(every_refusal_names_file_line_and_range),
        cmocka_unit_test(flags_win_over_the_file),
        cmocka_unit_test(stray_and_wrong_arguments_are_refused),
        cmocka_unit_test(what_is_printed_loads_again),
        cmocka_unit_test(the_help_lists_every_setting),
        cmocka_unit_test(the_home_is_found_in_this_order),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}

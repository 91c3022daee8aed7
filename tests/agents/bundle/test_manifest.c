/* manifest.json: what is taken with which defaults, and each refusal with its line. */
#include "agents/bundle/manifest.h"
#include "tests/link/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status read_text(const char *text, struct bb_reason *reason, struct manifest *out)
{
    return manifest_read("manifest.json", bytes_of(text), reason, out);
}

/* A manifest of a name, a release, a command and `more`, on its second line. */
static void refused(const char *more, enum status expected, const char *sentence)
{
    char text[4096];
    struct bb_reason reason = {""};
    struct manifest manifest;
    snprintf(text, sizeof text, "{\"version\":1,\"name\":\"a\",\"release\":\"1\",\"command\":[\"./a\"]%s%s}",
             *more ? ",\n" : "", more);
    enum status status = read_text(text, &reason, &manifest);
    if (status == BB_OK)
        manifest_free(&manifest);
    if (status != expected || strstr(reason.text, sentence) == NULL)
        fail_msg("%s: %s: %s", more, bb_status_word(status), reason.text);
}

static void test_defaults(void **state)
{
    (void)state;
    struct bb_reason reason;
    struct manifest m;
    assert_int_equal(
        read_text(
            "{\"version\":1,\"name\":\"a.b-c\",\"release\":\"1.0~rc+1\",\"command\":[\"./run\",\"x y\"]}",
            &reason, &m),
        BB_OK);
    assert_string_equal(m.name, "a.b-c");
    assert_string_equal(m.identity, "a.b-c");
    assert_string_equal(m.release, "1.0~rc+1");
    assert_string_equal(m.summary, "");
    assert_int_equal(m.command_count, 2);
    assert_string_equal(m.command[1], "x y");
    assert_null(m.command[2]);
    assert_int_equal(m.limits.memory_mb, 256);
    assert_int_equal(m.limits.cpu_percent, 100);
    assert_int_equal(m.limits.files, 256);
    assert_int_equal(m.limits.processes, 16);
    assert_int_equal(m.limits.messages_per_s, 1000);
    assert_int_equal(m.priority, 50);
    assert_int_equal(m.stop_s, 5);
    assert_false(m.once);
    assert_null(m.config);
    manifest_free(&m);
}

static void test_everything(void **state)
{
    (void)state;
    struct bb_reason reason;
    struct manifest m;
    const char *text =
        "{\"version\":1,\"name\":\"listener\",\"release\":\"1.0.0\",\"summary\":\"prints what is on the "
        "bus\",\n"
        "\"identity\":\"Listener_1\",\"command\":[\"/usr/bin/python3\",\"main.py\"],\n"
        "\"publish\":[\"heartbeat/listener\"],\"subscribe\":[\"Data/\",\"\"],\"capabilities\":[\"agents\"],\n"
        "\"limits\":{\"memory_mb\":64,\"cpu_percent\":50,\"files\":64,\"processes\":8,\"messages_per_s\":10},"
        "\n"
        "\"priority\":0,\"stop_s\":600,\"once\":true,\"config\":{\"type\":\"object\",\"properties\":{\"p\":{"
        "\"default\":1}}}}";
    json_t *filled = NULL;
    assert_int_equal(read_text(text, &reason, &m), BB_OK);
    assert_string_equal(m.identity, "Listener_1");
    assert_int_equal(m.publish.count, 1);
    assert_int_equal(m.subscribe.count, 2);
    assert_string_equal(m.subscribe.items[1], "");
    assert_string_equal(m.capabilities.items[0], "agents");
    assert_int_equal(m.limits.messages_per_s, 10);
    assert_true(m.once);
    assert_int_equal(m.priority, 0);
    assert_int_equal(manifest_configure(&m, NULL, &reason, &filled), BB_OK);
    assert_int_equal(json_integer_value(json_object_get(filled, "p")), 1);
    json_decref(filled);
    manifest_free(&m);
}

static void test_texts(void **state)
{
    (void)state;
    refused("\"summary\":1", BB_MALFORMED, "manifest.json:2: \"summary\" expects a line");
    refused("\"summary\":\"a\\u001bb\"", BB_RANGE, "manifest.json:2: \"summary\"");
    refused("\"summary\":\"a\\u0085b\"", BB_RANGE, "manifest.json:2: \"summary\"");
    refused("\"summary\":\"a\\u202eb\"", BB_RANGE, "manifest.json:2: \"summary\"");
    refused("\"publish\":[\"a\\u2066b\"]", BB_RANGE, "manifest.json:2: \"publish\"");
    refused("\"summary\":\"\\u2013 \\u00a0 \\u20ac\",\"stop_s\":0", BB_RANGE, "\"stop_s\"");
    refused("\"identity\":\"a b\"", BB_RANGE, "manifest.json:2: \"identity\" expects an identity");
    refused("\"identity\":\"\"", BB_RANGE, "\"identity\"");
    refused("\"identity\":\"true\"", BB_RANGE, "\"identity\"");
    refused("\"once\":1", BB_MALFORMED, "manifest.json:2: \"once\" expects true or false");
    refused("\"unknown\":1", BB_MALFORMED, "manifest.json:2: unknown key \"unknown\"");
    refused("\"name\":\"b\"", BB_MALFORMED, "manifest.json:2: duplicate");
    refused("\"x\"", BB_MALFORMED, "manifest.json:2:");
}

static void test_lists_and_numbers(void **state)
{
    (void)state;
    refused("\"publish\":\"a\"", BB_MALFORMED, "manifest.json:2: \"publish\" expects a list");
    refused("\"publish\":[1]", BB_MALFORMED, "\"publish\"");
    refused("\"subscribe\":[\"a*\"]", BB_RANGE, "without *");
    refused("\"capabilities\":[\"a=b\"]", BB_RANGE, "\"capabilities\"");
    refused("\"capabilities\":[\"\"]", BB_RANGE, "\"capabilities\"");
    refused("\"limits\":[]", BB_MALFORMED, "\"limits\" expects an object");
    refused("\"limits\":{\"memory\":1}", BB_MALFORMED, "unknown key \"memory\"");
    refused("\"limits\":{\"memory_mb\":0}", BB_RANGE, "\"memory_mb\" expects an integer from 1 to 65536");
    refused("\"limits\":{\"files\":1e3}", BB_MALFORMED, "\"files\" expects an integer");
    refused("\"limits\":{\"processes\":99999999999999999}", BB_RANGE, "\"processes\"");
    refused("\"priority\":101", BB_RANGE, "\"priority\" expects an integer from 0 to 100");
    refused("\"stop_s\":0", BB_RANGE, "\"stop_s\"");
}

static void test_config_schemas(void **state)
{
    (void)state;
    refused("\"config\":true", BB_MALFORMED, "\"config\" expects a schema");
    refused("\"config\":{}", BB_MALFORMED, "whose \"type\" is \"object\"");
    refused("\"config\":{\"type\":\"object\",\n\"properties\":{\"a\":{\n\"format\":\"date\"}}}", BB_MALFORMED,
            "manifest.json:4: config: properties.a.format: is not of the subset");
}

/* What is needed, and the first lines. */
static void test_needed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
        enum status status;
    } cases[] = {
        {"", "manifest.json:1:", BB_MALFORMED},
        {"[]", "expected an object", BB_MALFORMED},
        {"{\"name\":\"a\",\"release\":\"1\",\"command\":[\"./a\"]}", "\"version\" is needed", BB_MALFORMED},
        {"{\"version\":2,\"name\":\"a\",\"release\":\"1\",\"command\":[\"./a\"]}", "\"version\" is not 1",
         BB_VERSION},
        {"{\"version\":1,\"release\":\"1\",\"command\":[\"./a\"]}", "\"name\" is needed", BB_MALFORMED},
        {"{\"version\":1,\"name\":\"A\",\"release\":\"1\",\"command\":[\"./a\"]}", "\"name\" expects",
         BB_RANGE},
        {"{\"version\":1,\"name\":\"../a\",\"release\":\"1\",\"command\":[\"./a\"]}", "\"name\" expects",
         BB_RANGE},
        {"{\"version\":1,\"name\":\"a\",\"command\":[\"./a\"]}", "\"release\" is needed", BB_MALFORMED},
        {"{\"version\":1,\"name\":\"a\",\"release\":\"1/2\",\"command\":[\"./a\"]}", "\"release\" expects",
         BB_RANGE},
        {"{\"version\":1,\"name\":\"a\",\"release\":\"1\"}", "\"command\" is needed", BB_MALFORMED},
        {"{\"version\":1,\"name\":\"a\",\"release\":\"1\",\"command\":[]}", "\"command\" is needed",
         BB_MALFORMED},
        {"{\"version\":1,\"name\":\"a\",\"release\":\"1\",\"command\":[\"a\"]}",
         "begins with a file of the bundle", BB_RANGE},
        {"{\"version\":1,\"name\":\"a\",\"release\":\"1\",\"command\":[\"./\"]}",
         "begins with a file of the bundle", BB_RANGE},
        {"{\"version\":1,\"name\":\"a\",\"release\":\"1\",\"command\":[\"./a\",1]}",
         "list of at most 64 words", BB_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bb_reason reason = {""};
        struct manifest manifest;
        enum status status = read_text(cases[i].text, &reason, &manifest);
        if (status != cases[i].status || strstr(reason.text, cases[i].sentence) == NULL)
            fail_msg("%s: %s: %s", cases[i].text, bb_status_word(status), reason.text);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    struct bb_reason reason = {""};
    struct manifest manifest;
    struct bytes large = {calloc(1, MANIFEST_SIZE_MAX + 1), MANIFEST_SIZE_MAX + 1};
    assert_non_null(large.data);
    assert_int_equal(manifest_read("m", large, &reason, &manifest), BB_FULL);
    free((void *)large.data);
    char name[80], text[256];
    memset(name, 'a', sizeof name);
    for (int length = 63; length < 65; length++) {
        snprintf(text, sizeof text,
                 "{\"version\":1,\"name\":\"%.*s\",\"release\":\"1\",\"command\":[\"./a\"]}", length, name);
        enum status status = read_text(text, &reason, &manifest);
        assert_int_equal(status, length == 63 ? BB_OK : BB_RANGE);
        if (status == BB_OK)
            manifest_free(&manifest);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "0", "a.b", "a-b", "a..b", "a-"};
    static const char *const bad[] = {"", ".", "..", ".a", "-a", "A", "a/b", "a b", "ä", "a\n", "a_b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(manifest_is_name(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(manifest_is_name(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),       cmocka_unit_test(test_everything),
        cmocka_unit_test(test_texts),          cmocka_unit_test(test_lists_and_numbers),
        cmocka_unit_test(test_config_schemas), cmocka_unit_test(test_needed),
        cmocka_unit_test(test_sizes),          cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The subset of JSON Schema: what is taken, what is refused and where, and that defaults are filled in. */
#include "agents/bundle/schema.h"
#include "tests/link/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *parsed(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &error);
    if (value == NULL)
        fail_msg("%s: %s", text, error.text);
    return value;
}

static void check_schema(const char *text, enum status expected, const char *place, const char *word)
{
    struct schema_fault fault;
    json_t *schema = parsed(text);
    enum status status = schema_check(schema, &fault);
    json_decref(schema);
    if (status != expected)
        fail_msg("%s: %s", text, bb_status_word(status));
    if (status == BB_OK)
        return;
    if (strcmp(fault.place, place) != 0 || strstr(fault.text, word) == NULL)
        fail_msg("%s: \"%s\": %s", text, fault.place, fault.text);
}

/* `expected` is the filled value, or "place: words of the fault". */
static void check_value(const char *schema_text, const char *value_text, enum status expected,
                        const char *result)
{
    struct schema_fault fault;
    struct bb_reason reason;
    json_t *schema = schema_text != NULL ? parsed(schema_text) : NULL, *value = parsed(value_text),
           *filled = NULL;
    if (schema != NULL)
        assert_int_equal(schema_check(schema, &fault), BB_OK);
    enum status status = schema_fill(schema, value, &fault, &filled);
    if (status != expected)
        fail_msg("%s: %s", value_text, bb_status_word(status));
    if (status == BB_OK) {
        char *text = json_dumps(filled, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
        assert_string_equal(text, result);
        free(text);
    } else {
        schema_tell(&fault, "config", &reason);
        if (strstr(reason.text, result) == NULL)
            fail_msg("%s: %s", value_text, reason.text);
    }
    json_decref(filled);
    json_decref(schema);
    json_decref(value);
}

static void test_takes_the_subset(void **state)
{
    (void)state;
    check_schema("{}", BB_OK, "", "");
    check_schema(
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":[\"integer\",\"null\"],\"minimum\":0,"
        "\"maximum\":9,"
        "\"default\":null,\"description\":\"x\"}},\"required\":[\"a\"],\"additionalProperties\":false}",
        BB_OK, "", "");
    check_schema("{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":3,\"enum\":[\"a\",\"b\"]},"
                 "\"default\":[\"a\"]}",
                 BB_OK, "", "");
    check_schema("{\"additionalProperties\":{\"type\":\"number\"}}", BB_OK, "", "");
}

static void test_refuses_what_is_not_of_it(void **state)
{
    (void)state;
    check_schema("[]", BB_MALFORMED, "", "a schema");
    check_schema("{\"pattern\":\"x\"}", BB_MALFORMED, "pattern", "not of the subset");
    check_schema("{\"properties\":{\"a\":{\"$ref\":\"#\"}}}", BB_MALFORMED, "properties.a.$ref",
                 "not of the subset");
    check_schema("{\"type\":\"text\"}", BB_MALFORMED, "type", "expected a type");
    check_schema("{\"type\":[]}", BB_MALFORMED, "type", "expected a type");
    check_schema("{\"type\":[\"object\",1]}", BB_MALFORMED, "type", "expected a type");
    check_schema("{\"properties\":[]}", BB_MALFORMED, "properties", "expected an object");
    check_schema("{\"properties\":{\"a\":1}}", BB_MALFORMED, "properties.a", "a schema");
    check_schema("{\"required\":\"a\"}", BB_MALFORMED, "required", "list of names");
    check_schema("{\"required\":[1]}", BB_MALFORMED, "required", "list of names");
    check_schema("{\"additionalProperties\":1}", BB_MALFORMED, "additionalProperties", "a schema");
    check_schema("{\"items\":true}", BB_MALFORMED, "items", "a schema");
    check_schema("{\"enum\":[]}", BB_MALFORMED, "enum", "list of values");
    check_schema("{\"minimum\":\"1\"}", BB_MALFORMED, "minimum", "a number");
    check_schema("{\"maxLength\":-1}", BB_MALFORMED, "maxLength", "0 or more");
    check_schema("{\"maxLength\":1.5}", BB_MALFORMED, "maxLength", "0 or more");
    check_schema("{\"description\":1}", BB_MALFORMED, "description", "a string");
    check_schema("{\"type\":\"integer\",\"default\":\"1\"}", BB_MALFORMED, "default", "expected an integer");
    check_schema("{\"properties\":{\"a\":{\"items\":{\"minimum\":3},\"default\":[4,2]}}}", BB_MALFORMED,
                 "properties.a.default", "[1]: is less");
    check_schema("{\"properties\":{\"a\\u001b[2J\":{\"x\":1}}}", BB_MALFORMED, "properties.a?[2J.x",
                 "not of the subset");
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    char text[4096] = "";
    for (int depth = 0; depth < 40; depth++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "{\"items\":");
    snprintf(text + strlen(text), sizeof text - strlen(text), "{}");
    for (int depth = 0; depth < 40; depth++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "}");
    struct schema_fault fault;
    json_t *schema = parsed(text), *filled = NULL;
    assert_int_equal(schema_check(schema, &fault), BB_MALFORMED);
    assert_non_null(strstr(fault.text, "nested more than 16"));
    json_decref(schema);
    char value[128] = "{\"a\":";
    memset(value + 5, '[', 40);
    memset(value + 45, ']', 40);
    memcpy(value + 85, "}", 2);
    json_t *deep = parsed(value), *open = parsed("{}");
    assert_int_equal(schema_fill(open, deep, &fault, &filled), BB_MALFORMED);
    assert_non_null(strstr(fault.text, "nested more than 16"));
    json_decref(deep);
    json_decref(open);
}

static void test_fills_defaults(void **state)
{
    (void)state;
    const char *schema =
        "{\"type\":\"object\",\"properties\":{\"host\":{\"type\":\"string\",\"default\":\"here\"},"
        "\"scan\":{\"type\":\"object\",\"properties\":{\"every_s\":{\"type\":\"number\",\"default\":1.5},"
        "\"n\":{\"type\":\"integer\"}},"
        "\"default\":{\"n\":2}},\"list\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
        "\"x\":{\"default\":0}}}}},"
        "\"required\":[\"host\"],\"additionalProperties\":false}";
    check_value(schema, "{}", BB_OK, "{\"host\":\"here\",\"scan\":{\"every_s\":1.5,\"n\":2}}");
    check_value(schema, "{\"host\":\"there\",\"scan\":{},\"list\":[{},{\"x\":1}]}", BB_OK,
                "{\"host\":\"there\",\"list\":[{\"x\":0},{\"x\":1}],\"scan\":{\"every_s\":1.5}}");
}

static void test_names_the_place(void **state)
{
    (void)state;
    const char *schema = "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":1,"
                         "\"maximum\":9007199254740993},"
                         "\"w\":{\"enum\":[\"on\",\"off\",1]},\"s\":{\"type\":\"string\",\"maxLength\":3},"
                         "\"l\":{\"type\":\"array\",\"items\":{\"type\":[\"number\",\"null\"]}},"
                         "\"o\":{\"type\":\"object\",\"required\":[\"k\"]}},\"additionalProperties\":false}";
    check_value(schema, "{\"n\":0}", BB_MALFORMED, "config: n: is less than the minimum, 1");
    check_value(schema, "{\"n\":9007199254740993}", BB_OK, "{\"n\":9007199254740993}");
    check_value(schema, "{\"n\":9007199254740994}", BB_MALFORMED, "config: n: is more than the maximum");
    check_value(schema, "{\"n\":1.0}", BB_MALFORMED, "config: n: expected an integer");
    check_value(schema, "{\"w\":\"of\"}", BB_MALFORMED, "config: w: expected one of [\"on\",\"off\",1]");
    check_value(schema, "{\"s\":\"äöü\"}", BB_OK, "{\"s\":\"äöü\"}");
    check_value(schema, "{\"s\":\"abcd\"}", BB_MALFORMED, "config: s: is longer than 3 characters");
    check_value(schema, "{\"l\":[1,null,\"x\"]}", BB_MALFORMED, "config: l[2]: expected a number or null");
    check_value(schema, "{\"o\":{}}", BB_MALFORMED, "config: o.k: is needed");
    check_value(schema, "{\"more\":1}", BB_MALFORMED, "config: more: is not a setting of this agent");
    check_value(schema, "[]", BB_MALFORMED, "config: expected an object");
    check_value(NULL, "{}", BB_OK, "{}");
    check_value(NULL, "{\"a\":1}", BB_MALFORMED, "config: a: this agent has no settings");
    check_value(NULL, "[]", BB_MALFORMED, "expected an object");
}

static void test_additional_properties(void **state)
{
    (void)state;
    check_value("{\"type\":\"object\"}", "{\"a\":{\"b\":[1]}}", BB_OK, "{\"a\":{\"b\":[1]}}");
    check_value("{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"a\":1}", BB_OK, "{\"a\":1}");
    check_value("{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"a\":1.5}", BB_MALFORMED,
                "config: a: expected an integer");
}

/* A short schema and a short value that would make gigabytes, or take minutes. */
static void test_products_are_bounded(void **state)
{
    (void)state;
    struct schema_fault fault;
    json_t *filled = NULL, *properties = json_object(), *list = json_array(), *choices = json_array(),
           *ones = json_array();
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        json_object_set_new(properties, name, json_pack("{s:i}", "default", i));
        json_array_append_new(list, json_object());
    }
    json_t *schema = json_pack("{s:{s:o}}", "items", "properties", properties);
    assert_int_equal(schema_check(schema, &fault), BB_OK);
    assert_int_equal(schema_fill(schema, list, &fault, &filled), BB_FULL);
    assert_non_null(strstr(fault.text, "more than 65536 values"));
    json_decref(schema);
    for (int i = 0; i < 20000; i++) {
        json_array_append_new(choices, json_integer(i + 1));
        json_array_append_new(ones, json_integer(20000));
    }
    schema = json_pack("{s:{s:o}}", "items", "enum", choices);
    assert_int_equal(schema_check(schema, &fault), BB_OK);
    assert_int_equal(schema_fill(schema, ones, &fault, &filled), BB_FULL);
    assert_non_null(strstr(fault.text, "too long"));
    json_decref(schema);
    json_decref(list);
    json_decref(ones);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_the_subset),     cmocka_unit_test(test_refuses_what_is_not_of_it),
        cmocka_unit_test(test_depth_is_bounded),     cmocka_unit_test(test_fills_defaults),
        cmocka_unit_test(test_names_the_place),      cmocka_unit_test(test_additional_properties),
        cmocka_unit_test(test_products_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

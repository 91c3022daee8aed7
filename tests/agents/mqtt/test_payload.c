/* Messages as payloads and payloads as messages. */
#include "agents/mqtt/payload.h"

#include "bus/client/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void to_mqtt(enum map_form form, const char *message, const void *wanted, size_t size)
{
    struct payload_source from = {"Data/\"x", "dg-agent", "{\"a\":1.50}", message};
    uint8_t *data = NULL;
    size_t got = 0;
    assert_int_equal(payload_to_mqtt(form, &from, &data, &got), BB_OK);
    assert_int_equal(got, size);
    assert_memory_equal(data, wanted, size);
    free(data);
}

#define TO_MQTT(form, message, wanted) to_mqtt(form, message, wanted, sizeof(wanted) - 1)

static void test_out(void **state)
{
    (void)state;
    TO_MQTT(MAP_MESSAGE, "{\"kw\":52.40}", "{\"kw\":52.40}");
    TO_MQTT(MAP_MESSAGE, "\"ON\"", "\"ON\"");
    TO_MQTT(MAP_MESSAGE, "null", "null");
    TO_MQTT(MAP_ENVELOPE, "[1.0]",
            "{\"topic\":\"Data/\\\"x\",\"sender\":\"dg-agent\",\"headers\":{\"a\":1.50},\"message\":[1.0]}");
    TO_MQTT(MAP_PLAIN, "\"ON\\n\"", "ON\n");
    TO_MQTT(MAP_PLAIN, " \"\"", "");
    TO_MQTT(MAP_PLAIN, "null", "");
    TO_MQTT(MAP_PLAIN, "21.50", "21.50");
    TO_MQTT(MAP_PLAIN, "{\"base64\":\"AP8=\"}", "\0\xff");
    TO_MQTT(MAP_PLAIN, "{\"base64\":\"AP8=\",\"x\":1}", "{\"base64\":\"AP8=\",\"x\":1}");
    TO_MQTT(MAP_PLAIN, "{\"base64\":\"!\"}", "{\"base64\":\"!\"}");
    TO_MQTT(MAP_PLAIN, "{\"base64\":1}", "{\"base64\":1}");
}

static void test_topic_that_is_no_text(void **state)
{
    (void)state;
    struct payload_source from = {"\xff", "x", "{}", "1"};
    uint8_t *data = NULL;
    size_t size;
    assert_int_equal(payload_to_mqtt(MAP_ENVELOPE, &from, &data, &size), BB_MALFORMED);
    assert_null(data);
}

static void to_bus(const void *payload, size_t size, const char *wanted)
{
    char *message = NULL, *headers = NULL;
    assert_int_equal(payload_to_bus(MAP_MESSAGE, (struct bytes){payload, size}, &message, &headers), BB_OK);
    assert_string_equal(message, wanted);
    assert_true(envelope_valid(message, false));
    assert_null(headers);
    free(message);
}

#define TO_BUS(payload, wanted) to_bus(payload, sizeof(payload) - 1, wanted)

static void test_in(void **state)
{
    (void)state;
    TO_BUS("{\"kw\":1.50}", "{\"kw\":1.50}");
    TO_BUS("21.5", "21.5");
    TO_BUS("1e999", "1e999");
    TO_BUS("ON", "\"ON\"");
    TO_BUS("NaN", "\"NaN\"");
    TO_BUS("", "null");
    TO_BUS("say \"\\\n", "\"say \\\"\\\\\\n\"");
    TO_BUS("\xc3\xa4", "\"\xc3\xa4\"");
    TO_BUS("\x00\xff", "{\"base64\":\"AP8=\"}");
    TO_BUS("{\"a\":1}\0", "{\"base64\":\"eyJhIjoxfQA=\"}");
    TO_BUS("\xff", "{\"base64\":\"/w==\"}");
    TO_BUS("{\"a\":", "\"{\\\"a\\\":\"");
}

static void test_deep(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    uint8_t *deep = malloc(DEPTH);
    char *message = NULL, *headers = NULL;
    memset(deep, '[', DEPTH);
    assert_int_equal(payload_to_bus(MAP_MESSAGE, (struct bytes){deep, DEPTH}, &message, &headers), BB_OK);
    assert_int_equal(message[0], '"');
    assert_int_equal(strlen(message), DEPTH + 2);
    free(message);
    assert_int_equal(payload_to_bus(MAP_ENVELOPE, (struct bytes){deep, DEPTH}, &message, &headers),
                     BB_MALFORMED);
    free(deep);
}

/* The sixfold growth that PAYLOAD_MAX counts with. */
static void test_largest(void **state)
{
    (void)state;
    uint8_t *most = malloc(PAYLOAD_MAX);
    char *message = NULL, *headers = NULL;
    memset(most, 1, PAYLOAD_MAX);
    assert_int_equal(payload_to_bus(MAP_MESSAGE, (struct bytes){most, PAYLOAD_MAX}, &message, &headers),
                     BB_OK);
    assert_int_equal(strlen(message), 6 * (size_t)PAYLOAD_MAX + 2);
    assert_true(strlen(message) < (size_t)BB_FRAME_MAX - 65536);
    free(message);
    free(most);
}

static void test_envelopes(void **state)
{
    (void)state;
    static const char *const not [] = {"[]", "1", "", "{", "{}", "{\"headers\":{}}", "{\"message\":1}x"};
    char *message = NULL, *headers = NULL;
    assert_int_equal(payload_to_bus(MAP_ENVELOPE, bytes_of("{\"message\":1.50,\"headers\":{\"a\":1}}"),
                                    &message, &headers),
                     BB_OK);
    assert_string_equal(message, "1.50");
    assert_string_equal(headers, "{\"a\":1}");
    free(message);
    free(headers);
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        assert_int_equal(payload_to_bus(MAP_ENVELOPE, bytes_of(not [i]), &message, &headers), BB_MALFORMED);
}

static void test_headers(void **state)
{
    (void)state;
    static const char *const not [] = {"[]", "1", "{\"a\":1,\"a\":2}", "\"x\"", "null"};
    char *text = NULL;
    assert_int_equal(payload_headers(NULL, "mqtt-agent", "a/b", false, &text), BB_OK);
    assert_string_equal(text,
                        "{\"mqtt-agent\":\"mqtt-agent\",\"mqtt-topic\":\"a/b\",\"mqtt-retained\":false}");
    assert_true(payload_is_marked(text));
    free(text);
    assert_int_equal(payload_headers("{\"mqtt-agent\":null,\"Cookie\":\"c\"}", "m", "t", true, &text), BB_OK);
    assert_string_equal(
        text, "{\"mqtt-agent\":\"m\",\"Cookie\":\"c\",\"mqtt-topic\":\"t\",\"mqtt-retained\":true}");
    free(text);
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        assert_int_equal(payload_headers(not [i], "m", "t", true, &text), BB_MALFORMED);
    assert_int_equal(payload_headers(NULL, "m", "\xff", true, &text), BB_MALFORMED);
    assert_false(payload_is_marked("{\"x\":\"mqtt-agent\"}"));
    assert_false(payload_is_marked("{}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out),     cmocka_unit_test(test_topic_that_is_no_text),
        cmocka_unit_test(test_in),      cmocka_unit_test(test_deep),
        cmocka_unit_test(test_largest), cmocka_unit_test(test_envelopes),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

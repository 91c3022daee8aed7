/* The router core, message by message: what VIP1 says must come out, frame for frame. */
#include "bus/core/router.h"
#include "tests/bus/core/script.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t seed;

static int open_router(void **state)
{
    (void)state;
    script_open(1024, NULL);
    (void)script_send("aa|");
    (void)script_send("bb|");
    return 0;
}

static int close_router(void **state)
{
    (void)state;
    script_close();
    return 0;
}

/* Sends a message and compares everything that follows from it. */
static void expect(const char *message, const char *expected)
{
    assert_int_equal(script_send(message), ROUTER_DONE);
    assert_string_equal(script_result(), expected);
}

static void test_hello_announces(void **state)
{
    (void)state;
    expect("cc||VIP1||m1|hello|hello",
           "aa,bb:|VIP1|||peerlist|add|cc\ncc:|VIP1|cc|m1|hello|welcome|1.0|R|cc\n");
    expect("cc||VIP1|liar|m2|hello|x", "cc:|VIP1|cc|m2|hello|welcome|1.0|R|cc\n");
    expect("aa||VIP1||m3|peerlist|list", "aa:|VIP1||m3|peerlist|listing|aa|bb|cc\n");
    expect("aa||VIP1||m3|peerlist", "aa:|VIP1||m3|peerlist|error|missing operation\n");
    expect("aa||VIP1||m3|peerlist|x", "aa:|VIP1||m3|peerlist|error|unknown operation\n");
    expect("cc||VIP1||m4|agentstop|aa",
           "cc:|VIP1||m4|error|-32001|an agent can stop itself only||agentstop\n");
    expect("cc||VIP1||m4|agentstop|cc", "aa,bb:|VIP1|||peerlist|drop|cc\n");
    expect("aa||VIP1||m5|peerlist|list", "aa:|VIP1||m5|peerlist|listing|aa|bb\n");
}

static void test_ping_and_errors(void **state)
{
    (void)state;
    expect("aa||VIP1||m1|ping|ping|x|y", "aa:|VIP1|aa|m1|ping|pong|x|y\n");
    expect("aa||VIP1||m1|ping|drop|bb", "aa:|VIP1|aa|m1|ping|pong|bb\n");
    expect("aa||VIP1||m1|ping|pong", "");
    expect("aa||VIP1||m2|nothing|x", "aa:|VIP1||m2|error|93|Protocol not supported||nothing\n");
    expect("aa||VIP1||m3|error|1", "");
    expect("aa|zz|VIP1||m4|other|x", "aa:|VIP1||m4|error|113|No route to host|zz|other\n");
    expect("aa|zz|VIP1||m4|error|x", "");
    assert_int_equal(script_send("aa||VIP1||m5|query|serverkey"), ROUTER_QUERY);
    assert_true(bytes_equal(script_out()->query, bytes_of("serverkey")));
}

static void test_rpc_is_forwarded_or_answered(void **state)
{
    (void)state;
    expect("aa|bb|VIP1|liar|m1|RPC|{\"id\":1}|\x01\x02", "bb:aa|VIP1|aa|m1|RPC|{\"id\":1}|\\01\\02\n");
    assert_int_equal(script_out()->parcels[0].policy, ROUTER_FORWARD);
    expect("aa|zz|VIP1||m2|RPC|{\"jsonrpc\":\"2.0\",\"method\":\"f\",\"id\":\"1.5\"}",
           "aa:zz|VIP1||m2|RPC|{\"jsonrpc\":\"2.0\",\"id\":\"1.5\",\"error\":{\"code\":-32006,\"message\":"
           "\"no such peer on "
           "the bus\",\"data\":null}}\n");
    expect("aa|zz|VIP1||m3|RPC|{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":\"1.5\"}",
           "aa:|VIP1||m3|error|113|No route to host|zz|RPC\n");
    expect("aa|zz|VIP1||m3|RPC|{broken", "aa:|VIP1||m3|error|113|No route to host|zz|RPC\n");
    expect("aa|zz|VIP1||m3|RPC", "aa:|VIP1||m3|error|113|No route to host|zz|RPC\n");
}

static void test_undelivered(void **state)
{
    (void)state;
    const struct bytes frames[] = {bytes_of("aa"),
                                   bytes_of("bb"),
                                   bytes_of("VIP1"),
                                   bytes_of(""),
                                   bytes_of("m"),
                                   bytes_of("RPC"),
                                   bytes_of("{\"id\":7,\"method\":\"f\"}")};
    const struct router_in in = {frames, 7, ACCESS_OPEN, 0, false};
    (void)script_send("aa|bb|VIP1||m|RPC|{\"id\":7,\"method\":\"f\"}");
    router_undelivered(script_router(), &in, 11, script_out());
    assert_string_equal(script_result(), "aa:|VIP1||m|error|11|Resource temporarily unavailable|bb|RPC\n");
    router_undelivered(script_router(), &in, 113, script_out());
    assert_non_null(strstr(script_result(), "\"id\":7,\"error\""));
}

/* The gate speaks for peer@platform, and is handed the calls to them; nobody else can, and guests of the
 * platform reach nobody but the gate. */
static void test_remote_peers(void **state)
{
    (void)state;
    expect("aa|m@p|VIP1||m1|RPC|{\"method\":\"f\",\"id\":1}",
           "aa:m@p|VIP1||m1|RPC|{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32006,\"message\":"
           "\"no such peer on the bus\",\"data\":null}}\n");
    (void)script_send("federation|");
    (void)script_send("federation.p|");
    expect("aa|m@p|VIP1|x@y|m1|RPC|q", "federation:aa|VIP1|m@p|m1|RPC|q\n");
    expect("aa|m@p|VIP1||m2|ping|ping", "aa:|VIP1||m2|error|113|No route to host|m@p|ping\n");
    expect("aa|m@p@q|VIP1||m2|RPC|q", "aa:|VIP1||m2|error|113|No route to host|m@p@q|RPC\n");
    expect("federation|aa|VIP1|m@p|m1|RPC|r", "aa:m@p|VIP1|m@p|m1|RPC|r\n");
    expect("federation|aa|VIP1|bb|m1|RPC|r", "aa:federation|VIP1|federation|m1|RPC|r\n");
    expect("federation|aa|VIP1|@p|m1|RPC|r", "aa:federation|VIP1|federation|m1|RPC|r\n");
    expect("bb|aa|VIP1|m@p|m1|RPC|r", "aa:bb|VIP1|bb|m1|RPC|r\n");
    expect("federation.p|federation|VIP1|m@p|m3|RPC|c",
           "federation:federation.p|VIP1|federation.p|m3|RPC|c\n");
    expect("federation.p|aa|VIP1||m4|RPC|c",
           "federation.p:|VIP1||m4|error|-32001|a guest of this platform can address its federation agent "
           "only|aa|RPC\n");
    expect("federation.p|m@q|VIP1||m4|RPC|c",
           "federation.p:|VIP1||m4|error|-32001|a guest of this platform can address its federation agent "
           "only|m@q|RPC\n");
    (void)script_send("aa||VIP1||s|pubsub|subscribe|{\"prefix\":\"T\"}");
    expect("federation||VIP1|m@p|p1|pubsub|publish|T|{\"bus\":\"\",\"headers\":{},\"message\":1}",
           "aa:|VIP1|m@p|p1|pubsub|publish|T|{\"bus\":\"\",\"headers\":{},\"message\":1,\"sender\":\"m@p\"}\n"
           "federation:|VIP1|federation|p1|pubsub|request_response|\\01\\00\\00\\00\n");
    expect("bb||VIP1|m@p|p1|pubsub|publish|T|{\"bus\":\"\",\"headers\":{},\"message\":1,\"sender\":\"m@p\"}",
           "aa:|VIP1|bb|p1|pubsub|publish|T|{\"bus\":\"\",\"headers\":{},\"message\":1,\"sender\":\"bb\"}\n"
           "bb:|VIP1|bb|p1|pubsub|request_response|\\01\\00\\00\\00\n");
}

static void test_publish_and_acknowledge(void **state)
{
    (void)state;
    expect("bb||VIP1||s1|pubsub|subscribe|{\"prefix\":[\"Data/\",\"Data/"
           "consumer\"],\"bus\":\"\",\"all_platforms\":false}",
           "bb:|VIP1|bb|s1|pubsub|request_response|\\01\n");
    expect("aa||VIP1||p1|pubsub|publish|Data/"
           "consumer1|{\"bus\":\"\",\"headers\":{},\"message\":[NaN],\"sender\":\"x\"}",
           "bb:|VIP1|aa|p1|pubsub|publish|Data/"
           "consumer1|{\"bus\":\"\",\"headers\":{},\"message\":[NaN],\"sender\":\"aa\"}\n"
           "aa:|VIP1|aa|p1|pubsub|request_response|\\01\\00\\00\\00\n");
    assert_true(script_out()->published);
    assert_int_equal(script_out()->parcels[0].policy, ROUTER_TELEMETRY);
    expect("aa||VIP1||s2|pubsub|subscribe|{\"prefix\":\"\"}",
           "aa:|VIP1|aa|s2|pubsub|request_response|\\01\n");
    assert_int_equal(script_send("aa||VIP1||p2|pubsub|publish|x|{\"bus\":\"\",\"headers\":{},\"message\":1}"),
                     ROUTER_DONE);
    assert_non_null(strstr(script_result(), "aa:|VIP1|aa|p2|pubsub|publish|x|"));
    static const char *const ZERO[] = {"x",
                                       "x|{broken",
                                       "x|{\"headers\":{},\"message\":1}",
                                       "x|{\"bus\":\"\",\"message\":1}",
                                       "x|{\"bus\":\"\",\"headers\":{}}",
                                       "x|{\"bus\":\"b\",\"headers\":{},\"message\":1}"};
    for (size_t i = 0; i < sizeof ZERO / sizeof *ZERO; i++) {
        char message[160];
        snprintf(message, sizeof message, "aa||VIP1||p3|pubsub|publish|%s", ZERO[i]);
        expect(message, "aa:|VIP1|aa|p3|pubsub|request_response|\\00\\00\\00\\00\n");
        assert_false(script_out()->published);
    }
}

static void test_subscriptions(void **state)
{
    (void)state;
    static const char LIST[] =
        "aa||VIP1||l|pubsub|list|{\"prefix\":\"\",\"all_platforms\":false,\"subscribed\":true,"
        "\"reverse\":false,\"bus\":\"\"}";
    static const char NONE[] = "aa:|VIP1|aa|l|pubsub|list_response|[]\n";
    expect("aa||VIP1||s|pubsub|synchronize|connected|{\"subscriptions\":{\"internal\":{\"\":[\"a\\u00e9\"],"
           "\"other\":[\"z\"]},"
           "\"all\":{\"\":[\"b\"]}}}",
           "");
    expect(LIST, "aa:|VIP1|aa|l|pubsub|list_response|[[\"\",\"a\\u00e9\",true],[\"\",\"b\",true]]\n");
    (void)script_send("bb||VIP1||p|pubsub|publish|a\xe9/x|{\"bus\":\"\",\"headers\":{},\"message\":1}");
    assert_int_equal(script_out()->parcels[0].to_count, 1);
    expect("aa||VIP1||u|pubsub|unsubscribe|{\"internal\":{\"prefix\":null,\"bus\":\"\"}}",
           "aa:|VIP1|aa|u|pubsub|request_response|\\01\n");
    expect(LIST, "aa:|VIP1|aa|l|pubsub|list_response|[[\"\",\"b\",true]]\n");
    expect("aa||VIP1||u|pubsub|unsubscribe|{\"prefix\":[\"b\"],\"bus\":\"\"}",
           "aa:|VIP1|aa|u|pubsub|request_response|\\01\n");
    expect(LIST, NONE);
    (void)script_send("aa||VIP1||s|pubsub|subscribe|{\"prefix\":[\"p\",\"q\"]}");
    (void)script_send(
        "aa||VIP1||s|pubsub|synchronize|connected|{\"subscriptions\":{\"internal\":{\"\":[]},\"all\":{}}}");
    expect(LIST, NONE);
    static const char *const BAD[] = {"subscribe",
                                      "subscribe|{}",
                                      "subscribe|{\"prefix\":1}",
                                      "subscribe|{\"prefix\":[1]}",
                                      "subscribe|{\"prefix\":\"\\u0100\"}",
                                      "subscribe|x",
                                      "unsubscribe|[]",
                                      "unsubscribe|{}",
                                      "subscribe|{\"prefix\":\"a\",\"bus\":\"other\"}"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        char message[160];
        snprintf(message, sizeof message, "aa||VIP1||s|pubsub|%s", BAD[i]);
        expect(message, "aa:|VIP1|aa|s|pubsub|request_response|\\00\n");
    }
    expect(LIST, NONE);
}

static void test_count_is_capped(void **state)
{
    (void)state;
    char message[128];
    for (int i = 0; i < 130; i++) {
        snprintf(message, sizeof message, "peer.%d||VIP1||s|pubsub|subscribe|{\"prefix\":\"t\"}", i);
        assert_int_equal(script_send(message), ROUTER_DONE);
    }
    (void)script_send("aa||VIP1||p|pubsub|publish|t|{\"bus\":\"\",\"headers\":{},\"message\":1}");
    assert_int_equal(script_out()->parcels[0].to_count, 130);
    assert_non_null(strstr(script_result(), "aa:|VIP1|aa|p|pubsub|request_response|\\7f\\00\\00\\00\n"));
}

static void test_malformed_is_dropped(void **state)
{
    (void)state;
    static const char *const BAD[] = {"aa",
                                      "aa|x",
                                      "aa|||||",
                                      "aa||VIP2||m|hello",
                                      "aa||VIP1||m",
                                      "aa||VIP1||m|pubsub",
                                      "aa||VIP1||m|pubsub|nonsense"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_int_equal(script_send(BAD[i]), ROUTER_MALFORMED);
        assert_string_equal(script_result(), "");
        assert_int_equal(script_router()->counts.malformed, i + 1);
    }
    static const char *const NAMES[] = {"12||VIP1||m|hello|hello", "null||VIP1||m|hello|hello",
                                        "a b||VIP1||m|hello|hello", "||VIP1||m|hello|hello", "1e5|"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        assert_int_equal(script_send(NAMES[i]), ROUTER_NOT_GRANTED);
    assert_int_equal(script_router()->peers.count, 2);
}

/* Entry 0: identity dg, may publish and subscribe Data/dg. */
static void test_access(void **state)
{
    (void)state;
    struct access *access = calloc(2, sizeof *access);
    uint32_t entry;
    assert_non_null(access);
    for (int i = 0; i < 2; i++) {
        access_init(&access[i]);
        assert_int_equal(
            access_add(&access[i], bytes_of("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &entry), BB_OK);
        assert_int_equal(access_grant(&access[i], 0, ACCESS_IDENTITY, bytes_of(i == 0 ? "dg" : "other")),
                         BB_OK);
    }
    assert_int_equal(access_grant(&access[0], 0, ACCESS_PUBLISH, bytes_of("Data/dg")), BB_OK);
    assert_int_equal(access_grant(&access[0], 0, ACCESS_SUBSCRIBE, bytes_of("Data/dg")), BB_OK);
    script_close();
    script_open(64, access);
    assert_int_equal(script_send_as(0, "aa||VIP1||m|hello|hello"), ROUTER_NOT_GRANTED);
    assert_int_equal(script_send_as(0, "dg||VIP1||m|pubsub|subscribe|{\"prefix\":[\"Data/dg\",\"Data/\"]}"),
                     ROUTER_DONE);
    assert_non_null(strstr(script_result(), "dg:|VIP1||m|error|-32001|subscribing to this prefix is not "
                                            "granted to dg||pubsub\n"));
    assert_int_equal(script_out()->refusal_count, 1);
    assert_int_equal(script_out()->refusals[0].kind, ACCESS_SUBSCRIBE);
    assert_true(bytes_equal(script_out()->refusals[0].text, bytes_of("Data/")));
    assert_int_equal(script_router()->subs.count, 0);
    /* What is granted of a synchronize holds; the rest is told. */
    assert_int_equal(script_send_as(0, "dg||VIP1||m|pubsub|synchronize|connected|"
                                       "{\"subscriptions\":{\"internal\":{\"\":[\"Data/dg\",\"\",\"x\"]}}}"),
                     ROUTER_DONE);
    assert_string_equal(
        script_result(),
        "dg:|VIP1||m|error|-32001|subscribing to some of these prefixes is not granted to dg||pubsub\n");
    assert_int_equal(script_out()->refusal_count, 2);
    assert_int_equal(script_router()->subs.count, 1);
    assert_int_equal(script_send_as(0, "dg||VIP1||m|pubsub|synchronize|connected|{\"subscriptions\":{}}"),
                     ROUTER_DONE);
    assert_int_equal(script_router()->subs.count, 0);
    assert_int_equal(script_send_as(0, "dg||VIP1||m|pubsub|subscribe|{\"prefix\":\"Data/dg/dg1\"}"),
                     ROUTER_DONE);
    assert_int_equal(
        script_send_as(0, "dg||VIP1||m|pubsub|publish|x|{\"bus\":\"\",\"headers\":{},\"message\":1}"),
        ROUTER_DONE);
    assert_string_equal(script_result(),
                        "dg:|VIP1||m|error|-32001|publishing to this topic is not granted to dg||pubsub\n");
    assert_int_equal(
        router_publish(script_router(), bytes_of("x"), bytes_of("{\"message\":1}"), 0, script_out()),
        BB_DENIED);
    assert_int_equal(router_publish(script_router(), bytes_of("Data/dg/dg1"), bytes_of("{\"message\":1}"), 0,
                                    script_out()),
                     BB_OK);
    assert_string_equal(script_result(),
                        "dg:|VIP1|dg||pubsub|publish|Data/dg/"
                        "dg1|{\"message\":1,\"bus\":\"\",\"headers\":{},\"sender\":\"dg\"}\n");
    assert_int_equal(
        router_publish(script_router(), bytes_of("Data/dg"), bytes_of("{\"message\":1}"), 0, script_out()),
        BB_OK);
    assert_string_equal(script_result(), "");
    assert_true(script_out()->published);
    assert_int_equal(router_publish(script_router(), bytes_of("Data/dg"), bytes_of("1"), 0, script_out()),
                     BB_MALFORMED);
    router_use_access(script_router(), &access[1]);
    assert_false(router_rebind(script_router(), 1, 0));
    assert_true(router_rebind(script_router(), 1, ACCESS_OPEN));
    free(access);
}

/* Any frames whatever: nothing breaks, every parcel goes to peers that exist. */
static void test_any_messages(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"",
                                        "aa",
                                        "bb",
                                        "cc",
                                        "VIP1",
                                        "hello",
                                        "ping",
                                        "pong",
                                        "peerlist",
                                        "list",
                                        "query",
                                        "pubsub",
                                        "publish",
                                        "subscribe",
                                        "unsubscribe",
                                        "synchronize",
                                        "connected",
                                        "RPC",
                                        "agentstop",
                                        "error",
                                        "{\"prefix\":\"a\"}",
                                        "{\"prefix\":[\"a\",\"b\"],\"bus\":\"\"}",
                                        "{\"all\":{\"prefix\":null}}",
                                        "{\"bus\":\"\",\"headers\":{},\"message\":1}",
                                        "{\"subscriptions\":{\"internal\":{\"\":[\"\"]}}}",
                                        "{\"id\":1,\"method\":\"f\"}",
                                        "{",
                                        "\xff\xfe"};
    uint64_t random = seed;
    for (int round = 0; round < 100000; round++) {
        char message[1024] = "";
        size_t at = 0;
        uint32_t count = 1 + seed_below(&random, 10);
        for (uint32_t i = 0; i < count; i++) {
            const char *word = WORDS[seed_below(&random, sizeof WORDS / sizeof *WORDS)];
            if (i == 2 && seed_below(&random, 8) != 0)
                word = "VIP1";
            if (i == 1 && seed_below(&random, 2) != 0)
                word = "";
            at += (size_t)snprintf(message + at, sizeof message - at, "%s%s", i > 0 ? "|" : "", word);
        }
        (void)script_send(message);
        uint32_t peer = script_out()->dropped;
        if (peer == 0)
            (void)script_result();
        assert_true(script_router()->peers.count <= 30);
    }
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_router, close_router)
    const struct CMUnitTest tests[] = {
        CASE(test_hello_announces), CASE(test_ping_and_errors), CASE(test_rpc_is_forwarded_or_answered),
        CASE(test_undelivered),     CASE(test_remote_peers),    CASE(test_publish_and_acknowledge),
        CASE(test_subscriptions),   CASE(test_count_is_capped), CASE(test_malformed_is_dropped),
        CASE(test_access),          CASE(test_any_messages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Calls that are answered later, through the real broker with CURVE. */
#include <busbar/serve.h>

#include "bus/client/client_state.h"
#include "bus/client/turn.h"
#include "tests/support/broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WAIT_MS 20000
#define ASKED   8

static struct broker broker;

struct reply {
    int count;
    enum status status;
    char json[256];
};

struct world {
    struct bb_loop *loop;
    struct bb_client *server, *caller;
    struct bb_pending *waiting[ASKED];
    char params[ASKED][64];
    char who[64];
    int asked;
    struct reply replies[ASKED];
};

#define TURN_UNTIL(w, condition)                                                                             \
    do {                                                                                                     \
        int64_t end_ms = bb_loop_mono_ms() + WAIT_MS;                                                        \
        while (!(condition) && bb_loop_mono_ms() < end_ms)                                                   \
            assert_int_equal(bb_loop_turn((w)->loop, 20), BB_OK);                                            \
        assert_true(condition);                                                                              \
    } while (0)

static struct bb_client *open_as(struct world *w, const char *identity)
{
    struct bb_reason reason = {""};
    struct bb_client *client = NULL;
    struct bb_client_options options = {
        .identity = identity, .home = broker.home, .connect_ms = WAIT_MS, .reason = &reason};
    enum status status = bb_client_open(w->loop, &options, &client);
    if (status != BB_OK)
        print_message("%s: %s\n", identity, reason.text);
    assert_int_equal(status, BB_OK);
    return client;
}

static void on_slow(void *context, struct bb_pending *pending, const char *caller, const char *params)
{
    struct world *w = context;
    assert_true(w->asked < ASKED);
    snprintf(w->who, sizeof w->who, "%s", caller);
    snprintf(w->params[w->asked], sizeof w->params[0], "%s", params);
    w->waiting[w->asked++] = pending;
}

static void on_echo(void *context, struct bb_pending *pending, const char *caller, const char *params)
{
    (void)context;
    (void)caller;
    bb_answer(pending, BB_OK, params);
}

static enum status on_plain(void *context, const char *caller, const char *params, char **result_out)
{
    (void)context;
    (void)caller;
    *result_out = strdup(params);
    return BB_OK;
}

static void on_reply(void *context, enum status status, const char *json)
{
    struct reply *reply = context;
    reply->count++;
    reply->status = status;
    snprintf(reply->json, sizeof reply->json, "%s", json != NULL ? json : "NULL");
}

static const char *const NAMES[] = {"a", "b", NULL};

static int start(void **state)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    *state = &w;
    if (bb_loop_open(&w.loop) != BB_OK)
        return -1;
    w.server = open_as(&w, "server");
    w.caller = open_as(&w, "caller");
    assert_int_equal(bb_serve_later(w.server, "slow", on_slow, &w), BB_OK);
    assert_int_equal(bb_serve_later(w.server, "echo", on_echo, &w), BB_OK);
    assert_int_equal(bb_serve(w.server, "plain", on_plain, &w), BB_OK);
    assert_int_equal(bb_serve_named(w.server, "named", NAMES, on_echo, &w), BB_OK);
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    bb_client_close(w->caller);
    bb_client_close(w->server);
    bb_loop_close(w->loop);
    return 0;
}

static void ask(struct world *w, int i, const char *method, const char *params)
{
    assert_int_equal(bb_request(w->caller, "server", method, params, WAIT_MS, on_reply, &w->replies[i]),
                     BB_OK);
}

static void ask_slowly(struct world *w, int count)
{
    for (int i = 0; i < count; i++) {
        char params[32];
        snprintf(params, sizeof params, "{\"n\":%d}", i);
        ask(w, i, "slow", params);
    }
    TURN_UNTIL(w, w->asked == count);
}

static void a_name_is_served_once(void **state)
{
    struct world *w = *state;
    assert_int_equal(bb_serve_later(w->server, "plain", on_slow, w), BB_EXISTS);
    assert_int_equal(bb_serve(w->server, "slow", on_plain, w), BB_EXISTS);
}

static void each_call_gets_its_own_answer_in_any_order(void **state)
{
    struct world *w = *state;
    ask_slowly(w, ASKED);
    assert_string_equal(w->who, "caller");
    for (int i = 0; i < ASKED; i++)
        assert_int_equal(w->replies[i].count, 0);
    for (int i = ASKED; i > 0; i--)
        bb_answer(w->waiting[i - 1], BB_OK, w->params[i - 1]);
    for (int i = 0; i < ASKED; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "{\"n\":%d}", i);
        TURN_UNTIL(w, w->replies[i].count == 1);
        assert_int_equal(w->replies[i].status, BB_OK);
        assert_string_equal(w->replies[i].json, expected);
    }
}

static void an_answer_at_once_an_error_and_nothing(void **state)
{
    struct world *w = *state;
    ask(w, 2, "echo", "[1]");
    ask(w, 3, "plain", "{\"a\":\"*\"}"); /* a star that is no name of Python's */
    ask_slowly(w, 2);
    bb_answer(w->waiting[0], BB_DENIED, "not \"you\"");
    bb_answer(w->waiting[1], BB_OK, NULL);
    TURN_UNTIL(w, w->replies[0].count == 1 && w->replies[1].count == 1 && w->replies[2].count == 1 &&
                      w->replies[3].count == 1);
    assert_int_equal(w->replies[0].status, BB_REMOTE);
    assert_non_null(strstr(w->replies[0].json, "not \\\"you\\\""));
    assert_non_null(strstr(w->replies[0].json, "-32001"));
    assert_string_equal(w->replies[1].json, "null");
    assert_string_equal(w->replies[2].json, "[1]");
    assert_string_equal(w->replies[3].json, "{\"a\":\"*\"}");
}

static void parameters_come_by_their_names(void **state)
{
    static const char *const calls[][2] = {{"[1]", "{\"a\":1}"},
                                           {"[1,[2]]", "{\"a\":1,\"b\":[2]}"},
                                           {"{\"b\":0.5}", "{\"b\":0.5}"},
                                           {"{\"*args\":[1],\"**kwargs\":{\"b\":2}}", "\"a\":1"},
                                           {"{\"*args\":[1],\"**kwargs\":{\"b\":2}}", "\"b\":2"},
                                           {"{\"*args\":[],\"**kwargs\":{\"b\":2}}", "{\"b\":2}"},
                                           {"[]", "{}"},
                                           {NULL, "{}"}};
    struct world *w = *state;
    char *result = NULL;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        assert_int_equal(bb_call(w->caller, "server", "named", calls[i][0], WAIT_MS, &result), BB_OK);
        assert_non_null(strstr(result, calls[i][1]));
        free(result);
    }
    assert_int_equal(bb_call(w->caller, "server", "named", "[1,2,3]", WAIT_MS, &result), BB_REMOTE);
    assert_non_null(strstr(result, "-32602"));
    free(result);
}

static void other_calls_pass_those_that_wait(void **state)
{
    struct world *w = *state;
    char *result = NULL;
    ask_slowly(w, 1);
    assert_int_equal(bb_call(w->caller, "server", "echo", "[2]", WAIT_MS, &result), BB_OK);
    assert_string_equal(result, "[2]");
    assert_int_equal(w->replies[0].count, 0);
    bb_answer(w->waiting[0], BB_OK, "1");
    TURN_UNTIL(w, w->replies[0].count == 1);
    free(result);
}

static void whoever_is_gone_gets_no_answer(void **state)
{
    struct world *w = *state;
    char *result = NULL;
    ask_slowly(w, 1);
    bb_client_close(w->caller);
    assert_int_equal(w->replies[0].count, 1);
    assert_int_equal(w->replies[0].status, BB_CLOSED);
    bb_answer(w->waiting[0], BB_OK, "1");
    w->caller = open_as(w, "caller.2");
    assert_int_equal(bb_call(w->caller, "server", "echo", "[3]", WAIT_MS, &result), BB_OK);
    assert_int_equal(w->replies[0].count, 1);
    free(result);
}

static void a_server_that_ends_tells_those_who_wait(void **state)
{
    struct world *w = *state;
    ask_slowly(w, 2);
    bb_client_close(w->server);
    w->server = NULL;
    TURN_UNTIL(w, w->replies[0].count == 1 && w->replies[1].count == 1);
    assert_int_equal(w->replies[0].status, BB_REMOTE);
    assert_non_null(strstr(w->replies[0].json, "\"closed\""));
}

/* What was answered while there was no broker waits in the outbox and finds nobody to expect it. */
static void a_broker_that_comes_back_is_served_again(void **state)
{
    struct world *w = *state;
    char *result = NULL;
    ask_slowly(w, 1);
    broker_halt(&broker, 1);
    TURN_UNTIL(w, w->replies[0].count == 1 && w->server->phase == CLIENT_CONNECTING);
    assert_int_equal(w->replies[0].status, BB_CLOSED);
    bb_answer(w->waiting[0], BB_OK, "1");
    assert_non_null(w->server->outbox);
    assert_int_equal(broker_again(&broker), 0);
    TURN_UNTIL(w, w->server->phase == CLIENT_READY && w->caller->phase == CLIENT_READY);
    TURN_UNTIL(w, w->server->outbox == NULL);
    assert_int_equal(w->server->outbox_bytes, 0);
    assert_int_equal(bb_call(w->caller, "server", "echo", "[4]", WAIT_MS, &result), BB_OK);
    assert_string_equal(result, "[4]");
    assert_int_equal(w->replies[0].count, 1);
    assert_int_equal(w->server->pending_count, 0);
    free(result);
}

static void too_many_that_wait_are_told_so(void **state)
{
    struct world *w = *state;
    ask_slowly(w, 1);
    w->server->pending_count += CLIENT_PENDING_MAX - 1;
    ask(w, 1, "slow", NULL);
    TURN_UNTIL(w, w->replies[1].count == 1);
    assert_int_equal(w->replies[1].status, BB_REMOTE);
    assert_non_null(strstr(w->replies[1].json, "\"full\""));
    w->server->pending_count -= CLIENT_PENDING_MAX - 1;
    assert_int_equal(w->server->pending_count, 1);
    assert_int_equal(w->asked, 1);
}

static int start_broker(void **state)
{
    static const char *const identities[] = {"server", "caller"};
    (void)state;
    return broker_start(&broker, BUSBAR_PROGRAMS, identities, 2);
}

static int end_broker(void **state)
{
    (void)state;
    broker_end(&broker);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_name_is_served_once, start, end),
        cmocka_unit_test_setup_teardown(each_call_gets_its_own_answer_in_any_order, start, end),
        cmocka_unit_test_setup_teardown(an_answer_at_once_an_error_and_nothing, start, end),
        cmocka_unit_test_setup_teardown(parameters_come_by_their_names, start, end),
        cmocka_unit_test_setup_teardown(other_calls_pass_those_that_wait, start, end),
        cmocka_unit_test_setup_teardown(whoever_is_gone_gets_no_answer, start, end),
        cmocka_unit_test_setup_teardown(a_server_that_ends_tells_those_who_wait, start, end),
        cmocka_unit_test_setup_teardown(too_many_that_wait_are_told_so, start, end),
        cmocka_unit_test_setup_teardown(a_broker_that_comes_back_is_served_again, start, end),
    };
    return cmocka_run_group_tests(tests, start_broker, end_broker);
}

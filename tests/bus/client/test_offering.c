/* Offering in the directory and watching who is there, through the real broker. `agentd` here is a client
 * that counts what is registered with it. */
#include <busbar/directory.h>
#include <busbar/serve.h>

#include "bus/client/turn.h"
#include "tests/support/broker.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WAIT_MS 20000

static struct broker broker;

struct world {
    struct bb_loop *loop;
    struct bb_client *agentd, *meter, *late;
    int registered, lists;
    char who[64], said[256], list[512], came[64], left[64];
    enum status answer;
};

#define TURN_UNTIL(w, condition)                                                                             \
    do {                                                                                                     \
        int64_t end_ms = bb_loop_mono_ms() + WAIT_MS;                                                        \
        while (!(condition) && bb_loop_mono_ms() < end_ms)                                                   \
            assert_int_equal(bb_loop_turn((w)->loop, 20), BB_OK);                                            \
        assert_true(condition);                                                                              \
    } while (0)

static enum status on_register(void *context, const char *caller, const char *params, char **result_out)
{
    struct world *w = context;
    (void)result_out;
    w->registered++;
    snprintf(w->who, sizeof w->who, "%s", caller);
    snprintf(w->said, sizeof w->said, "%s", params);
    return w->answer;
}

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

static void open_agentd(struct world *w)
{
    w->agentd = open_as(w, "agentd");
    assert_int_equal(bb_serve(w->agentd, "directory.register", on_register, w), BB_OK);
}

static int begin(void **state)
{
    static struct world w;
    static const char *const identities[] = {"agentd", "meter", "late"};
    memset(&w, 0, sizeof w);
    *state = &w;
    return broker_start(&broker, BUSBAR_PROGRAMS, identities, 3) == 0 && bb_loop_open(&w.loop) == BB_OK ? 0
                                                                                                        : -1;
}

static int end(void **state)
{
    struct world *w = *state;
    bb_client_close(w->meter);
    bb_client_close(w->late);
    bb_client_close(w->agentd);
    bb_loop_close(w->loop);
    broker_end(&broker);
    return 0;
}

/* An offer may be told twice, when its welcome and agentd's coming meet: what was told so far does not count
 * any more. */
static void settle(struct world *w)
{
    for (int i = 0; i < 25; i++)
        assert_int_equal(bb_loop_turn(w->loop, 20), BB_OK);
    w->registered = 0;
}

static void an_offer_follows_agentd_and_the_broker(void **state)
{
    struct world *w = *state;
    w->meter = open_as(w, "meter");
    assert_int_equal(bb_offer(w->meter, "{}"), BB_RANGE);
    assert_int_equal(bb_offer(w->meter, "["), BB_RANGE);
    /* Nobody is there to hear it. */
    assert_int_equal(bb_offer(w->meter, "[{\"name\":\"meter\"}]"), BB_OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(bb_loop_turn(w->loop, 20), BB_OK);
    open_agentd(w);
    TURN_UNTIL(w, w->registered == 1);
    assert_string_equal(w->who, "meter");
    assert_string_equal(w->said, "{\"services\":[{\"name\":\"meter\"}]}");
    /* agentd leaves, and comes back; the broker too. */
    settle(w);
    bb_client_close(w->agentd);
    open_agentd(w);
    TURN_UNTIL(w, w->registered >= 1);
    settle(w);
    broker_halt(&broker, 1);
    assert_int_equal(broker_again(&broker), 0);
    TURN_UNTIL(w, w->registered >= 1);
    /* Another list at once; a refusal is only logged. */
    w->answer = BB_RANGE;
    assert_int_equal(bb_offer(w->meter, "[]"), BB_OK);
    TURN_UNTIL(w, strcmp(w->said, "{\"services\":[]}") == 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(bb_loop_turn(w->loop, 20), BB_OK);
}

static void what_is_served_is_offered(void **state)
{
    struct world *w = *state;
    open_agentd(w);
    w->meter = open_as(w, "meter");
    assert_int_equal(bb_serve(w->meter, "read", on_register, w), BB_OK);
    assert_int_equal(bb_serve(w->meter, "set", on_register, w), BB_OK);
    assert_int_equal(bb_offer_served(w->meter, "meter", "{}"), BB_RANGE);
    assert_int_equal(bb_offer_served(w->meter, "meter", "[\"Data/\"]"), BB_OK);
    TURN_UNTIL(w, w->registered == 1);
    assert_string_equal(w->said, "{\"services\":[{\"name\":\"meter\",\"version\":\"" BUSBAR_VERSION
                                 "\",\"methods\":[\"read\",\"set\"],\"topics\":[\"Data/\"]}]}");
}

static void on_peers(void *context, enum bb_peers_change change, const char *text)
{
    struct world *w = context;
    switch (change) {
    case BB_PEERS_LIST:
        w->lists++;
        snprintf(w->list, sizeof w->list, "%s", text);
        break;
    case BB_PEERS_CAME:
        snprintf(w->came, sizeof w->came, "%s", text);
        break;
    case BB_PEERS_LEFT:
        snprintf(w->left, sizeof w->left, "%s", text);
        break;
    }
}

static void peers_are_seen_to_come_and_go(void **state)
{
    struct world *w = *state;
    w->meter = open_as(w, "meter");
    assert_int_equal(bb_watch_peers(w->meter, on_peers, w), BB_OK);
    assert_int_equal(bb_watch_peers(w->meter, on_peers, w), BB_EXISTS);
    TURN_UNTIL(w, w->lists == 1);
    assert_non_null(strstr(w->list, "\"meter\""));
    assert_null(strstr(w->list, "\"late\""));
    w->late = open_as(w, "late");
    TURN_UNTIL(w, strcmp(w->came, "late") == 0);
    bb_client_close(w->late);
    w->late = NULL;
    TURN_UNTIL(w, strcmp(w->left, "late") == 0);
    broker_halt(&broker, 1);
    assert_int_equal(broker_again(&broker), 0);
    TURN_UNTIL(w, w->lists == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_offer_follows_agentd_and_the_broker, begin, end),
        cmocka_unit_test_setup_teardown(what_is_served_is_offered, begin, end),
        cmocka_unit_test_setup_teardown(peers_are_seen_to_come_and_go, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

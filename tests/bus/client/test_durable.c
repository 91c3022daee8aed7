/* Durable subscribers through <busbar/durable.h>, and publishes that are told of, with the real broker. */
#include <busbar/durable.h>
#include <busbar/gateway.h>

#include "bus/client/client_state.h"
#include "bus/client/turn.h"
#include "tests/link/cm.h"
#include "tests/support/broker.h"

#include <stdio.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 20000
#define HEARD   512

static struct broker broker;

struct world {
    struct bb_loop *loop;
    struct bb_client *publisher, *reader;
    struct bb_durable *durable;
    int heard[HEARD];
    int64_t offsets[HEARD];
    int manual;             /* of the next name that is opened */
    int count, refuse_from; /* the handler says BB_FULL once from that number on; 0: never */
    int told, told_ok;
    enum status last;
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

static enum status on_message(void *context, const struct bb_durable_message *m)
{
    struct world *w = context;
    int number = (int)strtol(m->message, NULL, 10);
    if (w->refuse_from != 0 && number >= w->refuse_from) {
        w->refuse_from = 0;
        return BB_FULL;
    }
    assert_true(w->count < HEARD);
    assert_string_equal(m->sender, "publisher");
    assert_string_equal(m->topic, "D/x");
    assert_true(m->time_ms > 0);
    w->offsets[w->count] = m->offset;
    w->heard[w->count++] = number;
    return BB_OK;
}

static enum status open_name(struct world *w, const char *name, const char *from, int seek,
                             struct bb_reason *reason)
{
    const char *const prefixes[] = {"D/"};
    const struct bb_durable_options options = {.name = name,
                                               .prefixes = prefixes,
                                               .prefix_count = 1,
                                               .from = from,
                                               .seek = seek,
                                               .manual = w->manual,
                                               .reason = reason};
    return bb_durable_open(w->reader, &options, on_message, w, &w->durable);
}

static void publish(struct world *w, int from, int to)
{
    char text[16];
    for (int i = from; i < to; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(bb_publish(w->publisher, "D/x", NULL, text), BB_OK);
    }
    assert_int_equal(bb_flush(w->publisher, WAIT_MS), BB_OK);
}

static void assert_heard(struct world *w, int from, int to)
{
    TURN_UNTIL(w, w->count >= to - from);
    assert_int_equal(w->count, to - from);
    for (int i = 0; i < w->count; i++) {
        assert_int_equal(w->heard[i], from + i);
        assert_true(i == 0 || w->offsets[i] > w->offsets[i - 1]);
    }
    w->count = 0;
}

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_int_equal(bb_loop_open(&w->loop), BB_OK);
    w->publisher = open_as(w, "publisher");
    w->reader = open_as(w, "reader");
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;
    bb_durable_close(w->durable);
    bb_client_close(w->publisher);
    bb_client_close(w->reader);
    bb_loop_close(w->loop);
    free(w);
    return 0;
}

static void test_from_where_it_stands(void **state)
{
    struct world *w = *state;
    publish(w, 0, 300);
    assert_int_equal(open_name(w, "one", "\"start\"", 1, NULL), BB_OK);
    assert_heard(w, 0, 300);
    assert_int_equal(bb_durable_lost(w->durable), 0);
    bb_durable_close(w->durable);
    w->durable = NULL;
    /* The name stays, and goes on behind what was acknowledged; `from` is for a new one. */
    publish(w, 300, 310);
    assert_int_equal(open_name(w, "one", "\"start\"", 0, NULL), BB_OK);
    assert_heard(w, 300, 310);
    publish(w, 310, 311); /* and what comes while it waits */
    assert_heard(w, 310, 311);
    bb_durable_close(w->durable);
    w->durable = NULL;
    char from[32];
    snprintf(from, sizeof from, "%" PRId64, w->offsets[0]);
    assert_int_equal(open_name(w, "one", from, 1, NULL), BB_OK);
    assert_heard(w, 310, 311);
}

static void test_a_refused_message_comes_again(void **state)
{
    struct world *w = *state;
    assert_int_equal(open_name(w, "two", NULL, 0, NULL), BB_OK);
    w->refuse_from = 5;
    publish(w, 0, 10);
    assert_heard(w, 0, 10);
}

/* What was taken and not acknowledged comes again to the next process, and only then. */
static void test_acknowledged_by_hand(void **state)
{
    struct world *w = *state;
    w->manual = 1;
    assert_int_equal(open_name(w, "hand", NULL, 0, NULL), BB_OK);
    w->refuse_from = 3;
    publish(w, 0, 10);
    assert_heard(w, 0, 10);
    bb_durable_acknowledge(w->durable, w->offsets[5]);
    bb_durable_acknowledge(w->durable, w->offsets[2]);      /* it is already */
    bb_durable_acknowledge(w->durable, w->offsets[9] + 50); /* nobody was given it */
    bb_durable_close(w->durable);
    w->durable = NULL;
    assert_int_equal(open_name(w, "hand", NULL, 0, NULL), BB_OK);
    assert_heard(w, 6, 10);
    bb_durable_acknowledge(w->durable, w->offsets[3]);
    publish(w, 10, 12);
    assert_heard(w, 10, 12);
    bb_durable_close(w->durable);
    w->durable = NULL;
    assert_int_equal(open_name(w, "hand", NULL, 0, NULL), BB_OK);
    assert_heard(w, 10, 12);
}

static void test_the_broker_is_killed(void **state)
{
    struct world *w = *state;
    assert_int_equal(open_name(w, "three", NULL, 0, NULL), BB_OK);
    publish(w, 0, 20);
    assert_heard(w, 0, 20);
    TURN_UNTIL(w, w->reader->calls_used > 0); /* it waits for the next */
    broker_halt(&broker, 1);
    assert_int_equal(broker_again(&broker), 0);
    TURN_UNTIL(w, bb_client_is_up(w->publisher));
    publish(w, 20, 40);
    TURN_UNTIL(w, w->count > 0 && w->heard[w->count - 1] == 39);
    /* What was not acknowledged in time may come again; nothing is missing. */
    int next = w->heard[0];
    assert_true(next <= 20);
    for (int i = 0; i < w->count; i++, next++)
        assert_int_equal(w->heard[i], next);
    w->count = 0;
}

static void test_what_is_wrong_is_told(void **state)
{
    struct world *w = *state;
    struct bb_reason reason = {""};
    const char *const prefixes[] = {"other/"};
    struct bb_durable_options options = {
        .name = "four", .prefixes = prefixes, .prefix_count = 1, .reason = &reason};
    assert_int_equal(bb_durable_open(w->reader, &options, on_message, w, &w->durable), BB_REMOTE);
    assert_non_null(strstr(reason.text, "no durable topic begins with"));
    assert_int_equal(open_name(w, "a name", NULL, 0, &reason), BB_REMOTE);
    assert_int_equal(open_name(w, "four", "{", 0, &reason), BB_RANGE);
    assert_int_equal(open_name(w, "four", "\"never\"", 0, &reason), BB_REMOTE);
    assert_int_equal(open_name(w, "four", "\"now\"", 0, &reason), BB_OK);
    /* Another key's name. */
    struct bb_durable *other = NULL;
    options = (struct bb_durable_options){
        .name = "four", .prefixes = (const char *const[]){"D/"}, .prefix_count = 1, .reason = &reason};
    assert_int_equal(bb_durable_open(w->publisher, &options, on_message, w, &other), BB_REMOTE);
    assert_non_null(strstr(reason.text, "another key"));
}

static void on_told(void *context, enum status status, const char *json)
{
    struct world *w = context;
    assert_null(json);
    w->told++;
    w->told_ok += status == BB_OK;
    w->last = status;
}

static enum status tell(struct world *w, const char *topic, const char *message)
{
    return bb_publish_told(w->publisher, "", topic, "{}", message, WAIT_MS, on_told, w);
}

static void test_a_publish_is_told_of(void **state)
{
    struct world *w = *state;
    assert_int_equal(open_name(w, "five", NULL, 0, NULL), BB_OK);
    for (int i = 0; i < 300; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(tell(w, i % 3 == 2 ? "other" : "D/x", text), BB_OK);
    }
    TURN_UNTIL(w, w->told == 300);
    assert_int_equal(w->told_ok, 300);
    TURN_UNTIL(w, w->count == 200);
    assert_int_equal(tell(w, "D/x", "{"), BB_RANGE);
    assert_int_equal(tell(w, "", "1"), BB_RANGE);
    assert_int_equal(w->told, 300);
    /* Each is answered once, whatever becomes of the broker. */
    for (int i = 0; i < 50; i++)
        assert_int_equal(tell(w, "D/x", "1000"), BB_OK);
    broker_halt(&broker, 1);
    TURN_UNTIL(w, w->told == 350);
    if (w->told_ok < 350)
        assert_int_equal(w->last, BB_CLOSED);
    assert_int_equal(tell(w, "D/x", "1"), BB_UNREACHABLE);
    assert_int_equal(broker_again(&broker), 0);
    TURN_UNTIL(w, bb_client_is_up(w->publisher));
}

static void test_a_refused_publish_is_told_of(void **state)
{
    struct world *w = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/access.json", broker.home);
    /* The broker reads the file within a second. */
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    char text[4096];
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    char *grant = strstr(text, "\"publish\":[\"\"]");
    assert_non_null(grant);
    assert_int_equal(fseek(file, grant - text, SEEK_SET), 0);
    assert_true(fputs("\"publish\":[  ]", file) >= 0);
    assert_int_equal(fclose(file), 0);
    w->last = BB_OK;
    for (int64_t end = bb_loop_mono_ms() + WAIT_MS; w->last == BB_OK && bb_loop_mono_ms() < end;) {
        int before = w->told;
        assert_int_equal(tell(w, "D/x", "7"), BB_OK);
        TURN_UNTIL(w, w->told > before);
    }
    assert_int_equal(w->last, BB_DENIED);
    assert_non_null(strstr(bb_client_reason(w->publisher), "not granted"));
}

int main(void)
{
    static const char *const identities[] = {"publisher", "reader"};
    char settings[128];
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        CASE(test_from_where_it_stands),        CASE(test_a_refused_message_comes_again),
        CASE(test_acknowledged_by_hand),        CASE(test_the_broker_is_killed),
        CASE(test_what_is_wrong_is_told),       CASE(test_a_publish_is_told_of),
        CASE(test_a_refused_publish_is_told_of)};
    int failed = 1;
    if (broker_start(&broker, BUSBAR_PROGRAMS, identities, 2) == 0) {
        broker_halt(&broker, 0);
        snprintf(settings, sizeof settings, "%s/busbard.json", broker.home);
        FILE *file = fopen(settings, "w");
        if (file != NULL && fputs("{\"durable\":[\"D/\"]}\n", file) >= 0 && fclose(file) == 0 &&
            broker_again(&broker) == 0)
            failed = cmocka_run_group_tests(tests, NULL, NULL);
    }
    broker_end(&broker);
    return failed;
}

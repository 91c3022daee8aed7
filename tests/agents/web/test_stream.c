/* The hub of the streams against a plain account of what each client must have heard. The last test takes a
 * seed: the first argument, or BUSBAR_SEED. */
#include "agents/web/stream_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct stream_hub *hub;
static unsigned seed, woken, due;
static int64_t now_ms;
static char heard[1 << 20];

static void wake(void *context)
{
    unsigned *count = context;
    ++*count;
}

static void on_due(void *context)
{
    (void)context;
    due++;
}

static int set_up(void **state)
{
    (void)state;
    woken = due = 0;
    now_ms = 1000;
    if (stream_open(&hub) != BB_OK)
        return 1;
    stream_on_due(hub, on_due, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stream_close(hub);
    return 0;
}

static struct stream_client *join(const char *channels, const char *filter)
{
    struct stream_client *client = NULL;
    assert_int_equal(stream_join(hub, channels, filter, wake, &woken, &client), BB_OK);
    return client;
}

/* Everything that the client can read now, in pieces of `piece` bytes. */
static const char *drink(struct stream_client *client, size_t piece)
{
    size_t size = 0, got;
    while ((got = stream_read(client, heard + size, piece)) > 0) {
        size += got;
        assert_true(size + piece < sizeof heard);
    }
    heard[size] = '\0';
    return heard;
}

static void flush(int64_t after_ms)
{
    now_ms += after_ms;
    stream_flush(hub, now_ms);
}

static size_t count(const char *text, const char *word)
{
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        found++;
    return found;
}

static void test_kept_values(void **state)
{
    (void)state;
    stream_publish(hub, "grid", "a\"\n", "1");
    stream_publish(hub, "grid", "b", "{\"x\":2}");
    stream_publish(hub, "other", "c", "3");
    assert_int_equal(due, 1);
    flush(0);
    struct stream_client *client = join("grid", NULL);
    assert_string_equal(drink(client, 7),
                        "retry: 500\n\nevent: grid\ndata: {\"key\":\"a\\\"\\u000a\",\"value\":1}\n\n"
                        "event: grid\ndata: {\"key\":\"b\",\"value\":{\"x\":2}}\n\n");
    assert_string_equal(drink(client, 100), "");
    stream_publish(hub, "grid", "b", "4");
    stream_publish(hub, "other", "c", "5");
    flush(200);
    assert_int_equal(woken, 1);
    assert_string_equal(drink(client, 100), "event: grid\ndata: {\"key\":\"b\",\"value\":4}\n\n");
    stream_forget(hub, "grid", "b");
    stream_leave(client);
    client = join("grid,other,clock", NULL);
    drink(client, 100);
    assert_int_equal(count(heard, "event: "), 2);
    stream_leave(client);
    assert_int_equal(stream_listeners(hub, NULL), 0);
}

/* Ten a second of a key, and the newest in the end; other keys do not wait for it. */
static void test_pace(void **state)
{
    char value[16];
    (void)state;
    struct stream_client *client = join("grid", NULL);
    size_t got = 0;
    drink(client, 100);
    for (int i = 0; i < 500; i++) {
        snprintf(value, sizeof value, "%d", i);
        stream_publish(hub, "grid", "fast", value);
        flush(2);
        got += count(drink(client, 100), "fast");
    }
    assert_in_range(got, 10, 12);
    stream_publish(hub, "grid", "slow", "1");
    flush(1);
    assert_int_equal(count(drink(client, 100), "slow"), 1);
    int64_t again_ms = stream_flush(hub, now_ms);
    assert_in_range(again_ms, 1, 100);
    flush(again_ms);
    assert_non_null(strstr(drink(client, 100), "\"value\":499"));
    assert_int_equal(stream_flush(hub, now_ms), 0);
    stream_leave(client);
}

/* What is sent at its own pace of nearly ten a second is all sent. */
static void test_unsteady(void **state)
{
    char value[16];
    size_t got = 0;
    (void)state;
    struct stream_client *client = join("grid", NULL);
    drink(client, 100);
    for (int i = 0; i < 200; i++) {
        snprintf(value, sizeof value, "%d", i);
        stream_publish(hub, "grid", "k", value);
        flush(i % 2 == 0 ? 70 : 130);
        got += count(drink(client, 100), "event: grid");
    }
    assert_int_equal(got, 200);
    stream_leave(client);
}

/* Who sleeps long gets the newest value of each key, once. */
static void test_slow_client(void **state)
{
    char value[16];
    (void)state;
    struct stream_client *client = join("grid", NULL);
    drink(client, 100);
    for (int i = 0; i < 100; i++) {
        snprintf(value, sizeof value, "%d", i);
        stream_publish(hub, "grid", i % 2 == 0 ? "even" : "odd", value);
        flush(150);
    }
    assert_int_equal(woken, 1);
    drink(client, 33);
    assert_int_equal(count(heard, "event: grid"), 2);
    assert_non_null(strstr(heard, "{\"key\":\"even\",\"value\":98}"));
    assert_non_null(strstr(heard, "{\"key\":\"odd\",\"value\":99}"));
    stream_leave(client);
}

static void test_passing_values(void **state)
{
    (void)state;
    struct stream_client *all = join("bus,log:a", NULL), *some = join("bus", "dev");
    drink(all, 100);
    drink(some, 100);
    stream_pass(hub, "bus", "device", "1");
    stream_pass(hub, "bus", "other", "2");
    stream_pass(hub, "log:a", "x", "3");
    stream_pass(hub, "log:b", "x", "4");
    flush(1);
    assert_int_equal(count(drink(all, 100), "event: "), 3);
    assert_string_equal(drink(some, 100), "event: bus\ndata: {\"key\":\"device\",\"value\":1}\n\n");
    stream_pass(hub, "bus", "other", "5");
    unsigned before = woken;
    flush(1);
    assert_int_equal(woken, before + 1);
    struct stream_client *late = join("bus", NULL);
    assert_string_equal(drink(late, 100), "retry: 500\n\n");
    stream_leave(all);
    stream_leave(some);
    stream_leave(late);
}

/* The ring is bounded; what a sleeper missed it is told. */
static void test_missed(void **state)
{
    char value[16];
    unsigned long long missed = 0;
    (void)state;
    struct stream_client *client = join("log:a", NULL);
    drink(client, 100);
    for (int i = 0; i < STREAM_PASSING_MAX + 500; i++) {
        snprintf(value, sizeof value, "%d", i);
        stream_pass(hub, "log:a", "x", value);
        stream_pass(hub, "log:nobody", "x", value);
    }
    flush(1);
    drink(client, 4096);
    assert_int_equal(count(heard, "event: log:a"), STREAM_PASSING_MAX);
    const char *told = strstr(heard, "event: missed\ndata: {\"count\":");
    assert_non_null(told);
    assert_int_equal(sscanf(told, "event: missed\ndata: {\"count\":%llu}", &missed), 1);
    assert_int_equal(missed, 500);
    stream_leave(client);
}

/* The filtered channel is held to its rate for each client. */
static void test_rate(void **state)
{
    (void)state;
    struct stream_client *client = join("bus", NULL);
    drink(client, 100);
    for (int i = 0; i < 1000; i++)
        stream_pass(hub, "bus", "x", "1");
    flush(1000 - now_ms % 1000);
    drink(client, 4096);
    assert_int_equal(count(heard, "event: bus"), STREAM_FILTERED_RATE);
    assert_non_null(strstr(heard, "{\"count\":800}"));
    stream_leave(client);
}

static void test_bounds(void **state)
{
    static char big[STREAM_VALUE_MAX + 2];
    char key[STREAM_KEY_MAX + 2], number[32];
    (void)state;
    memset(big, '1', sizeof big - 1);
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    stream_publish(hub, "grid", "k", big);
    stream_publish(hub, "grid", key, "1");
    stream_publish(hub, "gr id", "k", "1");
    stream_publish(hub, "", "k", "1");
    stream_publish(hub, "grid", "k", "1\n2");
    stream_pass(hub, "gr id", "k", "1");
    assert_int_equal(stream_counts(hub).dropped, 6);
    assert_int_equal(stream_counts(hub).keys, 0);
    for (int i = 0; i < STREAM_KEYS_MAX + 100; i++) {
        snprintf(number, sizeof number, "%d", i);
        stream_publish(hub, "grid", number, "1");
    }
    assert_int_equal(stream_counts(hub).keys, STREAM_KEYS_MAX);
    big[STREAM_VALUE_MAX] = '\0';
    for (int i = 0; i < 100; i++) {
        snprintf(number, sizeof number, "b%d", i);
        stream_publish(hub, "big", number, big);
    }
    assert_true(stream_counts(hub).bytes <= STREAM_KEPT_BYTES);
    flush(1);
}

static void test_wishes(void **state)
{
    struct stream_client *client = NULL;
    char many[400] = "";
    (void)state;
    static const char *const wrong[] = {"a b", "a,,b", "é", "a,b;c", "x,"};
    for (size_t i = 0; i + 1 < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(stream_join(hub, wrong[i], NULL, wake, &woken, &client), BB_MALFORMED);
    for (int i = 0; i < STREAM_WISHES_MAX; i++)
        snprintf(many + strlen(many), 16, "%sc%d", i > 0 ? "," : "", i);
    assert_int_equal(stream_join(hub, many, NULL, wake, &woken, &client), BB_OK);
    stream_leave(client);
    snprintf(many + strlen(many), 16, ",more");
    assert_int_equal(stream_join(hub, many, NULL, wake, &woken, &client), BB_MALFORMED);
    assert_int_equal(stream_listeners(hub, "c0"), 0);
}

/* Names that nobody publishes take no place from those that are published. */
static void test_made_up_names(void **state)
{
    struct stream_client *crowd[20], *client;
    char names[STREAM_WISHES_MAX * 8];
    (void)state;
    stream_publish(hub, "early", "k", "1");
    for (int i = 0; i < 20; i++) {
        *names = '\0';
        for (int k = 0; k < STREAM_WISHES_MAX; k++)
            snprintf(names + strlen(names), 8, "%sx%d", k > 0 ? "," : "", 32 * i + k);
        crowd[i] = join(names, NULL);
    }
    client = join("late,early", NULL);
    flush(1);
    stream_publish(hub, "late", "k", "2");
    stream_pass(hub, "late", "p", "3");
    flush(100);
    const char *text = drink(client, 100);
    assert_int_equal(count(text, "event: early"), 1);
    assert_int_equal(count(text, "event: late"), 2);
    assert_int_equal(stream_counts(hub).dropped, 0);
    for (int i = 0; i < 20; i++)
        stream_leave(crowd[i]);
    assert_int_equal(stream_listeners(hub, "x5"), 0);
    stream_leave(client);
}

static char interest[200];

static void on_interest(void *context, const char *channel, bool wanted)
{
    (void)context;
    snprintf(interest + strlen(interest), 32, "%c%s ", wanted ? '+' : '-', channel);
}

static void test_interest(void **state)
{
    (void)state;
    interest[0] = '\0';
    stream_on_interest(hub, on_interest, NULL);
    struct stream_client *one = join("a,b", NULL), *other = join("b", NULL);
    stream_leave(one);
    stream_leave(other);
    assert_string_equal(interest, "+clock +a +b -a -clock -b ");
}

/* The values in what was heard, by the digit of their keys. */
static void take(char known[8][16])
{
    for (const char *at = heard; (at = strstr(at, "\"k")) != NULL; at++) {
        char value[16];
        unsigned k = 8;
        if (sscanf(at, "\"k%u\",\"value\":%15[0-9]", &k, value) == 2 && k < 8)
            memcpy(known[k], value, sizeof value);
    }
}

/* Clients that come, read and go at random: each always ends with the newest value of every key it asked for.
 */
static void test_at_random(void **state)
{
    struct stream_client *clients[8] = {NULL};
    char last[8][16], known[8][8][16], value[16], key[4];
    (void)state;
    memset(last, 0, sizeof last);
    srandom(seed);
    for (int i = 0; i < 4000; i++) {
        unsigned c = (unsigned)(random() % 8), k = (unsigned)(random() % 8);
        if (clients[c] == NULL) {
            clients[c] = join("grid", NULL);
            memset(known[c], 0, sizeof known[c]);
        } else if (random() % 20 == 0) {
            stream_leave(clients[c]);
            clients[c] = NULL;
            continue;
        }
        snprintf(key, sizeof key, "k%u", k);
        snprintf(value, sizeof value, "%d", i);
        snprintf(last[k], sizeof last[k], "%s", value);
        stream_publish(hub, "grid", key, value);
        flush(random() % 30);
        if (random() % 3 != 0)
            continue;
        drink(clients[c], (size_t)(1 + random() % 200));
        take(known[c]);
    }
    flush(1000);
    for (unsigned c = 0; c < 8; c++) {
        if (clients[c] == NULL)
            continue;
        drink(clients[c], 50);
        take(known[c]);
        for (unsigned k = 0; k < 8; k++)
            assert_string_equal(known[c][k], last[k]);
        stream_leave(clients[c]);
    }
}

int main(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("BUSBAR_SEED");
    seed = given == NULL ? 1 : (unsigned)strtoul(given, NULL, 10);
    printf("seed %u\n", seed);
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_kept_values),    CASE(test_pace),          CASE(test_unsteady), CASE(test_slow_client),
        CASE(test_passing_values), CASE(test_missed),        CASE(test_rate),     CASE(test_bounds),
        CASE(test_wishes),         CASE(test_made_up_names), CASE(test_interest), CASE(test_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

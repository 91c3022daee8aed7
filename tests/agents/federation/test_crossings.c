/* What the federation agent decides without any socket: which messages are known, what may cross, what waits;
 * and all of it together under random topologies, cuts and repeated batches: nobody ever gets a message
 * twice. */
#include "agents/federation/queue.h"
#include "agents/federation/seen.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <string.h>

static uint64_t seed;
static struct seen *seen;

static int open_seen(void **state)
{
    (void)state;
    seen = calloc(1, sizeof *seen);
    return seen == NULL;
}

static int close_seen(void **state)
{
    (void)state;
    free(seen);
    return 0;
}

static void test_seen_once(void **state)
{
    (void)state;
    assert_int_equal(seen_take(seen, "a", 5, 1), SEEN_NEW);
    assert_int_equal(seen_take(seen, "a", 5, 1), SEEN_AGAIN);
    assert_int_equal(seen_take(seen, "b", 5, 1), SEEN_NEW);
    assert_int_equal(seen_take(seen, "a", 5, 100), SEEN_NEW);
    assert_int_equal(seen_take(seen, "a", 5, 99), SEEN_NEW);
    assert_int_equal(seen_take(seen, "a", 5, 99), SEEN_AGAIN);
    assert_int_equal(seen_take(seen, "a", 5, SEEN_WINDOW + 1), SEEN_NEW);
    assert_int_equal(seen_take(seen, "a", 5, 1), SEEN_LATE);
    assert_int_equal(seen_take(seen, "a", 5, 2), SEEN_NEW);
    assert_int_equal(seen_take(seen, "a", 5, 99), SEEN_AGAIN);
    assert_int_equal(seen_take(seen, "a", 5, UINT64_MAX), SEEN_NEW);
    assert_int_equal(seen_take(seen, "a", 5, UINT64_MAX), SEEN_AGAIN);
    assert_int_equal(seen_take(seen, "a", 5, SEEN_WINDOW), SEEN_LATE);
    assert_int_equal(seen_take(seen, "a", 5, UINT64_MAX - 1), SEEN_NEW);
}

static void test_seen_incarnations(void **state)
{
    (void)state;
    assert_int_equal(seen_take(seen, "a", 5, 7), SEEN_NEW);
    assert_int_equal(seen_take(seen, "a", 6, 7), SEEN_NEW);
    assert_int_equal(seen_take(seen, "a", 5, 7), SEEN_AGAIN);
    assert_int_equal(seen_take(seen, "a", 9, 1), SEEN_NEW);
    assert_int_equal(seen_take(seen, "a", 5, 8), SEEN_LATE);
    assert_int_equal(seen_take(seen, "a", 6, 8), SEEN_NEW);
    assert_int_equal(seen_take(seen, "a", 7, 1), SEEN_NEW); /* 6 goes */
    assert_int_equal(seen_take(seen, "a", 6, 9), SEEN_LATE);
    assert_int_equal(seen_take(seen, "a", 9, 1), SEEN_AGAIN);
}

static void test_seen_is_bounded(void **state)
{
    char name[16];
    (void)state;
    for (int i = 0; i < SEEN_PLATFORMS; i++) {
        snprintf(name, sizeof name, "p%d", i);
        assert_int_equal(seen_take(seen, name, 1, 1), SEEN_NEW);
    }
    assert_int_equal(seen_take(seen, "p0", 1, 1), SEEN_AGAIN);
    assert_int_equal(seen_take(seen, "new", 1, 1), SEEN_NEW); /* p1 was quiet for longest */
    assert_int_equal(seen_take(seen, "p0", 1, 1), SEEN_AGAIN);
    assert_int_equal(seen_take(seen, "p2", 1, 1), SEEN_AGAIN);
    assert_int_equal(seen_take(seen, "p1", 1, 1), SEEN_NEW);
}

/* Against a plain list of all that was taken. */
static void test_seen_against_a_list(void **state)
{
    enum { STEPS = 200000, NUMBERS = 3 * SEEN_WINDOW };
    uint8_t *taken = calloc(NUMBERS + 1, 1);
    uint64_t newest = 0, random = seed;
    (void)state;
    assert_non_null(taken);
    for (uint64_t i = 0; i < STEPS; i++) {
        uint64_t number = 1 + i * (NUMBERS - 1) / STEPS;
        if (seed_next(&random) % 4 == 0)
            number = 1 + seed_next(&random) % number;
        enum seen_verdict expected = taken[number] ? SEEN_AGAIN : SEEN_NEW;
        if (newest >= SEEN_WINDOW && number <= newest - SEEN_WINDOW)
            expected = SEEN_LATE;
        assert_int_equal(seen_take(seen, "a", 1, number), expected);
        newest = number > newest ? number : newest;
        taken[number] = 1;
    }
    free(taken);
}

static void test_rules(void **state)
{
    char peer[8], platform[RULES_NAME_SIZE];
    char data[] = "Data/", x[] = "x", read[] = "meter/read", board[] = "uart*/board.*", all[] = "all/*";
    char *prefixes[] = {data, x}, *calls[] = {read, board, all};
    const struct rules_list topics = {prefixes, 2}, none = {NULL, 0}, methods = {calls, 3};
    (void)state;
    assert_true(rules_covers(&topics, "Data/a") && rules_covers(&topics, "xy"));
    assert_false(rules_covers(&topics, "Dat") || rules_covers(&none, "Data/a"));
    assert_true(rules_may_call(&methods, "meter", "read") && rules_may_call(&methods, "all", "any") &&
                rules_may_call(&methods, "uart2", "board.hold"));
    assert_false(rules_may_call(&methods, "meter", "reads") || rules_may_call(&methods, "meter2", "read") ||
                 rules_may_call(&methods, "uart2", "stop") || rules_may_call(&methods, "al", "any") ||
                 rules_may_call(&none, "meter", "read"));
    assert_true(rules_is_call("a/b"));
    assert_false(rules_is_call("a") || rules_is_call("/b") || rules_is_call("a/") || rules_is_call("a/b/c"));
    assert_true(rules_split("m@p", peer, sizeof peer, platform));
    assert_string_equal(peer, "m");
    assert_string_equal(platform, "p");
    const char *bad[] = {"m",     "@p",
                         "m@",    "m@p@q",
                         "m m@p", "m@p p",
                         "m@12",  "toolongname@p",
                         "1@p",   "m@0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(rules_split(bad[i], peer, sizeof peer, platform));
}

static void test_ways(void **state)
{
    struct rules_way way = {.count = 0};
    char name[8];
    (void)state;
    assert_true(rules_pass(&way, "a", 2) && rules_passed(&way, "a") && !rules_passed(&way, "b"));
    assert_false(rules_pass(&way, "a", 2) || rules_pass(&way, "b b", 2) || rules_pass(&way, "", 2));
    assert_true(rules_pass(&way, "b", 2));
    assert_false(rules_pass(&way, "c", 2));
    for (int i = 2; i < RULES_HOPS_MAX; i++) {
        snprintf(name, sizeof name, "p%d", i);
        assert_true(rules_pass(&way, name, RULES_HOPS_MAX));
    }
    assert_false(rules_pass(&way, "last", 99));
}

static void push(struct queue *queue, uint64_t number)
{
    struct cargo *cargo = queue_cargo("T", "x@a", "{}", "1");
    cargo->number = number;
    queue_push(queue, cargo);
    queue_release(cargo);
}

static void expect_next(struct queue *queue, uint64_t number)
{
    const struct cargo *cargo = queue_take(queue);
    assert_non_null(cargo);
    assert_int_equal(cargo->number, number);
}

static void test_queue(void **state)
{
    struct queue q;
    (void)state;
    queue_open(&q, 3, 1 << 20);
    assert_null(queue_take(&q));
    for (uint64_t i = 1; i <= 4; i++)
        push(&q, i);
    assert_int_equal(q.dropped, 1);
    expect_next(&q, 2);
    expect_next(&q, 3);
    queue_again(&q);
    expect_next(&q, 2);
    expect_next(&q, 3);
    push(&q, 5); /* 2 goes, on its way as it is */
    assert_int_equal(q.taken, 1);
    queue_done(&q);
    expect_next(&q, 4);
    expect_next(&q, 5);
    assert_null(queue_take(&q));
    queue_done(&q);
    assert_int_equal(q.count, 0);
    assert_int_equal(q.bytes, 0);
    push(&q, 6);
    size_t size = q.bytes;
    queue_close(&q);
    queue_open(&q, 100, 2 * size + 1);
    for (uint64_t i = 1; i <= 5; i++)
        push(&q, i);
    assert_int_equal(q.count, 2);
    expect_next(&q, 4);
    queue_close(&q);
}

/* -- many platforms ------------------------------------------------------------------------------------- */

enum { NODES = 8, MESSAGES = 40 };

struct world {
    uint64_t random;
    int nodes;
    bool linked[NODES][NODES];   /* a link is configured */
    bool standing[NODES][NODES]; /* and not cut */
    struct queue queues[NODES][NODES];
    struct seen *seen[NODES];
    int heard[NODES][NODES * MESSAGES];
    uint64_t numbers[NODES];
};

static const char *const NAMES[NODES] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static void offer(struct world *w, int from, int to, struct cargo *cargo)
{
    if (w->linked[from][to] && !rules_passed(&cargo->way, NAMES[to]))
        queue_push(&w->queues[from][to], cargo);
}

static void publish(struct world *w, int node)
{
    struct cargo *cargo = queue_cargo("T", "x@y", "{}", "1");
    snprintf(cargo->origin, sizeof cargo->origin, "%s", NAMES[node]);
    cargo->incarnation = 1;
    cargo->number = ++w->numbers[node];
    w->heard[node][node * MESSAGES + (int)cargo->number - 1]++;
    assert_true(rules_pass(&cargo->way, NAMES[node], RULES_HOPS_MAX));
    for (int to = 0; to < w->nodes; to++)
        offer(w, node, to, cargo);
    queue_release(cargo);
}

static void arrive(struct world *w, int from, int here, const struct cargo *sent)
{
    assert_string_equal(sent->way.names[sent->way.count - 1], NAMES[from]);
    if (rules_passed(&sent->way, NAMES[here]) ||
        seen_take(w->seen[here], sent->origin, sent->incarnation, sent->number) != SEEN_NEW)
        return;
    w->heard[here][(sent->origin[0] - 'a') * MESSAGES + (int)sent->number - 1]++;
    struct cargo *cargo = queue_cargo(sent->topic, sent->sender, sent->headers, sent->message);
    memcpy(cargo->origin, sent->origin, sizeof cargo->origin);
    cargo->incarnation = sent->incarnation;
    cargo->number = sent->number;
    cargo->way = sent->way;
    if (rules_pass(&cargo->way, NAMES[here], RULES_HOPS_MAX))
        for (int to = 0; to < w->nodes; to++)
            if (to != from)
                offer(w, here, to, cargo);
    queue_release(cargo);
}

/* A batch crosses; unless the answer is `heard` it is sent again later. */
static bool cross(struct world *w, int from, int to, size_t most, bool heard)
{
    struct queue *q = &w->queues[from][to];
    bool any = false;
    for (size_t i = 0; i < most && w->standing[from][to] && queue_peek(q) != NULL; i++) {
        arrive(w, from, to, queue_take(q));
        any = true;
    }
    if (heard)
        queue_done(q);
    else
        queue_again(q);
    return any;
}

static void toggle(struct world *w, int a, int b)
{
    if (w->linked[a][b])
        w->standing[a][b] = w->standing[b][a] = !w->standing[a][b];
}

static void open_world(struct world *w, uint64_t random)
{
    *w = (struct world){.random = random};
    w->nodes = 2 + (int)seed_below(&w->random, NODES - 1);
    uint32_t density = 1 + seed_below(&w->random, 4);
    for (int a = 0; a < w->nodes; a++) {
        w->seen[a] = calloc(1, sizeof *w->seen[a]);
        assert_non_null(w->seen[a]);
        for (int b = 0; b < w->nodes; b++) {
            queue_open(&w->queues[a][b], 1000, 1 << 24);
            if (b < a) {
                w->linked[a][b] = w->linked[b][a] = seed_below(&w->random, 4) < density;
                w->standing[a][b] = w->standing[b][a] = w->linked[a][b];
            }
        }
    }
}

static void close_world(struct world *w)
{
    for (int a = 0; a < w->nodes; a++) {
        free(w->seen[a]);
        for (int b = 0; b < w->nodes; b++)
            queue_close(&w->queues[a][b]);
    }
}

static void drain(struct world *w)
{
    for (bool any = true; any;) {
        any = false;
        for (int a = 0; a < w->nodes; a++)
            for (int b = 0; b < w->nodes; b++)
                any = cross(w, a, b, 1000, true) || any;
    }
}

/* Marks what can be reached from `node` over links that stand. */
static void reach(const struct world *w, int node, bool reached[NODES])
{
    reached[node] = true;
    for (int to = 0; to < w->nodes; to++)
        if (w->standing[node][to] && !reached[to])
            reach(w, to, reached);
}

/* Everybody who can be reached has heard each message once, everybody else at most once. */
static void check(const struct world *w)
{
    for (int node = 0; node < w->nodes; node++) {
        bool reached[NODES] = {false};
        reach(w, node, reached);
        for (int n = 0; n < (int)w->numbers[node]; n++)
            for (int at = 0; at < w->nodes; at++) {
                int heard = w->heard[at][node * MESSAGES + n];
                assert_true(heard <= 1);
                assert_true(heard == 1 || !reached[at]);
            }
    }
}

/* One random step: a message, a link cut or mended, or a batch that crosses, whose answer may be lost. */
static void step(struct world *w)
{
    int a = (int)seed_below(&w->random, (uint32_t)w->nodes),
        b = (int)seed_below(&w->random, (uint32_t)w->nodes);
    uint32_t what = seed_below(&w->random, 16);
    if (what < 3 && w->numbers[a] < MESSAGES)
        publish(w, a);
    else if (what == 3)
        toggle(w, a, b);
    else
        (void)cross(w, a, b, 1 + seed_below(&w->random, 8), seed_below(&w->random, 4) != 0);
}

static void test_random_topologies(void **state)
{
    static struct world w;
    (void)state;
    for (uint64_t round = 0; round < 150; round++) {
        open_world(&w, seed + round);
        for (int i = 0; i < 600; i++)
            step(&w);
        drain(&w);
        check(&w);
        close_world(&w);
    }
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_seen, close_seen)
    const struct CMUnitTest tests[] = {
        CASE(test_seen_once),         CASE(test_seen_incarnations),
        CASE(test_seen_is_bounded),   CASE(test_seen_against_a_list),
        cmocka_unit_test(test_rules), cmocka_unit_test(test_ways),
        cmocka_unit_test(test_queue), cmocka_unit_test(test_random_topologies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

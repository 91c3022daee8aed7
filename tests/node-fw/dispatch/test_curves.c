/* The method `curves` seen from one board: crafted, repeated, old and broken broadcasts. */
#include "node-fw/dispatch/broadcast.h"
#include "tests/node-fw/dispatch/town.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FRAMES 24

static struct town town;
static struct dispatch boards[2];
static uint64_t seed;

/* A board with id 1 and neighbours 2, 3, 4. */
static void begin(struct dispatch *d)
{
    struct dispatch_settings s = {.id = 1,
                                  .incarnation = 3,
                                  .curve = {CURVE_CONSUMER, 0, 12000000, 120000000},
                                  .size = 16,
                                  .neighbour_count = 3,
                                  .neighbours = {2, 3, 4}};
    assert_int_equal(dispatch_init(d, &s, (struct mono){0}), BB_OK);
}

struct crafted {
    uint8_t data[BB_LINK_PAYLOAD_MAX];
    size_t size;
};

/* A broadcast of `source` with the entries given. */
static struct crafted craft(uint16_t source, uint32_t sequence, const struct entry *entries, uint8_t count)
{
    struct crafted c;
    struct writer w = writer_at(c.data, sizeof c.data);
    broadcast_write(&w, &(struct broadcast){.source = source,
                                            .incarnation = 1,
                                            .sequence = sequence,
                                            .exchange = (uint16_t)sequence,
                                            .depth = 2,
                                            .answer = true,
                                            .entries = count});
    for (size_t i = 0; i < count; i++)
        entry_write(&w, &entries[i]);
    assert_true(w.ok);
    c.size = w.size;
    return c;
}

static enum status give(struct dispatch *d, const struct crafted *c, int64_t now)
{
    return dispatch_receive(d, (struct bytes){c->data, c->size}, (struct mono){now});
}

/* One of a few boards under one of a few keys, close to the wrap of each part; what else it says follows from
 * the key, as with honest boards. */
static struct entry random_entry(void)
{
    struct entry e = {.id = (uint16_t)(2 + town_random(&seed, 6)),
                      .incarnation = (uint16_t)(65534 + town_random(&seed, 4)),
                      .version = (uint16_t)(65534 + town_random(&seed, 3)),
                      .heartbeat = (uint16_t)(65530 + town_random(&seed, 10)),
                      .hops = 1};
    uint64_t told = (uint64_t)e.id << 40 | (uint64_t)e.incarnation << 16 | e.version;
    e.curve = town_random_curve(&told);
    e.vote = (uint32_t)e.heartbeat * 77777u;
    return e;
}

static void expect_same(const struct dispatch *a, const struct dispatch *b)
{
    assert_int_equal(a->curves.count, b->curves.count);
    assert_true(a->view.digest == b->view.digest);
    assert_int_equal(a->curves.full, b->curves.full);
    for (size_t i = 0; i < a->curves.count; i++) {
        const struct entry *x = &a->curves.boards[i].entry;
        const struct entry *y = &b->curves.boards[i].entry;
        assert_int_equal(x->id, y->id);
        assert_int_equal(entry_order(x, y), 0);
    }
    struct dispatch_view v = dispatch_view(a);
    struct dispatch_view w = dispatch_view(b);
    assert_int_equal(v.lambda, w.lambda);
    assert_int_equal(v.setpoint_mw, w.setpoint_mw);
    assert_int_equal(v.live, w.live);
}

/* What was heard decides, not in what order, how often, or from whom: idempotent, commutative, associative.
 */
static void test_merge(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct entry entries[FRAMES];
        size_t order[FRAMES];
        begin(&boards[0]);
        begin(&boards[1]);
        for (size_t i = 0; i < FRAMES; i++) {
            entries[i] = random_entry();
            order[i] = i;
            struct crafted c = craft((uint16_t)(2 + i % 3), (uint32_t)i + 1, &entries[i], 1);
            assert_int_equal(give(&boards[0], &c, 0), BB_OK);
        }
        uint32_t sequence = 0;
        for (size_t i = 0; i < 2 * FRAMES; i++) {
            size_t left = i < FRAMES ? FRAMES - i : FRAMES;
            size_t k = town_random(&seed, left);
            struct crafted c =
                craft((uint16_t)(2 + town_random(&seed, 3)), ++sequence, &entries[order[k]], 1);
            assert_int_equal(give(&boards[1], &c, 0), BB_OK);
            size_t last = order[left - 1];
            order[left - 1] = order[k];
            order[k] = last;
        }
        expect_same(&boards[0], &boards[1]);
    }
}

/* Of two different entries one wins, whoever asks, even half the circle of a serial number apart. */
static void test_order(void **state)
{
    (void)state;
    const uint16_t steps[] = {0, 1, 2, 0x7fff, 0x8000, 0x8001, 0xffff};
    for (int round = 0; round < 5000; round++) {
        struct entry a = random_entry();
        struct entry b = a;
        b.incarnation = (uint16_t)(b.incarnation + steps[town_random(&seed, 7)]);
        b.version = (uint16_t)(b.version + steps[town_random(&seed, 7)]);
        b.heartbeat = (uint16_t)(b.heartbeat + steps[town_random(&seed, 7)]);
        int order = entry_order(&a, &b);
        assert_int_equal(order, -entry_order(&b, &a));
        bool same = a.incarnation == b.incarnation && a.version == b.version && a.heartbeat == b.heartbeat;
        assert_int_equal(order == 0, same);
    }
    struct entry a = random_entry();
    struct entry b = a;
    a.incarnation = 2;
    b.incarnation = 65535;
    b.heartbeat++;
    assert_int_equal(entry_order(&a, &b), 1);
}

/* An entry of a board that expired does not come back with its old key, only with a newer one. */
static void test_grave(void **state)
{
    (void)state;
    uint8_t out[BB_LINK_PAYLOAD_MAX];
    struct entry e = random_entry();
    begin(&boards[0]);
    struct crafted c = craft(2, 1, &e, 1);
    assert_int_equal(give(&boards[0], &c, 0), BB_OK);
    assert_int_equal(dispatch_view(&boards[0]).live, 2);
    while (dispatch_poll(&boards[0], (struct mono){60000}, out) > 0)
        continue;
    assert_int_equal(dispatch_view(&boards[0]).live, 1);
    c = craft(3, 2, &e, 1);
    assert_int_equal(give(&boards[0], &c, 60000), BB_OK);
    assert_int_equal(dispatch_view(&boards[0]).live, 1);
    e.heartbeat++;
    c = craft(3, 3, &e, 1);
    assert_int_equal(give(&boards[0], &c, 60000), BB_OK);
    assert_int_equal(dispatch_view(&boards[0]).live, 2);
}

/* A broadcast that was heard before, or was overtaken by many, changes nothing. */
static void test_repeated_and_old(void **state)
{
    (void)state;
    struct crafted frames[FRAMES];
    begin(&boards[0]);
    for (size_t i = 0; i < FRAMES; i++) {
        struct entry e = random_entry();
        frames[i] = craft((uint16_t)(2 + i % 3), (uint32_t)i + 1, &e, 1);
        assert_int_equal(give(&boards[0], &frames[i], 0), BB_OK);
    }
    boards[1] = boards[0];
    for (size_t i = 0; i < 10 * FRAMES; i++)
        assert_int_equal(give(&boards[0], &frames[town_random(&seed, FRAMES)], 0), BB_OK);
    expect_same(&boards[0], &boards[1]);
    assert_int_equal(dispatch_counters(&boards[0]).stale, 10 * FRAMES);
    assert_memory_equal(boards[0].neighbours, boards[1].neighbours, sizeof boards[0].neighbours);
    assert_memory_equal(&boards[0].audit, &boards[1].audit, sizeof boards[0].audit);
}

/* Whatever does not follow the format is refused whole. */
static void test_malformed(void **state)
{
    (void)state;
    begin(&boards[0]);
    struct entry e = random_entry();
    struct crafted good = craft(2, 1, &e, 1);
    boards[1] = boards[0];
    for (size_t size = 0; size < good.size; size++) {
        struct bytes cut = {good.data, size};
        assert_int_equal(dispatch_receive(&boards[0], cut, (struct mono){0}), BB_MALFORMED);
    }
    const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {{0, 0x20}, {0, 0x11}, {0, 0x1f}, {1, 4}, {27, 1}, {28, 1}, {29, 2}, {30, 1}, {39, 4}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct crafted c = good;
        c.data[wrong[i].at] = wrong[i].value;
        assert_int_equal(give(&boards[0], &c, 0), BB_MALFORMED);
    }
    struct crafted c = good;
    memset(&c.data[2], 0, 2);
    assert_int_equal(give(&boards[0], &c, 0), BB_MALFORMED);
    e.curve = (struct curve){CURVE_GENERATOR, 2, 1, 0};
    c = craft(2, 1, &e, 1);
    assert_int_equal(give(&boards[0], &c, 0), BB_MALFORMED);
    assert_int_equal(dispatch_counters(&boards[0]).malformed, dispatch_counters(&boards[0]).received);
    expect_same(&boards[0], &boards[1]);
    c = craft(9, 1, NULL, 0);
    assert_int_equal(give(&boards[0], &c, 0), BB_NOT_FOUND);
    assert_int_equal(dispatch_counters(&boards[0]).foreign, 1);
    uint16_t source, incarnation, depth;
    assert_int_equal(dispatch_peek((struct bytes){good.data, good.size}, &source, &incarnation, &depth),
                     BB_OK);
    assert_int_equal(source, 2);
    assert_int_equal(incarnation, 1);
    assert_int_equal(depth, 2);
    assert_int_equal(dispatch_peek((struct bytes){good.data, 30}, &source, &incarnation, &depth),
                     BB_MALFORMED);
}

/* More boards than there is room for: the surplus is ignored, and the table holds. */
static void test_too_many_boards(void **state)
{
    (void)state;
    begin(&boards[0]);
    for (uint16_t i = 0; i < 400; i++) {
        struct entry e = {.id = (uint16_t)(2 + i * 7), .curve = {CURVE_GENERATOR, 1, 2, 3}};
        struct crafted c = craft(2, i + 1u, &e, 1);
        assert_int_equal(give(&boards[0], &c, 0), BB_OK);
    }
    assert_int_equal(dispatch_view(&boards[0]).live, BB_BOARDS_MAX);
    assert_int_equal(dispatch_view(&boards[0]).residual_mw, 0);
}

/* A copy of what board `from` would say now, with some bits flipped, or plain noise. */
static size_t mangle(const struct dispatch *from, int64_t now, uint8_t *out)
{
    boards[0] = *from;
    size_t size = 0;
    for (int64_t later = 0; size == 0 && later < 1000; later += 100)
        size = dispatch_poll(&boards[0], (struct mono){now + later}, out);
    if (size == 0 || town_random(&seed, 10) == 0) {
        size = 1 + town_random(&seed, BB_LINK_PAYLOAD_MAX);
        for (size_t i = 4; i < size; i++)
            out[i] = (uint8_t)town_random(&seed, 256);
    }
    for (size_t k = 0; k < 1 + town_random(&seed, 4); k++)
        out[town_random(&seed, size)] ^= (uint8_t)(1u << town_random(&seed, 8));
    return size;
}

/* Honest broadcasts with bits flipped, and noise, for half a minute: no board breaks, and when it ends all
 * find back to their exact optimum. */
static void test_garbage(void **state)
{
    (void)state;
    uint8_t out[BB_LINK_PAYLOAD_MAX];
    town_clear(&town, 8, seed);
    town_circulant(&town, 2);
    town_start_all(&town);
    town.lawless = true;
    int taken = 0;
    for (int round = 0; round < 6000; round++) {
        town_run(&town, town.now + 5, NULL);
        size_t to = town_random(&seed, 8);
        size_t from = (to + 1 + town_random(&seed, 2)) % 8;
        struct dispatch *d = &town.boards[to];
        size_t size = mangle(&town.boards[from], town.now, out);
        enum status status = dispatch_receive(d, (struct bytes){out, size}, (struct mono){town.now});
        assert_true(status == BB_OK || status == BB_MALFORMED || status == BB_NOT_FOUND);
        taken += status == BB_OK;
        struct dispatch_view view = dispatch_view(d);
        assert_in_range(view.live, 1, BB_BOARDS_MAX);
        assert_in_range(view.setpoint_mw, 0, d->settings.curve.pmax);
    }
    assert_in_range(taken, 100, 6000);
    town_run(&town, town.now + 20000, NULL);
    assert_true(town_run(&town, town.now + 60000, town_settled));
}

int main(void)
{
    seed = town_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),     cmocka_unit_test(test_merge),
        cmocka_unit_test(test_grave),     cmocka_unit_test(test_repeated_and_old),
        cmocka_unit_test(test_malformed), cmocka_unit_test(test_too_many_boards),
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/node-fw/dispatch/town.h"

#include "node-fw/dispatch/clear.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct curve_parameters town_table1[16] = {
    {CURVE_CONSUMER, 93500, 17170000, 91790000},  {CURVE_CONSUMER, 41700, 12280000, 147290000},
    {CURVE_CONSUMER, 100700, 18420000, 91410000}, {CURVE_CONSUMER, 56100, 7060000, 62960000},
    {CURVE_CONSUMER, 54000, 10850000, 100530000}, {CURVE_CONSUMER, 141400, 18910000, 66880000},
    {CURVE_CONSUMER, 79300, 18760000, 118350000}, {CURVE_CONSUMER, 106400, 15700000, 73810000},
    {CURVE_CONSUMER, 85000, 14280000, 84000000},  {CURVE_CONSUMER, 46000, 10150000, 110320000},
    {CURVE_GENERATOR, 3100, 6710000, 113230000},  {CURVE_GENERATOR, 7400, 5530000, 179100000},
    {CURVE_GENERATOR, 6600, 7580000, 90030000},   {CURVE_GENERATOR, 6300, 6240000, 106410000},
    {CURVE_GENERATOR, 6900, 8530000, 193800000},  {CURVE_GENERATOR, 3200, 6730000, 143410000},
};

const int town_table1_printed[16] = {524, 589, 549,  0,    322, 408, 718, 391,
                                     406, 302, 1066, 1244, 0,   898, 0,   1002};

uint64_t town_random(uint64_t *seed, uint64_t below)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = *seed;
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (x ^ x >> 31) % below;
}

uint64_t town_seed(uint64_t usual)
{
    const char *text = getenv("BUSBAR_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : usual;
    printf("seed %llu (BUSBAR_SEED sets it)\n", (unsigned long long)seed);
    return seed;
}

struct curve town_random_curve(uint64_t *seed)
{
    struct curve c = {.kind = town_random(seed, 2) == 0 ? CURVE_GENERATOR : CURVE_CONSUMER};
    c.lo = (uint32_t)town_random(seed, 8) * 1000000 + (uint32_t)town_random(seed, 3) * 333333;
    switch (town_random(seed, 4)) {
    case 0:
        c.hi = c.lo;
        break;
    case 1:
        c.hi = c.lo + 1 + (uint32_t)town_random(seed, 20);
        break;
    default:
        c.hi = c.lo + (uint32_t)town_random(seed, 12000000);
        break;
    }
    c.pmax = (uint32_t)town_random(seed, town_random(seed, 8) == 0 ? 3 : 200000000);
    return c;
}

void town_clear(struct town *t, size_t count, uint64_t seed)
{
    memset(t, 0, offsetof(struct town, queue));
    t->queued = 0;
    t->seed = seed;
    t->count = count;
    t->delay_least = t->delay_most = 1;
    for (size_t i = 0; i < count; i++) {
        t->ids[i] = (uint16_t)(i + 1);
        assert_int_equal(curve_of(&town_table1[i % 16], &t->curves[i]), BB_OK);
    }
}

static void join(struct town *t, size_t a, size_t b)
{
    if (a != b)
        t->edge[a][b] = t->edge[b][a] = true;
}

void town_circulant(struct town *t, size_t reach)
{
    for (size_t i = 0; i < t->count; i++) {
        for (size_t k = 1; k <= reach; k++)
            join(t, i, (i + k) % t->count);
    }
}

void town_star(struct town *t)
{
    for (size_t i = 1; i < t->count; i++)
        join(t, 0, i);
}

void town_line(struct town *t)
{
    for (size_t i = 1; i < t->count; i++)
        join(t, i - 1, i);
}

void town_random_graph(struct town *t, size_t extra)
{
    for (size_t i = 1; i < t->count; i++)
        join(t, i, town_random(&t->seed, i));
    for (size_t k = 0; k < extra; k++)
        join(t, town_random(&t->seed, t->count), town_random(&t->seed, t->count));
}

static unsigned eccentricity(const struct town *t, size_t from)
{
    unsigned distance[TOWN_MAX];
    size_t order[TOWN_MAX];
    bool seen[TOWN_MAX] = {false};
    size_t head = 0;
    size_t tail = 0;
    order[tail++] = from;
    seen[from] = true;
    distance[from] = 0;
    while (head < tail) {
        size_t i = order[head++];
        for (size_t k = 0; k < t->count; k++) {
            if (!t->edge[i][k] || seen[k])
                continue;
            seen[k] = true;
            distance[k] = distance[i] + 1;
            order[tail++] = k;
        }
    }
    return distance[order[tail - 1]];
}

unsigned town_diameter(const struct town *t)
{
    unsigned diameter = 0;
    for (size_t i = 0; i < t->count; i++) {
        unsigned e = eccentricity(t, i);
        diameter = e > diameter ? e : diameter;
    }
    return diameter;
}

/* The ids of the neighbours of board i, each once. */
static uint16_t neighbours_of(const struct town *t, size_t i, uint16_t ids[BB_NEIGHBOURS_MAX])
{
    uint16_t count = 0;
    for (size_t k = 0; k < t->count; k++) {
        bool known = !t->edge[i][k];
        for (size_t n = 0; n < count; n++)
            known = known || ids[n] == t->ids[k];
        if (!known)
            ids[count++] = t->ids[k];
    }
    return count;
}

void town_start(struct town *t, size_t i)
{
    struct dispatch_settings s = {.id = t->ids[i],
                                  .incarnation = ++t->incarnation[i],
                                  .curve = t->curves[i],
                                  .size = (uint16_t)t->count};
    s.neighbour_count = neighbours_of(t, i, s.neighbours);
    memset(t->newest[i], 0, sizeof t->newest[i]);
    assert_int_equal(dispatch_init(&t->boards[i], &s, (struct mono){t->now}), BB_OK);
    t->up[i] = true;
    t->left[i] = false;
}

void town_leave(struct town *t, size_t i)
{
    dispatch_leave(&t->boards[i], (struct mono){t->now});
    t->left[i] = true;
}

void town_configure(struct town *t)
{
    uint16_t ids[BB_NEIGHBOURS_MAX];
    for (size_t i = 0; i < t->count; i++) {
        if (!t->up[i])
            continue;
        size_t count = neighbours_of(t, i, ids);
        assert_int_equal(dispatch_set_neighbours(&t->boards[i], ids, count, (struct mono){t->now}), BB_OK);
    }
}

void town_stop(struct town *t, size_t i)
{
    t->up[i] = false;
}

void town_start_all(struct town *t)
{
    for (size_t i = 0; i < t->count; i++)
        town_start(t, i);
}

/* x = v + Σ(taken − given), whatever happened. */
static void check_identity(const struct dispatch *d)
{
    uint64_t power = (uint64_t)d->audit.value;
    uint64_t weight = UINT64_C(1) << 32;
    for (size_t i = 0; i < d->neighbour_count; i++) {
        power += d->neighbours[i].taken_power - d->neighbours[i].given_power;
        weight += d->neighbours[i].taken_weight - d->neighbours[i].given_weight;
    }
    assert_true(d->audit.power == power);
    assert_true(d->audit.weight == weight);
}

/* Nobody falls back to an older incarnation or version of a board. */
static void check_newest(struct town *t, size_t i)
{
    const struct dispatch_curves *c = &t->boards[i].curves;
    for (size_t k = 0; k < c->count; k++) {
        const struct entry *e = &c->boards[k].entry;
        uint32_t key = (uint32_t)e->incarnation << 16 | e->version;
        if (e->id > TOWN_MAX)
            continue;
        int16_t lives = (int16_t)(uint16_t)(e->incarnation - (t->newest[i][e->id] >> 16));
        int16_t versions = (int16_t)(uint16_t)(e->version - t->newest[i][e->id]);
        assert_true(t->newest[i][e->id] == 0 || lives > 0 || (lives == 0 && versions >= 0));
        t->newest[i][e->id] = key;
    }
}

static void check(struct town *t, size_t i)
{
    check_identity(&t->boards[i]);
    if (!t->lawless)
        check_newest(t, i);
}

static void enqueue(struct town *t, size_t to, int64_t at, const uint8_t *data, size_t size)
{
    assert_true(t->queued < TOWN_QUEUE);
    struct town_frame *f = &t->queue[t->queued++];
    f->at = at;
    f->to = (uint16_t)to;
    f->size = (uint16_t)size;
    memcpy(f->data, data, size);
}

/* When a broadcast that is sent now has come over both wires, in ms. */
static int64_t wire_time(struct town *t, size_t to, int64_t sent_us, size_t size)
{
    int64_t start = sent_us > t->down_free_us[to] ? sent_us : t->down_free_us[to];
    t->down_free_us[to] = start + (int64_t)(size + 16) * 1000000 / 11520;
    return t->down_free_us[to] / 1000 + 1;
}

static void broadcast(struct town *t, size_t from, const uint8_t *data, size_t size)
{
    int64_t us = t->now * 1000;
    int64_t start = us > t->up_free_us[from] ? us : t->up_free_us[from];
    t->up_free_us[from] = start + (int64_t)(size + 16) * 1000000 / 11520;
    for (size_t k = 0; k < t->count; k++) {
        if (!t->edge[from][k] || t->cut[from][k])
            continue;
        unsigned copies = 1 + (town_random(&t->seed, 100) < t->repeat_percent);
        for (unsigned c = 0; c < copies; c++) {
            if (town_random(&t->seed, 100) < t->loss_percent)
                continue;
            int64_t spread = t->delay_most - t->delay_least + 1;
            int64_t at = t->now + t->delay_least + (int64_t)town_random(&t->seed, (uint64_t)spread);
            if (t->wire)
                at = wire_time(t, k, t->up_free_us[from] + 1000 * t->delay_least, size);
            t->bytes_heard[k] += (int64_t)size + 16;
            enqueue(t, k, at, data, size);
        }
    }
}

static void deliver(struct town *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->queued; i++) {
        struct town_frame *f = &t->queue[i];
        if (f->at > t->now) {
            if (kept != i)
                t->queue[kept] = *f;
            kept++;
            continue;
        }
        if (!t->up[f->to])
            continue;
        struct dispatch *d = &t->boards[f->to];
        assert_int_equal(dispatch_receive(d, (struct bytes){f->data, f->size}, (struct mono){t->now}), BB_OK);
        check(t, f->to);
    }
    t->queued = kept;
}

static void poll_all(struct town *t)
{
    uint8_t out[BB_LINK_PAYLOAD_MAX];
    for (size_t i = 0; i < t->count; i++) {
        if (!t->up[i])
            continue;
        size_t size;
        int frames = 0;
        while ((size = dispatch_poll(&t->boards[i], (struct mono){t->now}, out)) > 0) {
            assert_true(size <= sizeof out);
            assert_true(++frames < 100);
            broadcast(t, i, out, size);
        }
        check(t, i);
    }
}

static int64_t next_time(const struct town *t)
{
    int64_t at = INT64_MAX;
    for (size_t i = 0; i < t->queued; i++)
        at = t->queue[i].at < at ? t->queue[i].at : at;
    for (size_t i = 0; i < t->count; i++) {
        if (!t->up[i])
            continue;
        int64_t due = dispatch_due(&t->boards[i]).ms;
        at = due < at ? due : at;
    }
    return at > t->now ? at : t->now + 1;
}

bool town_run(struct town *t, int64_t until, bool (*done)(const struct town *t))
{
    for (;;) {
        deliver(t);
        poll_all(t);
        if (done != NULL && done(t))
            return true;
        int64_t next = next_time(t);
        if (next > until) {
            t->now = until;
            return false;
        }
        t->now = next;
    }
}

static bool takes_part(const struct town *t, size_t i)
{
    return t->up[i] && !t->left[i];
}

bool town_certified(const struct town *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (takes_part(t, i) && !dispatch_view(&t->boards[i]).certified)
            return false;
    }
    return true;
}

/* Marks the boards that take part and can be reached from `from`. */
static void reach(const struct town *t, size_t from, bool island[TOWN_MAX])
{
    size_t order[TOWN_MAX];
    size_t tail = 0;
    memset(island, 0, TOWN_MAX * sizeof *island);
    order[tail++] = from;
    island[from] = true;
    for (size_t head = 0; head < tail; head++) {
        for (size_t k = 0; k < t->count; k++) {
            size_t i = order[head];
            if (!t->edge[i][k] || t->cut[i][k] || !takes_part(t, k) || island[k])
                continue;
            island[k] = true;
            order[tail++] = k;
        }
    }
}

/* Board i and all that it can reach apply their exact optimum. */
static bool island_solved(const struct town *t, size_t i)
{
    struct curve curves[TOWN_MAX] = {{.kind = CURVE_GENERATOR}};
    int64_t powers[TOWN_MAX] = {0};
    bool island[TOWN_MAX];
    struct clearing clearing;
    size_t count = 0;
    reach(t, i, island);
    for (size_t k = 0; k < t->count; k++) {
        if (island[k])
            curves[count++] = t->curves[k];
    }
    clear_market(curves, count, powers, &clearing);
    count = 0;
    for (size_t k = 0; k < t->count; k++) {
        struct dispatch_view view = dispatch_view(&t->boards[k]);
        if (island[k] && (view.setpoint_mw != powers[count++] || view.lambda != clearing.lambda))
            return false;
    }
    return true;
}

bool town_solved(const struct town *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (takes_part(t, i) && !island_solved(t, i))
            return false;
    }
    return true;
}

bool town_settled(const struct town *t)
{
    return town_certified(t) && town_solved(t);
}

void town_check_audit(const struct town *t)
{
    uint64_t held = 0;
    uint64_t values = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (!t->up[i])
            continue;
        const struct dispatch *d = &t->boards[i];
        held += d->audit.power;
        values += (uint64_t)d->audit.value;
        for (size_t k = 0; k < d->neighbour_count; k++)
            held += d->neighbours[k].given_power - d->neighbours[k].taken_power;
    }
    assert_true(held == values);
}

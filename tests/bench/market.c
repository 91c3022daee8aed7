/* A steady market of many open posts, and a mixed stream of actions on it: 40 % SellOrder, 20 % CancelOrder,
 * 20 % UpdateOrder, 20 % BuyOrder. The stream is made in a second market of the same state, the pilot, so
 * that every action is about an order that is open; then the market that is measured sees it for the first
 * time, with the caches for itself. */
#include "tests/bench/market.h"

#include "market/rows.h"
#include "market/view.h"

#include <busbar/check.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 50000u
#define RING  64u      /* actions known ahead, more than three times the most between two steps */
#define PRICE 80000    /* µ$/kWh, the lowest */
#define WH    2000     /* of one order, at most */
#define DAY   86400000 /* ms of ledger time, when it begins */

struct options {
    uint32_t posts, participants, intervals, expiring, commit;
    uint32_t actions, ahead;
    bool scale, changes;
};

/* An action, packed, so that reading the stream disturbs little. */
struct step {
    uint8_t type;
    uint32_t actor;
    int32_t energy, price;
    uint64_t target; /* interval or order */
    uint64_t expires;
};

struct bench {
    struct options options;
    struct market_limits limits;
    struct market *pilot, *subject;
    uint64_t random;
    uint64_t *open; /* posts that the pilot may still have */
    uint32_t open_count;
    struct address *addresses;
    struct step *steps;
    uint32_t step_count;
    uint64_t verdicts[VERDICT_COUNT], trades;
};

static uint64_t draw(struct bench *b, uint64_t below)
{
    b->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = b->random;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

static double processor_time(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static size_t resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long all, pages;
    CHECK(file != NULL && fscanf(file, "%lu %lu", &all, &pages) == 2);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static struct market *new_market(const struct market_limits *limits)
{
    void *memory = mmap(NULL, market_size(limits), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(memory != MAP_FAILED);
    return market_init(memory, limits);
}

/* Addresses look like hashes. */
static struct address address_of(uint32_t index)
{
    struct address address;
    uint64_t z = (index + 1) * UINT64_C(0xd1342543de82ef95);
    for (size_t i = 0; i < sizeof address.bytes; i++) {
        z = (z ^ z >> 29) * UINT64_C(0xbf58476d1ce4e5b9) + i;
        address.bytes[i] = (uint8_t)(z >> 56);
    }
    memcpy(address.bytes, &index, sizeof index);
    return address;
}

static void open_with(struct market *market, const struct action *action)
{
    CHECK(market_open(market, action) == VERDICT_OK);
}

static void admit(struct market *market, uint32_t count)
{
    char name[MARKET_NAME_MAX + 1];
    for (uint32_t i = 0; i < count; i++) {
        uint8_t role = i == 0 ? ROLE_OPERATOR : i == 1 ? ROLE_DISTRIBUTION : ROLE_PROSUMER;
        snprintf(name, sizeof name, "participant-%u", i);
        open_with(market,
                  &(struct action){.type = ACTION_ADMIT, .admit = {address_of(i), bytes_of(name), role}});
        open_with(market, &(struct action){.type = ACTION_MINT,
                                           .mint = {address_of(i), {1000000000000}, {INT64_C(1) << 32}}});
        if (i % 500 == 0)
            market_commit(market);
    }
    market_commit(market);
}

static uint64_t some_interval(struct bench *b)
{
    uint32_t n = b->options.intervals;
    return n < 2 ? 0 : DAY / 1000 + 86400 + 900 * draw(b, n);
}

static uint32_t some_actor(struct bench *b)
{
    return 2 + (uint32_t)draw(b, b->options.participants - 2);
}

static struct step some_sell(struct bench *b)
{
    struct step s = {.type = ACTION_SELL, .actor = some_actor(b), .target = some_interval(b)};
    s.energy = 1 + (int32_t)draw(b, WH);
    s.price = PRICE + (int32_t)draw(b, PRICE / 2);
    if (draw(b, 100) < b->options.expiring)
        s.expires = DAY / 1000 + 3600 + draw(b, 80000);
    return s;
}

/* Keeps the number of posts where it is. */
static struct step some_buy(struct bench *b)
{
    struct step s = {.type = ACTION_BUY, .actor = some_actor(b), .target = some_interval(b)};
    struct parameters now;
    market_parameters(b->pilot, &now);
    s.energy = 1 + (int32_t)draw(b, now.orders > b->options.posts ? 2 * WH : WH / 4);
    s.price = 2 * PRICE;
    return s;
}

/* An open post of the pilot and its owner. Those that buyers have emptied are dropped from the list here. */
static struct order some_post(struct bench *b, uint32_t *at_out)
{
    struct order order;
    for (;;) {
        *at_out = (uint32_t)draw(b, b->open_count);
        if (market_order(b->pilot, b->open[*at_out], &order))
            return order;
        b->open[*at_out] = b->open[--b->open_count];
    }
}

static struct step some_step(struct bench *b)
{
    uint64_t dice = draw(b, 10);
    if (dice < 4)
        return some_sell(b);
    if (dice < 6)
        return some_buy(b);
    uint32_t at;
    struct order order = some_post(b, &at);
    if (dice < 8) {
        b->open[at] = b->open[--b->open_count];
        return (struct step){.type = ACTION_CANCEL, .actor = order.account, .target = order.id};
    }
    struct step s = {.type = ACTION_UPDATE, .actor = order.account, .target = order.id};
    s.energy = 1 + (int32_t)draw(b, WH);
    s.price = PRICE + (int32_t)draw(b, PRICE / 2);
    return s;
}

static struct action unpack(const struct bench *b, const struct step *s)
{
    struct action a;
    a.type = (enum action_type)s->type;
    a.actor = b->addresses[s->actor];
    if (a.type == ACTION_SELL) {
        a.sell.interval = s->target;
        a.sell.energy.wh = s->energy;
        a.sell.price.micro_per_kwh = s->price;
        a.sell.expires = s->expires;
    } else if (a.type == ACTION_BUY) {
        a.buy.interval = s->target;
        a.buy.energy.wh = s->energy;
        a.buy.max_price.micro_per_kwh = s->price;
        a.buy.fill = FILL_PARTIAL;
        a.buy.expires = 0;
    } else if (a.type == ACTION_UPDATE) {
        a.update.order = s->target;
        a.update.energy.wh = s->energy;
        a.update.price.micro_per_kwh = s->price;
    } else {
        a.cancel.order = s->target;
    }
    return a;
}

static enum verdict apply(const struct bench *b, struct market *market, const struct step *s,
                          struct outcome *outcome)
{
    struct action action = unpack(b, s);
    return market_apply(market, &action, (struct wall){DAY}, outcome);
}

/* Makes the stream in the pilot. */
static void make(struct bench *b)
{
    struct outcome outcome;
    for (uint32_t i = 0; i < b->step_count; i++) {
        b->steps[i] = some_step(b);
        enum verdict verdict = apply(b, b->pilot, &b->steps[i], &outcome);
        b->verdicts[verdict]++;
        b->trades += outcome.trade_count;
        if (b->steps[i].type == ACTION_SELL && verdict == VERDICT_OK)
            b->open[b->open_count++] = outcome.order;
        if (i % b->options.commit == 0)
            market_commit(b->pilot);
    }
    market_commit(b->pilot);
}

static void count_row(void *context, struct row_key key, struct bytes value)
{
    (void)key;
    *(uint64_t *)context += value.size;
}

/* What the ledger does at the end of a block: perhaps it reads what has changed. */
static void commit(struct bench *b)
{
    uint64_t bytes = 0;
    if (b->options.changes)
        market_changes(b->subject, count_row, &bytes);
    market_commit(b->subject);
}

/* Processor time of `count` of these actions in the subject. */
static double run(struct bench *b, const struct step *steps, uint32_t count)
{
    struct outcome outcome;
    struct action ring[RING];
    uint32_t gap = b->options.ahead;
    double start = processor_time();
    for (uint32_t i = 0; i < count + 3 * gap; i++) {
        if (i < count)
            ring[i % RING] = unpack(b, &steps[i]);
        for (uint32_t step = 0; gap > 0 && step < 3; step++)
            if (i >= step * gap && i - step * gap < count)
                market_expect(b->subject, &ring[(i - step * gap) % RING], step);
        if (i < 3 * gap)
            continue;
        market_apply(b->subject, &ring[(i - 3 * gap) % RING], (struct wall){DAY}, &outcome);
        if ((i + 1 - 3 * gap) % b->options.commit == 0)
            commit(b);
    }
    commit(b);
    return processor_time() - start;
}

/* Fills a market with posts; the processor time of that. */
static double fill(struct bench *b, struct market *market)
{
    struct outcome outcome;
    double took = 0;
    for (uint32_t done = 0; done < b->options.posts;) {
        uint32_t count = b->options.posts - done < CHUNK ? b->options.posts - done : CHUNK;
        for (uint32_t i = 0; i < count; i++)
            b->steps[i] = some_sell(b);
        double start = processor_time();
        for (uint32_t i = 0; i < count; i++, done++) {
            CHECK(apply(b, market, &b->steps[i], &outcome) == VERDICT_OK);
            b->open[done] = outcome.order;
            if (done % b->options.commit == 0)
                market_commit(market);
        }
        took += processor_time() - start;
    }
    market_commit(market);
    b->open_count = b->options.posts;
    return took;
}

static void set(json_t *json, const char *name, double value)
{
    json_object_set_new(json, name, json_real(value));
}

/* A large market: what it takes, and how long the rare things last. */
static void measure_scale(struct bench *b, json_t *result)
{
    size_t before = resident();
    uint64_t bytes = 0;
    struct outcome outcome;
    double start = processor_time();
    b->subject = new_market(&b->limits);
    admit(b->subject, b->options.participants);
    set(result, "admit_and_mint_per_s", b->options.participants / (processor_time() - start));
    set(result, "sell_per_s", b->options.posts / fill(b, b->subject));
    set(result, "resident_mib", (double)(resident() - before) / 1048576);
    start = processor_time();
    market_rows(b->subject, count_row, &bytes);
    set(result, "all_rows_s", processor_time() - start);
    set(result, "all_rows_mib", (double)bytes / 1048576);
    start = processor_time();
    CHECK(market_audit(b->subject));
    set(result, "audit_s", processor_time() - start);
    start = processor_time();
    struct action a = {.type = ACTION_CANCEL, .actor = address_of(2)};
    market_apply(b->subject, &a, (struct wall){(int64_t)3 * DAY}, &outcome);
    set(result, "all_orders_go_at_once_s", processor_time() - start);
    set(result, "resident_after_that_mib", (double)(resident() - before) / 1048576);
    start = processor_time();
    market_rollback(b->subject);
    set(result, "rollback_of_that_s", processor_time() - start);
}

static void measure_mix(struct bench *b, json_t *result)
{
    b->pilot = new_market(&b->limits);
    b->subject = new_market(&b->limits);
    admit(b->pilot, b->options.participants);
    admit(b->subject, b->options.participants);
    uint64_t random = b->random;
    fill(b, b->subject);
    b->random = random;
    fill(b, b->pilot);
    make(b);
    double took = 0, least = 1e9;
    for (uint32_t at = 0; at < b->step_count; at += CHUNK) {
        double seconds = run(b, &b->steps[at], CHUNK);
        if (at == 0)
            continue; /* the first one warms the caches and the pages */
        took += seconds;
        least = seconds < least ? seconds : least;
    }
    struct parameters parameters;
    market_parameters(b->subject, &parameters);
    CHECK(market_audit(b->subject));
    double applied = b->step_count - CHUNK, all = b->step_count;
    set(result, "actions_per_s", applied / took);
    set(result, "ns_per_action", took / applied * 1e9);
    set(result, "ns_per_action_best_chunk", least / CHUNK * 1e9);
    set(result, "accepted", (double)b->verdicts[VERDICT_OK] / all);
    set(result, "trades_per_action", (double)b->trades / all);
    json_object_set_new(result, "posts_open_at_the_end", json_integer(parameters.orders));
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {{"posts", 1, 0, 'p'},     {"participants", 1, 0, 'n'},
                                          {"intervals", 1, 0, 'i'}, {"expiring", 1, 0, 'e'},
                                          {"commit", 1, 0, 'c'},    {"actions", 1, 0, 'a'},
                                          {"scale", 0, 0, 'S'},     {"changes", 0, 0, 'C'},
                                          {"ahead", 1, 0, 'A'},     {0, 0, 0, 0}};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        uint32_t number = optarg == NULL ? 0 : (uint32_t)strtoul(optarg, NULL, 10);
        switch (c) {
        case 'p':
            o->posts = number;
            break;
        case 'n':
            o->participants = number;
            break;
        case 'i':
            o->intervals = number;
            break;
        case 'e':
            o->expiring = number;
            break;
        case 'c':
            o->commit = number;
            break;
        case 'a':
            o->actions = number;
            break;
        case 'S':
            o->scale = true;
            break;
        case 'A':
            o->ahead = number;
            break;
        case 'C':
            o->changes = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc && o->posts >= 1000 && o->posts <= 8000000 && o->participants >= 3 &&
           o->participants <= 8000000 && o->intervals <= 1000 && o->expiring <= 100 && o->commit >= 1 &&
           o->ahead <= 20 && o->actions >= 2 * CHUNK && o->actions <= 10000000;
}

int market_bench(int argc, char **argv)
{
    static struct bench b = {.options = {100000, 10000, 24, 25, 500, 1000000, 3, false, false}};
    if (!parse(argc, argv, &b.options)) {
        fputs(
            "usage: busbar-bench market [--posts N] [--participants N] [--intervals N] [--expiring PERCENT]\n"
            "         [--commit ACTIONS] [--actions N] [--changes] [--ahead N] [--scale]: a mixed stream on "
            "N\n"
            "         open posts; --changes: reads what changed before each commit; --ahead: actions\n"
            "         between two steps of market_expect, 0: without; --scale: what a market "
            "of that size takes\n",
            stderr);
        return 2;
    }
    const struct options *o = &b.options;
    b.limits = (struct market_limits){o->participants, o->posts + o->posts / 4, 1000, 1024, 1000};
    b.open = calloc((size_t)o->posts + o->actions + CHUNK, sizeof *b.open);
    b.step_count = o->scale ? CHUNK : (o->actions + CHUNK - 1) / CHUNK * CHUNK;
    b.steps = calloc(b.step_count, sizeof *b.steps);
    b.addresses = calloc(o->participants, sizeof *b.addresses);
    CHECK(b.open != NULL && b.steps != NULL && b.addresses != NULL);
    for (uint32_t i = 0; i < o->participants; i++)
        b.addresses[i] = address_of(i);
    json_t *result = json_object();
    json_object_set_new(result, "posts", json_integer(o->posts));
    json_object_set_new(result, "participants", json_integer(o->participants));
    json_object_set_new(result, "intervals", json_integer(o->intervals));
    json_object_set_new(result, "expiring_percent", json_integer(o->expiring));
    json_object_set_new(result, "commit_every", json_integer(o->commit));
    json_object_set_new(result, "known_ahead", json_integer(3 * o->ahead));
    json_object_set_new(result, "changes_read", json_boolean(o->changes));
    if (o->scale)
        measure_scale(&b, result);
    else
        measure_mix(&b, result);
    json_dumpf(result, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(result);
    free(b.open);
    free(b.steps);
    free(b.addresses);
    return 0;
}

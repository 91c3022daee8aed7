#include "tests/market/stream.h"

#include <busbar/check.h>

#define BELOW(bound) stream_below(s, (uint64_t)(bound))
#define ONE_IN(n)    stream_one_in(s, n)
#define PICK(...)                                                                                            \
    pick(s, (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* As many bytes as numbers below `bound` have. */
static uint64_t off_tape(struct stream *s, uint64_t bound)
{
    struct reader r = reader_at(s->tape);
    size_t size = bound <= 256 ? 1 : bound <= 65536 ? 2 : 8;
    uint64_t value = read_uint(&r, size);
    s->tape = r.ok ? r.left : (struct bytes){s->tape.data + s->tape.size, 0};
    return value % bound;
}

uint64_t stream_below(struct stream *s, uint64_t bound)
{
    if (s->tape.data != NULL)
        return off_tape(s, bound);
    /* splitmix64 */
    uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % bound;
}

bool stream_one_in(struct stream *s, uint64_t n)
{
    return stream_below(s, n) == 0;
}

static int64_t pick(struct stream *s, const int64_t *values, size_t count)
{
    return values[BELOW(count)];
}

static struct address address_of(uint64_t key)
{
    struct address address;
    for (size_t i = 0; i < sizeof address.bytes; i++) {
        key = key * UINT64_C(6364136223846793005) + 1442695040888963407;
        address.bytes[i] = (uint8_t)(key >> 40);
    }
    return address;
}

/* Any 64-bit number that something could trip over. */
static int64_t edge(struct stream *s)
{
    return PICK(INT64_MIN, INT64_MIN + 1, -MARKET_ENERGY_MAX, -2, -1, 0, 1, 2, MARKET_ENERGY_MAX - 1,
                MARKET_ENERGY_MAX, MARKET_ENERGY_MAX + 1, INT32_MAX, UINT32_MAX, INT64_C(1) << 32,
                INT64_MAX - 1, INT64_MAX);
}

/* `value`, one less or one more. */
static int64_t about(struct stream *s, int64_t value)
{
    return value > INT64_MAX - 2 ? value : value + (int64_t)BELOW(3) - 1;
}

static int64_t second_of(const struct stream *s)
{
    return s->now.ms / 1000 - (s->now.ms % 1000 < 0);
}

/* -- worlds -------------------------------------------------------------------------------------------------
 */

static void draw_limits(struct stream *s, struct world *w)
{
    if (w->crowd)
        w->limits = (struct market_limits){16, 1250 + (uint32_t)BELOW(300), 16, 8, 64};
    else if (ONE_IN(3))
        w->limits =
            (struct market_limits){3 + (uint32_t)BELOW(6), 1 + (uint32_t)BELOW(8), (uint32_t)(1 + BELOW(4)),
                                   1 + (uint32_t)BELOW(3), (uint32_t)(1 + BELOW(4))};
    else
        w->limits = (struct market_limits){20 + (uint32_t)BELOW(120), 20 + (uint32_t)BELOW(200), 100, 32,
                                           20 + (uint32_t)BELOW(200)};
}

static void draw_world(struct stream *s, bool crowd)
{
    struct world *w = &s->world;
    *w = (struct world){.crowd = crowd};
    draw_limits(s, w);
    w->mode = (uint8_t)PICK(0, 1, 2, 2);
    if (crowd && ONE_IN(2))
        w->mode = POLICY_NONE;
    w->deep = !crowd && ONE_IN(2);
    w->accounts = (uint32_t)PICK(1, 2, 3, 4, 6, 10, 30, 60);
    if (crowd)
        w->accounts = 3 + (uint32_t)BELOW(3);
    if (w->accounts > w->limits.accounts - 2)
        w->accounts = w->limits.accounts - 2;
    w->lines = (uint32_t)PICK(0, 1, w->accounts, 2 * w->accounts, w->accounts * w->accounts,
                              w->accounts * w->accounts);
    if (crowd)
        w->lines = (uint32_t)BELOW(3);
    if (w->deep)
        w->lines = w->accounts * w->accounts;
    if (w->lines > 120)
        w->lines = 120;
    w->energy = crowd ? 1 : PICK(1, 3, 10, 50, MARKET_ENERGY_MAX);
    w->price = crowd ? 2 : PICK(1, 2, 5, 40, MARKET_PRICE_MAX);
    w->stock = w->energy * PICK(20, 300, 10000);
    w->money = w->energy * PICK(2, 30, 5000) * (w->price > 1000 ? 1000 : w->price);
    if (crowd)
        w->stock = 4000;
    w->interval_seconds = (uint64_t)PICK(0, 0, 60, 900);
    w->future = (uint32_t)PICK(0, 1, 2, 5, 12);
    if (w->deep)
        w->future = (uint32_t)BELOW(2);
    s->now.ms = PICK(0, -3500, -150000, -150000, 999, 1700000000000, INT64_MAX - 400000000);
}

void stream_begin(struct stream *s, uint64_t seed, bool crowd)
{
    *s = (struct stream){.random = seed * UINT64_C(0x2545f4914f6cdd1d)};
    draw_world(s, crowd);
}

void stream_begin_tape(struct stream *s, struct bytes tape)
{
    *s = (struct stream){.tape = tape};
    draw_world(s, false);
}

/* -- whom and what ------------------------------------------------------------------------------------------
 */

/* Somebody with one of the roles (a bit each), not revoked: nearly always. Else anybody, or nobody. */
static struct address who(struct stream *s, unsigned roles)
{
    const struct naive *n = s->naive;
    if (ONE_IN(60))
        return (struct address){{0}};
    if (ONE_IN(60))
        return address_of(s->keys + 1000);
    if (ONE_IN(60) && n->retired_count > 0)
        return n->retired[BELOW(n->retired_count)].address;
    bool any = ONE_IN(30);
    uint32_t start = (uint32_t)BELOW(n->account_count);
    for (uint32_t i = 0; i < n->account_count; i++) {
        const struct account *a = &n->accounts[(start + i) % n->account_count];
        if (any || (!a->revoked && (roles & 1u << a->role)))
            return a->address;
    }
    return n->accounts[start].address;
}

#define OPERATOR     (1u << ROLE_OPERATOR)
#define DISTRIBUTION (1u << ROLE_DISTRIBUTION)
#define PROSUMER     (1u << ROLE_PROSUMER)
#define BUYERS       (PROSUMER | 1u << ROLE_CONSUMER)
#define EVERYBODY    (BUYERS | 1u << ROLE_METER)

static const struct account *account_of(const struct naive *n, const struct address *address)
{
    for (uint32_t i = 0; i < n->account_count; i++)
        if (address_equal(&n->accounts[i].address, address))
            return &n->accounts[i];
    return &n->accounts[0];
}

static int64_t some_energy(struct stream *s, int64_t free)
{
    if (ONE_IN(40))
        return edge(s);
    if (s->world.crowd)
        return 1;
    if (ONE_IN(10) && free > 0)
        return about(s, free);
    return 1 + (int64_t)BELOW(s->world.energy);
}

static int64_t some_price(struct stream *s)
{
    return ONE_IN(50) ? edge(s) : (int64_t)BELOW(s->world.price + 1);
}

static uint64_t some_interval(struct stream *s)
{
    uint64_t length = s->naive->policy.interval_seconds, gate = s->naive->policy.gate_seconds;
    uint64_t second = (uint64_t)second_of(s);
    if (ONE_IN(40))
        return (uint64_t)PICK(1, -1, INT64_MAX, INT64_MIN, 899, 900);
    if (ONE_IN(30))
        return second + gate + BELOW(3) - 1;
    if (s->world.future == 0 || ONE_IN(3))
        return 0;
    uint64_t step = length == 0 || length > 100000 ? 300 : length;
    uint64_t gates = gate > 1000000 ? 0 : gate;
    uint64_t base = second_of(s) < 0 ? 0 : second + gates;
    return (base / step + 1 + BELOW(s->world.future)) * step;
}

static uint64_t some_expiry(struct stream *s)
{
    uint64_t second = (uint64_t)second_of(s);
    if (ONE_IN(40))
        return (uint64_t)PICK(1, -1, INT64_MAX, INT64_MIN);
    if (ONE_IN(30))
        return second + BELOW(3) - 1;
    return ONE_IN(s->world.deep ? 30 : 3) ? second + 1 + BELOW(3000) : 0;
}

/* The order of one side of nearly any interval; mostly one that there is. */
static const struct order *some_order(struct stream *s, bool posts_only)
{
    static const struct order none = {.id = 77777777};
    uint32_t count = s->naive->order_count;
    if (count == 0 || ONE_IN(40))
        return &none;
    for (int i = 0; i < 8; i++) {
        const struct order *o = &s->naive->orders[BELOW(count)];
        if (!posts_only || !(o->id & MARKET_BID_FLAG))
            return o;
    }
    return &s->naive->orders[BELOW(count)];
}

/* -- one generator an action --------------------------------------------------------------------------------
 */

static void make_sell(struct stream *s, struct action *a)
{
    a->actor = who(s, PROSUMER);
    const struct account *seller = account_of(s->naive, &a->actor);
    a->sell.interval = some_interval(s);
    a->sell.energy.wh = some_energy(s, seller->energy.wh - seller->on_sale.wh);
    a->sell.price.micro_per_kwh = some_price(s);
    a->sell.expires = some_expiry(s);
    if (s->world.crowd && !ONE_IN(20)) {
        a->actor = s->naive->accounts[2].address;
        a->sell.interval = a->sell.expires = 0;
        a->sell.energy.wh = 1;
    }
}

static void make_buy(struct stream *s, struct action *a)
{
    const struct order *order = some_order(s, true);
    a->actor = who(s, BUYERS);
    a->buy.interval = order->id != 77777777 && !ONE_IN(4) ? order->interval : some_interval(s);
    a->buy.energy.wh = ONE_IN(3) ? order->energy.wh + (int64_t)BELOW(3) - 1 : some_energy(s, 0);
    if (ONE_IN(5) && a->buy.energy.wh > 0 && a->buy.energy.wh < MARKET_ENERGY_MAX / 8)
        a->buy.energy.wh *= 8;
    a->buy.max_price.micro_per_kwh = ONE_IN(3) ? s->world.price + (int64_t)BELOW(3) : some_price(s);
    a->buy.fill = (uint8_t)(ONE_IN(50) ? BELOW(256) : BELOW(3));
    if (s->world.deep && ONE_IN(3))
        a->buy.fill = FILL_REST;
    a->buy.expires = some_expiry(s);
    if (s->world.crowd) {
        a->actor = s->naive->accounts[ONE_IN(10) ? 2 : 3].address;
        a->buy.interval = 0;
        bool many = s->naive->order_count > 1100;
        a->buy.energy.wh = ONE_IN(20) ? 1024 : many ? PICK(1, 1025, 1100) : PICK(1, 2, 3, 5, 1100);
        a->buy.max_price.micro_per_kwh = ONE_IN(4) ? a->buy.max_price.micro_per_kwh : s->world.price;
        a->buy.fill = ONE_IN(4) ? a->buy.fill : FILL_ALL_OR_NOTHING;
    }
}

static void make_update(struct stream *s, struct action *a)
{
    const struct order *order = some_order(s, !ONE_IN(10));
    a->actor = ONE_IN(20) ? who(s, EVERYBODY) : s->naive->accounts[order->account].address;
    const struct account *owner = account_of(s->naive, &a->actor);
    int64_t free = owner->energy.wh - owner->on_sale.wh;
    a->update.order = order->id;
    a->update.energy.wh = ONE_IN(2) ? order->energy.wh + (int64_t)BELOW(3) - 1 : some_energy(s, free);
    a->update.price = ONE_IN(2) ? order->price : (struct price){some_price(s)};
}

static void make_cancel(struct stream *s, struct action *a)
{
    const struct order *order = some_order(s, false);
    a->actor = ONE_IN(20) ? who(s, EVERYBODY) : s->naive->accounts[order->account].address;
    a->cancel.order = ONE_IN(60) ? (uint64_t)edge(s) : order->id;
}

static void make_transfer(struct stream *s, struct action *a)
{
    a->actor = who(s, EVERYBODY);
    const struct account *from = account_of(s->naive, &a->actor);
    int64_t free = from->money.nano - from->escrow.nano;
    a->transfer.to = ONE_IN(20) ? a->actor : who(s, EVERYBODY | DISTRIBUTION);
    a->transfer.amount.nano = ONE_IN(20)  ? edge(s)
                              : ONE_IN(5) ? about(s, free)
                                          : 1 + (int64_t)BELOW(free / 8 + 1);
}

static void make_admit(struct stream *s, struct action *a)
{
    static const char *const odd[] = {"",
                                      "1a",
                                      "-",
                                      "a b",
                                      "a\xc3\xa9",
                                      "a-b_c.d9",
                                      "operator",
                                      "A234567890123456789012345678901",
                                      "A2345678901234567890123456789012"};
    a->actor = who(s, OPERATOR);
    a->admit.participant = ONE_IN(20) ? who(s, EVERYBODY) : address_of(++s->keys);
    CHECK(snprintf(s->name, sizeof s->name, "n%llu", (unsigned long long)s->keys) > 0);
    a->admit.name = bytes_of(ONE_IN(6) ? odd[BELOW(sizeof odd / sizeof *odd)] : s->name);
    a->admit.role = (uint8_t)(ONE_IN(6)   ? PICK(0, 1, 2, 5, 6, 255)
                              : ONE_IN(3) ? ROLE_CONSUMER
                                          : ROLE_PROSUMER);
}

static void make_revoke(struct stream *s, struct action *a)
{
    a->actor = who(s, OPERATOR);
    /* Nobody comes back when there is no room for another key. */
    bool last = s->naive->retired_count + 1 >= s->naive->limits.accounts && !ONE_IN(20);
    a->revoke.participant = who(s, last || ONE_IN(10) ? OPERATOR | DISTRIBUTION : EVERYBODY);
}

/* Mostly for one that is revoked, so that worlds do not die out. */
static void make_rekey(struct stream *s, struct action *a)
{
    const struct naive *n = s->naive;
    bool scarce = n->retired_count + 3 >= n->limits.accounts;
    a->actor = who(s, OPERATOR);
    a->rekey.participant = who(s, EVERYBODY | OPERATOR | DISTRIBUTION);
    for (uint32_t i = 0; i < n->account_count && !ONE_IN(6); i++)
        if (n->accounts[i].revoked) {
            a->rekey.participant = n->accounts[i].address;
            scarce = false;
        }
    a->rekey.successor = ONE_IN(8) || (scarce && !ONE_IN(20)) ? who(s, EVERYBODY) : address_of(++s->keys);
}

static void make_mint(struct stream *s, struct action *a)
{
    a->actor = who(s, OPERATOR);
    a->mint.to = who(s, EVERYBODY);
    a->mint.money.nano = ONE_IN(12) ? edge(s) : (int64_t)BELOW(s->world.money + 1);
    a->mint.energy.wh = ONE_IN(12) ? edge(s) : (int64_t)BELOW(s->world.stock + 1);
    /* Rarely to the brim: afterwards every mint overflows. */
    if (a->mint.money.nano > INT64_MAX / 4 && !ONE_IN(8))
        a->mint.money.nano = about(s, INT64_MAX - s->naive->money_total);
    if (a->mint.energy.wh > INT64_MAX / 4 && !ONE_IN(8))
        a->mint.energy.wh = about(s, INT64_MAX - s->naive->energy_total);
}

/* The largest use of a line in any interval. */
static int64_t used_of(const struct naive *n, const struct naive_line *line)
{
    int64_t most = 0;
    for (uint32_t i = 0; i < n->use_count; i++)
        if (n->uses[i].buyer == line->buyer && n->uses[i].seller == line->seller && n->uses[i].used > most)
            most = n->uses[i].used;
    return most;
}

static void make_line(struct stream *s, struct action *a)
{
    const struct naive *n = s->naive;
    a->actor = who(s, DISTRIBUTION);
    a->line.buyer = who(s, BUYERS);
    a->line.seller = ONE_IN(30) ? a->line.buyer : who(s, PROSUMER);
    a->line.capacity.wh = ONE_IN(20)   ? edge(s)
                          : ONE_IN(20) ? -1
                          : ONE_IN(3)  ? 0
                                       : (int64_t)BELOW(2 * s->world.energy + 1);
    if (n->line_count > 0 && ONE_IN(3)) {
        const struct naive_line *line = &n->lines[BELOW(n->line_count)];
        a->line.buyer = n->accounts[line->buyer].address;
        a->line.seller = n->accounts[line->seller].address;
        if (ONE_IN(2))
            a->line.capacity.wh = used_of(n, line) + (int64_t)BELOW(s->world.energy + 1);
    }
    if (s->world.crowd && ONE_IN(2))
        a->line.capacity.wh = 0;
}

static void make_policy(struct stream *s, struct action *a)
{
    a->actor = who(s, DISTRIBUTION);
    a->policy = (struct policy){
        .mode = (uint8_t)(ONE_IN(30) ? (int64_t)BELOW(256) : PICK(0, 1, 1, 2, 2)),
        .recipient = (uint8_t)(ONE_IN(30) ? BELOW(256) : BELOW(2)),
        .penalty = {ONE_IN(30) ? edge(s) : PICK(0, 0, 1, 1, 2, 2, 1 + s->world.price / 3, 1000)},
        .interval_seconds = s->world.interval_seconds,
        .gate_seconds = (uint64_t)PICK(0, 0, 60, 300)};
    if (a->policy.mode < POLICY_END && !ONE_IN(3))
        a->policy.mode = s->world.mode;
    if (ONE_IN(6))
        a->policy.band_high.micro_per_kwh = s->world.price;
    if (ONE_IN(12))
        a->policy.band_low.micro_per_kwh = 1 + (int64_t)BELOW(s->world.price);
    if (ONE_IN(30))
        a->policy.band_high.micro_per_kwh = edge(s);
    if (ONE_IN(15))
        a->policy.interval_seconds = (uint64_t)PICK(0, 1, 60, 900, -1, INT64_MIN);
    if (ONE_IN(40))
        a->policy.gate_seconds = (uint64_t)PICK(-1, INT64_MAX, INT64_MIN, 1000000000);
}

static void make_market(struct stream *s, struct action *a)
{
    a->actor = who(s, OPERATOR);
    a->market.state = (uint8_t)(ONE_IN(12) ? BELOW(256) : s->naive->state == MARKET_HALTED ? 0 : BELOW(2));
}

static void make_correction(struct stream *s, struct action *a)
{
    a->actor = who(s, OPERATOR);
    a->correction.from = who(s, EVERYBODY);
    a->correction.to = who(s, EVERYBODY);
    const struct account *from = account_of(s->naive, &a->correction.from);
    int64_t money = from->money.nano - from->escrow.nano, energy = from->energy.wh - from->on_sale.wh;
    a->correction.money.nano = ONE_IN(10)  ? edge(s)
                               : ONE_IN(5) ? about(s, money)
                                           : (int64_t)BELOW(money / 8 + 1);
    a->correction.energy.wh = ONE_IN(10)  ? edge(s)
                              : ONE_IN(5) ? about(s, energy)
                                          : (int64_t)BELOW(energy / 8 + 1);
    a->correction.known = !ONE_IN(8);
    a->correction.reason = bytes_of("because");
}

static void make_sealer(struct stream *s, struct action *a)
{
    a->actor = who(s, OPERATOR);
    a->sealer.sealer = ONE_IN(4) ? (struct address){{0}} : address_of(BELOW(1000));
}

/* -- the stream ---------------------------------------------------------------------------------------------
 */

static const struct {
    void (*make)(struct stream *, struct action *);
    uint8_t weight, crowd; /* in a hundred or so */
} makers[ACTION_TYPES] = {
    [ACTION_SELL] = {make_sell, 36, 120},
    [ACTION_BUY] = {make_buy, 26, 1},
    [ACTION_UPDATE] = {make_update, 9, 2},
    [ACTION_CANCEL] = {make_cancel, 7, 1},
    [ACTION_TRANSFER] = {make_transfer, 5, 1},
    [ACTION_ADMIT] = {make_admit, 2, 0},
    [ACTION_REVOKE] = {make_revoke, 1, 0},
    [ACTION_REKEY] = {make_rekey, 2, 0},
    [ACTION_MINT] = {make_mint, 4, 2},
    [ACTION_SET_LINE] = {make_line, 12, 2},
    [ACTION_SET_POLICY] = {make_policy, 3, 1},
    [ACTION_SET_MARKET] = {make_market, 2, 0},
    [ACTION_CORRECTION] = {make_correction, 3, 1},
    [ACTION_SET_SEALER] = {make_sealer, 1, 0},
};

static enum action_type draw_type(struct stream *s)
{
    uint64_t total = 0;
    if (s->naive->state == MARKET_HALTED && ONE_IN(4))
        return ACTION_SET_MARKET;
    if (s->world.crowd && s->naive->order_count > 1100 && ONE_IN(30))
        return ACTION_BUY;
    for (int i = 1; i < ACTION_TYPES; i++)
        total += s->world.crowd ? makers[i].crowd : makers[i].weight;
    uint64_t at = BELOW(total);
    for (int i = 1;; i++) {
        uint64_t weight = s->world.crowd ? makers[i].crowd : makers[i].weight;
        if (at < weight)
            return (enum action_type)i;
        at -= weight;
    }
}

static void pass_time(struct stream *s)
{
    int64_t step = ONE_IN(4) ? (int64_t)BELOW(2000) : 0;
    if (ONE_IN(s->world.deep ? 600 : 150) && !s->world.crowd)
        step = (int64_t)BELOW(900000);
    if (s->now.ms <= INT64_MAX - step)
        s->now.ms += step;
}

void stream_next(struct stream *s, const struct naive *naive, struct action *out)
{
    s->naive = naive;
    pass_time(s);
    *out = (struct action){.type = draw_type(s)};
    makers[out->type].make(s, out);
}

/* Two companies, then each participant with what it has, then lines and a policy. */
bool stream_opening(struct stream *s, const struct naive *naive, struct action *out)
{
    const struct world *w = &s->world;
    uint32_t step = s->step++, people = 2 * w->accounts;
    s->naive = naive;
    *out = (struct action){.type = ACTION_ADMIT};
    if (step < 2) {
        static const char *const names[] = {"operator", "distribution"};
        out->admit.participant = address_of(++s->keys);
        out->admit.name = bytes_of(names[step]);
        out->admit.role = step == 0 ? ROLE_OPERATOR : ROLE_DISTRIBUTION;
    } else if (step - 2 < people && step % 2 == 0) {
        make_admit(s, out);
        out->admit.participant = address_of(++s->keys);
        out->admit.name = bytes_of(s->name);
        out->admit.role = (uint8_t)(ONE_IN(3) && step > 2 ? ROLE_CONSUMER : ROLE_PROSUMER);
    } else if (step - 2 < people) {
        const struct account *last = &naive->accounts[naive->account_count - 1];
        out->type = ACTION_MINT;
        out->mint.to = last->address;
        out->mint.money.nano = ONE_IN(6) ? 1 : w->money;
        out->mint.energy.wh = w->stock;
    } else if (step - 2 - people < w->lines) {
        out->type = ACTION_SET_LINE;
        make_line(s, out);
    } else if (step - 2 - people == w->lines) {
        out->type = ACTION_SET_POLICY;
        make_policy(s, out);
    } else {
        return false;
    }
    return true;
}

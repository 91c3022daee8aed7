/* The method `incremental-cost`: boards tell their neighbours a price and shares of a mismatch, never a
 * curve.
 *
 * Board i holds a price λ_i, a part ΔP_i of the neighbourhood's mismatch and a part h_i of its mean slope.
 * Boards keep step: the next one is taken when every live neighbour has been heard with the present one, so
 * that what is lost costs time but never a wrong turn. A step:
 *
 *     λ_i ← λ_i + Σ_j a_ij (λ_j − λ_i) + c_i · ΔP_i / h_i,   a_ij = 1/(1 + max(degree_i, degree_j))
 *     P_i ← P_i(λ_i), and what that changes goes into ΔP_i
 *     each live neighbour is given the part a_ij of ΔP_i and of h_i
 *
 * Giving is counting: a broadcast carries what the pair's giver has given since the pair began, so that a
 * lost, repeated or overtaken broadcast loses nothing, and ΔP_i = v_i + Σ_j (taken_ij − given_ij) at every
 * moment. ΣΔP_i is therefore the true mismatch, and its agreement at zero is balance (agreement alone would
 * not be). A pair that ends (expiry, another life, a leave) is struck from both sides and the sum is right
 * again.
 *
 * No gain is tuned: ΔP_i/h_i is a Newton step on an upper bound of the slope, and c_i = r·min(1, 6r) with r =
 * (degree + 1)/size keeps it slower than the mixing (docs/decisions.md has the study).
 *
 * Certificate: a board is quiet when its price rests, agrees with its neighbours' and its ΔP_i is nothing;
 * its counter is 0 when not, else one more than the least of its own and its neighbours'. Above `size` every
 * board has been quiet at one time. Source: thesis equations 7–9. */
#include "node-fw/dispatch/incremental.h"

#include "node-fw/dispatch/method.h"
#include "node-fw/dispatch/neighbours.h"
#include "node-fw/dispatch/offers.h"
#include "node-fw/dispatch/ramp.h"

#include <string.h>

/* Body: step u16, quiet u16, degree u8, flags u8 (bit 0: the board leaves), lambda u48, lambda of the step
 * before u48; then the offers (offers.h). */
#define HEAD_SIZE 18
#define LEAVES    1

/* A price rests within this, micro-$/kWh. */
#define REST 1
/* What a board applies besides its set-point is news from this on, mW: a meter's noise is none. */
#define NOISE 1000
/* No price is pulled further than by 1 $/kWh (times c) in one step: what a mismatch that is still on its way
 * does wrong is soon undone. */
#define PULL_MAX ((double)((int64_t)1000000 << RAMP_LAMBDA_BITS))
/* Expiries after which a step is taken although some live neighbour has not been heard with it. */
#define PATIENCE 2
/* What a neighbour's broadcast, of at most 240 bytes, takes at 115200 baud. */
#define EAR_MS      20
#define GOODBYES    3
#define REPEATS_MAX 8

#define LAMBDA_MAX ((int64_t)1 << (32 + RAMP_LAMBDA_BITS))

static double magnitude(double x)
{
    return x < 0 ? -x : x;
}

/* Towards zero: to round would be a sum, which a compiler may contract with the product before it. */
static int64_t truncated(double x)
{
    return (int64_t)x;
}

static struct dispatch_incremental *own(struct dispatch *d)
{
    return &d->incremental;
}

/* -- state ----------------------------------------------------------------------------------------------- */

static uint16_t certified_at(const struct dispatch *d)
{
    return (uint16_t)(d->settings.size + 1);
}

/* From here on nothing is left to find out: neighbours' counters differ by one at most, so everyone is
 * certified. */
static uint16_t rest_at(const struct dispatch *d)
{
    return (uint16_t)(2 * d->settings.size + 2);
}

/* Neighbours that were never heard are waited for a little at the start, so that all begin together. */
static bool still_expected(const struct dispatch *d, int64_t patience)
{
    if (d->now - d->started >= patience)
        return false;
    for (size_t i = 0; i < d->neighbour_count; i++) {
        if (!d->neighbours[i].heard)
            return true;
    }
    return false;
}

static void show(struct dispatch *d)
{
    struct dispatch_incremental *s = own(d);
    bool certified = !d->left && s->quiet >= certified_at(d);
    if (certified && !d->view.certified)
        d->view.certified_depth = s->depth;
    else if (!certified)
        d->view.certified_depth = 0;
    d->view.certified = certified;
    d->view.lambda = (uint32_t)((s->lambda + (1 << RAMP_LAMBDA_BITS) / 2) >> RAMP_LAMBDA_BITS);
    d->view.digest = certified ? (uint64_t)(d->view.lambda + 500) / 1000 : 0;
    d->view.mismatch_mw = (int64_t)s->power / (1 << RAMP_POWER_BITS);
    d->view.live = (uint16_t)(1 + neighbours_count_live(d));
}

/* The board adds what it applies to the mismatch from now on. */
static void apply(struct dispatch *d)
{
    struct dispatch_incremental *s = own(d);
    int64_t power = d->left ? 0 : ramp_power(&d->settings.curve, s->lambda);
    int64_t setpoint = (power + (1 << RAMP_POWER_BITS) / 2) >> RAMP_POWER_BITS;
    if (setpoint != d->view.setpoint_mw || d->view.depth == 0)
        d->view.depth = s->depth;
    d->view.setpoint_mw = setpoint;
    if (!s->follows && !d->left)
        power = d->applied_mw * (1 << RAMP_POWER_BITS);
    int64_t value = d->settings.curve.kind == CURVE_CONSUMER ? power : -power;
    s->power += (uint64_t)(value - s->value);
    s->value = value;
    int64_t slope = d->left ? 0 : ramp_slope(&d->settings.curve);
    s->slope += (uint64_t)(slope - s->own_slope);
    s->own_slope = slope;
}

/* Something happened that no counter foresaw: nothing is certain, and who rests must not wait for others. */
static void stir(struct dispatch *d)
{
    own(d)->stirred = own(d)->stirred || own(d)->quiet >= certified_at(d);
    own(d)->quiet = 0;
    show(d);
}

static void owe(struct dispatch *d, bool exchange)
{
    struct dispatch_incremental *s = own(d);
    s->owes = true;
    s->exchange = s->exchange || exchange;
    s->unsent = neighbours_mask(d);
}

static void start(struct dispatch *d)
{
    struct dispatch_incremental *s = own(d);
    memset(s, 0, sizeof *s);
    s->follows = true;
    const struct curve *curve = &d->settings.curve;
    s->lambda = (int64_t)(curve->kind == CURVE_GENERATOR ? curve->lo : curve->hi) << RAMP_LAMBDA_BITS;
    s->before = s->lambda;
    s->stepped_at = s->sent_at = d->now;
    apply(d);
    show(d);
    owe(d, true);
}

/* -- a step ---------------------------------------------------------------------------------------------- */

/* a is later than b, in serial-number arithmetic (RFC 1982). */
static bool newer(uint16_t a, uint16_t b)
{
    return (int16_t)(uint16_t)(a - b) > 0;
}

static uint16_t plus_one(uint16_t n)
{
    return n < UINT16_MAX ? (uint16_t)(n + 1) : n;
}

static double share_of(size_t degree, const struct dispatch_incremental_peer *p)
{
    size_t larger = degree > p->degree ? degree : p->degree;
    return 1.0 / (double)(1 + larger);
}

/* How far the board pulls its price, c·ΔP/h in 2^-16 micro-$/kWh; *bare_out without c. */
static int64_t pull(const struct dispatch *d, size_t degree, double *bare_out)
{
    const struct dispatch_incremental *s = &d->incremental;
    double power = (double)(int64_t)s->power, mean = (double)(int64_t)s->slope;
    /* The mean slope is at least this board's part of it. Less than that is a sum still on its way (after a
     * start, or when a pair was struck), and no measure for a price. */
    if (mean < (double)s->own_slope / (double)d->settings.size || mean < 1) {
        *bare_out = power * LAMBDA_MAX;
        return 0;
    }
    double r = (double)(degree + 1) / (double)d->settings.size;
    if (r > 1)
        r = 1;
    double c = r * (6 * r < 1 ? 6 * r : 1);
    double bare = power / mean * ((int64_t)1 << (RAMP_SLOPE_BITS - RAMP_POWER_BITS + RAMP_LAMBDA_BITS));
    *bare_out = bare;
    if (magnitude(bare) > PULL_MAX)
        bare = bare < 0 ? -PULL_MAX : PULL_MAX;
    return truncated(c * bare);
}

/* What a neighbour offered at the step that ours is: it may be one ahead, and shows both. */
static const struct dispatch_incremental_offer *offer_of(const struct dispatch_incremental *s,
                                                         const struct dispatch_incremental_peer *p)
{
    return p->shared == (uint16_t)(s->step + 1) ? &p->before : &p->offer;
}

/* Takes what the live neighbours have given by this step. */
static void take_offers(struct dispatch *d)
{
    struct dispatch_incremental *s = own(d);
    for (size_t i = 0; i < d->neighbour_count; i++) {
        struct dispatch_incremental_peer *p = &s->peers[i];
        if (!neighbours_live(&d->neighbours[i]) || !p->taken)
            continue;
        const struct dispatch_incremental_offer *offer = offer_of(s, p);
        uint16_t depth = (uint16_t)(p->depth - (offer == &p->before && p->depth > 0));
        s->depth = depth > s->depth ? depth : s->depth;
        s->power += offer->power - p->taken_power;
        s->slope += offer->slope - p->taken_slope;
        p->taken_power = offer->power;
        p->taken_slope = offer->slope;
    }
}

/* Moves the price; returns true when it rests where the neighbours' do. A step that could not wait for all
 * only mixes: to correct the same mismatch twice would be a way to diverge. */
static bool move(struct dispatch *d, size_t degree, bool together)
{
    struct dispatch_incremental *s = own(d);
    const double rest = REST << RAMP_LAMBDA_BITS;
    double bare;
    int64_t by = pull(d, degree, &bare);
    if (!together)
        by = 0;
    bool quiet = magnitude(bare) <= rest;
    for (size_t i = 0; i < d->neighbour_count; i++) {
        if (!neighbours_live(&d->neighbours[i]) || !s->peers[i].taken)
            continue;
        int64_t apart = offer_of(s, &s->peers[i])->lambda - s->lambda;
        by += truncated((double)apart * share_of(degree, &s->peers[i]));
        quiet = quiet && magnitude((double)apart) <= rest;
    }
    int64_t next = s->lambda + by;
    next = next < 0                                      ? 0
           : next > LAMBDA_MAX - (1 << RAMP_LAMBDA_BITS) ? LAMBDA_MAX - (1 << RAMP_LAMBDA_BITS)
                                                         : next;
    quiet = quiet && magnitude((double)(next - s->lambda)) <= rest;
    s->before = s->lambda;
    s->lambda = next;
    return quiet;
}

/* Gives every live neighbour its part of what is held. */
static void give(struct dispatch *d, size_t degree)
{
    struct dispatch_incremental *s = own(d);
    double power = (double)(int64_t)s->power, slope = (double)(int64_t)s->slope;
    for (size_t i = 0; i < d->neighbour_count; i++) {
        struct dispatch_incremental_peer *p = &s->peers[i];
        if (!neighbours_live(&d->neighbours[i]))
            continue;
        p->part_power = (uint64_t)truncated(power * share_of(degree, p));
        p->part_slope = (uint64_t)truncated(slope * share_of(degree, p));
        p->given_power += p->part_power;
        p->given_slope += p->part_slope;
        s->power -= p->part_power;
        s->slope -= p->part_slope;
    }
}

/* The counter of the certificate after a step that was quiet or not; one that could not wait for all proves
 * nothing. */
static void count(struct dispatch *d, bool quiet, bool together)
{
    struct dispatch_incremental *s = own(d);
    uint16_t least = s->quiet;
    for (size_t i = 0; i < d->neighbour_count; i++) {
        if (neighbours_live(&d->neighbours[i]) && s->peers[i].quiet < least)
            least = s->peers[i].quiet;
    }
    uint16_t next = least < rest_at(d) ? (uint16_t)(least + 1) : rest_at(d);
    if (!together && next > s->quiet)
        next = s->quiet;
    s->quiet = quiet ? next : 0;
}

/* True when every live neighbour has been heard with the counters of our present step, or of a later one. */
static bool heard_all(const struct dispatch *d)
{
    for (size_t i = 0; i < d->neighbour_count; i++) {
        if (!neighbours_live(&d->neighbours[i]))
            continue;
        const struct dispatch_incremental_peer *p = &d->incremental.peers[i];
        if (!p->taken || newer(d->incremental.step, p->shared))
            return false;
    }
    return !still_expected(d, 2 * (int64_t)d->settings.exchange_ms);
}

static void step(struct dispatch *d)
{
    struct dispatch_incremental *s = own(d);
    size_t degree = neighbours_count_live(d);
    bool together = heard_all(d);
    take_offers(d);
    bool quiet = move(d, degree, together) && !still_expected(d, dispatch_expiry(d));
    apply(d);
    give(d, degree);
    count(d, quiet, together);
    s->step++;
    /* A round with repetitions says how much was lost, not how long the way is. */
    if (s->repeats == 0)
        s->round_us += ((d->now - s->stepped_at) * 1000 - s->round_us) / 8;
    s->stepped_at = d->now;
    s->stirred = false;
    s->repeats = 0;
    show(d);
    owe(d, true);
}

/* Steps keep step: a board that is behind by more than one (it is new, or islands merge) takes the number of
 * the others, without the work. */
static void catch_up(struct dispatch *d)
{
    struct dispatch_incremental *s = own(d);
    for (size_t i = 0; i < d->neighbour_count; i++) {
        const struct dispatch_incremental_peer *p = &s->peers[i];
        if (!neighbours_live(&d->neighbours[i]) || !p->known || !newer(p->step, (uint16_t)(s->step + 1)))
            continue;
        s->step = p->step;
        s->before = s->lambda;
        for (size_t k = 0; k < d->neighbour_count; k++)
            s->peers[k].part_power = s->peers[k].part_slope = 0;
    }
}

/* True while this board or a neighbour still has something to find out. */
static bool searching(const struct dispatch *d)
{
    if (d->incremental.quiet < certified_at(d))
        return true;
    for (size_t i = 0; i < d->neighbour_count; i++) {
        if (neighbours_live(&d->neighbours[i]) && d->incremental.peers[i].quiet < certified_at(d))
            return true;
    }
    return false;
}

/* How long to wait for the neighbours' steps: exchange_ms, or what their broadcasts take on the wire if that
 * is longer, or twice what a round has taken. */
static int64_t round_ms(const struct dispatch *d)
{
    int64_t twice = 2 * d->incremental.round_us / 1000, beat = dispatch_beat_period(d);
    int64_t wire = EAR_MS * (int64_t)neighbours_count_live(d), round = d->settings.exchange_ms;
    twice = twice < beat ? twice : beat;
    round = round > wire ? round : wire;
    return round > twice ? round : twice;
}

static int64_t step_at(const struct dispatch *d)
{
    const struct dispatch_incremental *s = &d->incremental;
    if (d->left || s->owes)
        return INT64_MAX;
    if (s->stirred)
        return INT64_MIN;
    if (s->quiet < rest_at(d) && heard_all(d))
        return neighbours_count_live(d) > 0 ? INT64_MIN : s->stepped_at + d->settings.exchange_ms;
    return searching(d) ? s->stepped_at + PATIENCE * dispatch_expiry(d) : INT64_MAX;
}

/* When to say the same again. Boards that repeat themselves together drown each other on a narrow wire, again
 * and again: each waits longer every time, and each a little differently. But silence is death: by expiry
 * there have been eight broadcasts, so that loss alone hardly looks like it. */
static int64_t repeat_at(const struct dispatch *d)
{
    const struct dispatch_incremental *s = &d->incremental;
    if (s->owes || (d->left && s->goodbyes == 0))
        return INT64_MAX;
    int64_t eighth = dispatch_expiry(d) / 8, round = round_ms(d);
    int64_t own_way = (d->settings.id * 37 + s->repeats * 61) % 64;
    int64_t pause = round + round * s->repeats / 2 + round * own_way * (s->repeats > 0) / 64;
    if (pause > eighth || !(d->left || searching(d)))
        pause = round > eighth ? round : eighth;
    return s->sent_at + pause;
}

static void pass(struct dispatch *d)
{
    struct dispatch_incremental *s = own(d);
    catch_up(d);
    if (step_at(d) <= d->now)
        step(d);
    else if (repeat_at(d) <= d->now) {
        s->repeats += s->repeats < REPEATS_MAX;
        owe(d, false);
        if (!searching(d))
            s->unsent = 0;
    }
}

static int64_t pass_at(const struct dispatch *d)
{
    int64_t stepping = step_at(d), repeating = repeat_at(d);
    return stepping < repeating ? stepping : repeating;
}

/* -- the pairs ------------------------------------------------------------------------------------------- */

/* Strikes everything that this side of the pair gave and took. The other side does the same, or hears smaller
 * counters than before and takes the difference back. */
static void forget(struct dispatch *d, size_t neighbour)
{
    struct dispatch_incremental *s = own(d);
    struct dispatch_incremental_peer *p = &s->peers[neighbour];
    s->power += p->given_power - p->taken_power;
    s->slope += p->given_slope - p->taken_slope;
    memset(p, 0, sizeof *p);
    stir(d);
}

static void renumber(struct dispatch *d, const uint8_t moved_to[BB_NEIGHBOURS_MAX])
{
    struct dispatch_incremental_peer kept[BB_NEIGHBOURS_MAX] = {0};
    for (size_t old = 0; old < BB_NEIGHBOURS_MAX; old++) {
        if (moved_to[old] < BB_NEIGHBOURS_MAX)
            kept[moved_to[old]] = own(d)->peers[old];
    }
    memcpy(own(d)->peers, kept, sizeof kept);
    stir(d);
}

/* -- broadcasts ------------------------------------------------------------------------------------------ */

static size_t body_size(const struct broadcast *b)
{
    return HEAD_SIZE + offers_size(b);
}

static bool valid(const struct broadcast *b)
{
    struct reader r = reader_at(b->body);
    (void)read_bytes(&r, 5);
    uint8_t flags = read_u8(&r);
    (void)read_bytes(&r, 12);
    return offers_valid(b, &r) && b->shares == 0 && (flags & ~LEAVES) == 0;
}

static bool take(struct dispatch *d, size_t neighbour, const struct broadcast *b, bool late)
{
    struct dispatch_incremental_peer *p = &own(d)->peers[neighbour];
    struct reader r = reader_at(b->body);
    uint16_t at_step = read_u16(&r), quiet = read_u16(&r);
    uint8_t degree = read_u8(&r), flags = read_u8(&r);
    int64_t lambda[2];
    for (int k = 0; k < 2; k++)
        lambda[k] = (int64_t)read_uint(&r, 6);
    if (d->neighbours[neighbour].gone)
        return true;
    if ((flags & LEAVES) != 0) {
        d->neighbours[neighbour].gone = true;
        forget(d, neighbour);
        return true;
    }
    bool news = !p->known;
    if (!late) {
        p->known = true;
        p->step = at_step;
        p->quiet = quiet;
        p->degree = degree;
        p->depth = b->depth;
    }
    offers_take(d, p, b, &r, at_step, lambda);
    if (news && !still_expected(d, INT64_MAX))
        owe(d, false);
    /* Neighbours' counters are two apart at most unless one of them began again. */
    if (own(d)->quiet >= certified_at(d) && p->quiet + 3 < own(d)->quiet)
        stir(d);
    return true;
}

static void fill(struct dispatch *d, struct broadcast *b, struct writer *w)
{
    struct dispatch_incremental *s = own(d);
    size_t degree = neighbours_count_live(d);
    b->digest = d->view.digest;
    b->depth = plus_one(s->depth);
    write_u16(w, s->step);
    write_u16(w, s->quiet);
    write_u8(w, (uint8_t)degree);
    write_u8(w, d->left ? LEAVES : 0);
    write_uint(w, (uint64_t)s->lambda, 6);
    write_uint(w, (uint64_t)s->before, 6);
    s->unsent &= neighbours_mask(d);
    offers_write(d, b, w);
    s->sent_at = d->now;
    if (s->unsent != 0)
        return;
    s->owes = s->exchange = false;
    if (d->left && s->goodbyes > 0)
        s->goodbyes--;
}

static struct dispatch_news news(const struct dispatch *d)
{
    const struct dispatch_incremental *s = &d->incremental;
    int64_t at = s->owes ? INT64_MIN : INT64_MAX;
    return s->exchange ? (struct dispatch_news){at, INT64_MAX} : (struct dispatch_news){INT64_MAX, at};
}

/* -- the rest of the table ------------------------------------------------------------------------------- */

static void acknowledged(struct dispatch *d, size_t neighbour, const struct broadcast_ack *ack)
{
    (void)d;
    (void)neighbour;
    (void)ack;
}

static void outdated(struct dispatch *d, size_t neighbour)
{
    (void)neighbour;
    owe(d, false);
}

static void beat(struct dispatch *d)
{
    owe(d, false);
}

static void curve_changed(struct dispatch *d)
{
    apply(d);
    stir(d);
}

static void applied(struct dispatch *d)
{
    int64_t before = own(d)->value;
    own(d)->follows = d->applied_mw == d->view.setpoint_mw;
    apply(d);
    if (magnitude((double)(own(d)->value - before)) > (double)((int64_t)NOISE << RAMP_POWER_BITS))
        stir(d);
}

static void leave(struct dispatch *d)
{
    own(d)->goodbyes = GOODBYES;
    apply(d);
    stir(d);
    owe(d, false);
}

const struct dispatch_method_table dispatch_incremental_method = {
    .body_size = body_size,
    .valid = valid,
    .start = start,
    .take = take,
    .acknowledged = acknowledged,
    .outdated = outdated,
    .forget = forget,
    .renumber = renumber,
    .beat = beat,
    .pass = pass,
    .pass_at = pass_at,
    .news = news,
    .fill = fill,
    .curve_changed = curve_changed,
    .applied = applied,
    .leave = leave,
};

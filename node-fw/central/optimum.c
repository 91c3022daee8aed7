#include "node-fw/central/optimum.h"

#include <math.h>
#include <stdlib.h>

/* A node with its limits made finite: power moves between lo and hi; reach is the power at the far end. */
struct ramp {
    double lo, hi, reach;
};

static struct ramp ramp_of(const struct optimum_node *node, double unlimited_kw)
{
    double reach = isinf(node->pmax_kw) ? unlimited_kw : node->pmax_kw;
    if (node->kind == CURVE_GENERATOR)
        return (struct ramp){node->intercept, node->intercept + 2 * node->slope * reach, reach};
    /* Beyond ω/2σ more power is worth nothing more. */
    if (node->slope > 0)
        reach = fmin(reach, fmax(0, node->intercept / (2 * node->slope)));
    return (struct ramp){node->intercept - 2 * node->slope * reach, node->intercept, reach};
}

static double ramp_power(enum curve_kind kind, struct ramp r, double lambda)
{
    bool generator = kind == CURVE_GENERATOR;
    if (lambda >= r.hi)
        return generator ? r.reach : 0;
    if (lambda <= r.lo)
        return generator ? 0 : r.reach;
    return r.reach * (generator ? lambda - r.lo : r.hi - lambda) / (r.hi - r.lo);
}

double optimum_power(const struct optimum_node *node, double lambda)
{
    return ramp_power(node->kind, ramp_of(node, INFINITY), lambda);
}

struct optimum_node optimum_node_of(const struct curve *curve)
{
    double reach = curve->pmax / 1e6;
    double span = ((double)curve->hi - curve->lo) / 1e6;
    bool generator = curve->kind == CURVE_GENERATOR;
    return (struct optimum_node){
        .kind = curve->kind,
        .slope = reach > 0 ? span / (2 * reach) : 0,
        .intercept = (generator ? curve->lo : curve->hi) / 1e6,
        .pmax_kw = reach,
    };
}

/* False on values that no market can be made of; otherwise a capacity that stands for "no limit", because all
 * the limited nodes together cannot fill it. */
static bool survey(const struct optimum_node *nodes, size_t count, double demand_kw, double *unlimited_out)
{
    double total = 1 + fabs(demand_kw), pays = -INFINITY, asks = INFINITY;
    for (size_t i = 0; i < count; i++) {
        const struct optimum_node *n = &nodes[i];
        if (!isfinite(n->slope) || n->slope < 0 || !isfinite(n->intercept) || isnan(n->pmax_kw) ||
            n->pmax_kw < 0)
            return false;
        if (!isinf(n->pmax_kw))
            total += n->pmax_kw;
        else if (n->kind == CURVE_GENERATOR)
            asks = n->slope > 0 ? asks : fmin(asks, n->intercept);
        else if (n->slope > 0)
            total += fmax(0, n->intercept / (2 * n->slope));
        else
            pays = fmax(pays, n->intercept);
    }
    *unlimited_out = total;
    return isfinite(demand_kw) && isfinite(total) && pays <= asks;
}

static int by_price(const void *left, const void *right)
{
    double a = ((const struct optimum_event *)left)->price, b = ((const struct optimum_event *)right)->price;
    return (a > b) - (a < b);
}

/* The events of all ramps, sorted; returns F before the first of them. */
static double collect(const struct optimum_node *nodes, size_t count, double unlimited_kw,
                      struct optimum_event *events)
{
    double surplus = 0;
    for (size_t i = 0; i < count; i++) {
        struct ramp r = ramp_of(&nodes[i], unlimited_kw);
        double s = r.hi > r.lo ? r.reach / (r.hi - r.lo) : 0;
        double jump = r.hi > r.lo ? 0 : -r.reach;
        events[2 * i] = (struct optimum_event){r.lo, -s, jump};
        events[2 * i + 1] = (struct optimum_event){r.hi, s, 0};
        if (nodes[i].kind == CURVE_CONSUMER)
            surplus += r.reach;
    }
    qsort(events, 2 * count, sizeof *events, by_price);
    return surplus;
}

/* The smallest price of the bracket with F ≤ 0. `f` is F at the left end; *flat_out: F stays 0 to the right.
 */
static double sweep(const struct optimum_event *events, size_t count, double f, double scale, bool *flat_out)
{
    double slope = 0, price = events[0].price, tolerance = 1e-13 * scale;
    size_t under_way = 0;
    for (size_t i = 0; i < count; i++) {
        double length = events[i].price - price, next = f + slope * length;
        if (f > tolerance && next < -tolerance)
            return fmin(events[i].price, price - f / slope);
        f = next;
        price = events[i].price;
        for (; i < count && events[i].price == price; i++) {
            slope += events[i].slope;
            f += events[i].jump;
            if (events[i].slope != 0)
                under_way += events[i].slope < 0 ? 1 : (size_t)-1;
        }
        /* Where no ramp is under way the sum of the slopes is 0, whatever rounding left of it. */
        slope = under_way > 0 ? slope : 0;
        if (f <= tolerance) {
            *flat_out = f >= -tolerance && under_way == 0 && i < count;
            return price;
        }
        i--;
    }
    return price;
}

static bool is_step_at(struct ramp r, double lambda)
{
    return r.lo == r.hi && r.lo == lambda;
}

/* Sets every power at λ; steps at λ share what the others leave. */
static void assign(const struct optimum_node *nodes, size_t count, double unlimited_kw, double demand_kw,
                   double lambda, double *power)
{
    double need = demand_kw, sell = 0, buy = 0;
    for (size_t i = 0; i < count; i++) {
        struct ramp r = ramp_of(&nodes[i], unlimited_kw);
        bool generator = nodes[i].kind == CURVE_GENERATOR;
        power[i] = ramp_power(nodes[i].kind, r, lambda);
        if (!is_step_at(r, lambda))
            need += generator ? -power[i] : power[i];
        else if (generator)
            sell += r.reach;
        else
            buy += r.reach;
    }
    /* Generators at their own price give what is missing, consumers at theirs take what is left over. */
    double given = fmin(fmax(need, 0), sell), taken = fmin(fmax(-need, 0), buy);
    for (size_t i = 0; i < count; i++) {
        struct ramp r = ramp_of(&nodes[i], unlimited_kw);
        if (!is_step_at(r, lambda))
            continue;
        bool generator = nodes[i].kind == CURVE_GENERATOR;
        double share = generator ? sell : buy;
        power[i] = share > 0 ? (generator ? given : taken) * (r.reach / share) : 0;
    }
}

enum status optimum_solve(const struct optimum_node *nodes, size_t count, double demand_kw,
                          struct optimum_event *events, double *power_kw_out, struct optimum *out)
{
    double unlimited;
    if (!survey(nodes, count, demand_kw, &unlimited))
        return BB_RANGE;
    struct optimum o = {.residual_kw = demand_kw};
    if (count > 0) {
        double f = collect(nodes, count, unlimited, events) + demand_kw;
        o.lambda = sweep(events, 2 * count, f, unlimited, &o.flat);
        assign(nodes, count, unlimited, demand_kw, o.lambda, power_kw_out);
    }
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].kind == CURVE_GENERATOR)
            o.generation_kw += power_kw_out[i];
        else
            o.load_kw += power_kw_out[i];
    }
    o.residual_kw = o.load_kw + demand_kw - o.generation_kw;
    *out = o;
    return BB_OK;
}

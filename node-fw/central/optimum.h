/* The centralised benchmark: one place knows every parameter and computes the optimum exactly (thesis §2.6).
 * Not linked into the firmware; `curves` and `incremental-cost` are held against it.
 *
 * Maximise ΣU(P_L) − ΣC(P_G) subject to ΣP_L + demand = ΣP_G and 0 ≤ P ≤ Pmax (thesis equations 3–6), with
 * U(P) = ωP − σP² (constant beyond ω/2σ) and C(P) = αP² + βP + γ. Every board is a clamped ramp of power over
 * price, F(λ) = Σload − Σgeneration never rises, and a sweep over the sorted ends of the ramps finds its
 * zero: O(N log N), doubles, kW and $/kWh.
 *
 * The utility connection is a pair of steps: a generator with slope 0, intercept = tariff and pmax_kw =
 * INFINITY (it sells without limit), and a consumer with slope 0, intercept = feed-in price and pmax_kw =
 * INFINITY. */
#ifndef NODE_FW_CENTRAL_OPTIMUM_H
#define NODE_FW_CENTRAL_OPTIMUM_H

#include "node-fw/dispatch/curve.h"

#include <busbar/status.h>
#include <stdbool.h>
#include <stddef.h>

struct optimum_node {
    enum curve_kind kind;
    double slope;     /* α or σ, $/kWh/kW, ≥ 0; 0 is a step: all or nothing, shared at its own price */
    double intercept; /* β or ω, $/kWh; may be negative */
    double pmax_kw;   /* ≥ 0; INFINITY is no limit */
};

/* The end of a ramp (or a step) on the price axis: workspace of optimum_solve, private to it. */
struct optimum_event {
    double price;
    double slope;
    double jump;
};

struct optimum {
    double lambda;        /* $/kWh: the smallest price between the lowest and highest of all with F ≤ 0 */
    double load_kw;       /* Σ of the consumers' power, the fixed demand not included */
    double generation_kw; /* Σ of the generators' power */
    double residual_kw; /* load + demand − generation: 0, or shortage > 0, surplus < 0 of the fixed demand */
    bool flat; /* a whole interval of prices balances; lambda is its lower end and the powers are unique */
};

/* The optimum of `count` ≥ 0 nodes and a fixed demand `demand_kw` (negative: fixed generation).
 * events[2 × count] is the caller's workspace; power_kw_out[count] receives each node's power, kW. Steps at
 * exactly λ share what is left in proportion to their pmax. Without a node λ is 0 and the residual the
 * demand. BB_RANGE: a value that is not a number, a negative slope or pmax, or a trade without end (an
 * unlimited consumer that pays more than an unlimited generator asks). Source: thesis equations 3–6, §2.6. */
BB_MUST_CHECK enum status optimum_solve(const struct optimum_node *nodes, size_t count, double demand_kw,
                                        struct optimum_event *events, double *power_kw_out,
                                        struct optimum *out);

/* Power of a node at price `lambda`, kW, 0 … pmax_kw; a step gives its upper end at its own price (generator)
 * or 0 (consumer). */
double optimum_power(const struct optimum_node *node, double lambda);

/* The node whose ramp is `curve` (mW and micro-$/kWh become kW and $/kWh), so that the integer and the
 * centralised answer are to the same question. */
struct optimum_node optimum_node_of(const struct curve *curve);

#endif

/* A board's response to a price: a clamped ramp of power over price.
 *
 *   λ       price, micro-$/kWh, u32          (thesis: incremental cost, $/kWh)
 *   lo, hi  the prices between which power moves, micro-$/kWh, u32; lo ≤ hi; lo = hi is a step
 *   pmax    power at the far end, mW, u32
 *
 * Generator  C(P) = αP² + βP + γ : lo = β, hi = β + 2αPmax;                    P(λ) = pmax·(λ−lo)/(hi−lo)
 * Consumer   U(P) = ωP − σP²     : p = min(Pmax, ω/2σ), hi = ω, lo = ω − 2σp;  P(λ) = pmax·(hi−λ)/(hi−lo)
 * Both clamped to 0 … pmax, floor division. Source: thesis §2.4.1, equations 1, 2, 5, 6. */
#ifndef NODE_FW_DISPATCH_CURVE_H
#define NODE_FW_DISPATCH_CURVE_H

#include <busbar/status.h>
#include <stdbool.h>
#include <stdint.h>

enum curve_kind { CURVE_GENERATOR = 0, CURVE_CONSUMER = 1 };

struct curve {
    enum curve_kind kind;
    uint32_t lo;
    uint32_t hi;
    uint32_t pmax;
};

/* The parameters of a board as people write them, in micro-$/kWh, micro-$/kWh/kW and mW: exact for six
 * decimals. slope is α or σ (0 is allowed: a step); intercept is β or ω; γ moves no set-point and is not
 * here. */
struct curve_parameters {
    enum curve_kind kind;
    uint32_t slope;
    uint32_t intercept;
    uint32_t pmax;
};

/* The ramp of `p`, rounded to the integer grid half up. BB_RANGE when lo or hi would leave u32 (a generator's
 * β + 2αPmax above 4294 $/kWh) or, for a consumer, when ω = 0 and Pmax > 0 is meant to consume: never so, it
 * is a step at 0. Source: thesis equations 1, 2. */
BB_MUST_CHECK enum status curve_of(const struct curve_parameters *p, struct curve *out);

/* Power at price `lambda`, mW, 0 … pmax, floor. For a step (lo = hi) a generator gives pmax from λ = lo on, a
 * consumer gives pmax below λ = hi and 0 from it on. Monotone: generators never fall, consumers never rise
 * with λ. */
int64_t curve_power(const struct curve *curve, uint32_t lambda);

/* True when lo ≤ hi and the kind is one of the two: what a frame from outside must satisfy. */
bool curve_valid(const struct curve *curve);

#endif

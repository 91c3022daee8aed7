/* Clearing a set of curves: the price at which load and generation meet, exactly, in integers, so that every
 * board that knows the same curves computes bitwise the same answer. Source: thesis equations 3–6; design of
 * `curves`. */
#ifndef NODE_FW_DISPATCH_CLEAR_H
#define NODE_FW_DISPATCH_CLEAR_H

#include "node-fw/dispatch/curve.h"

#include <stddef.h>
#include <stdint.h>

struct clearing {
    uint32_t lambda;       /* the smallest price, micro-$/kWh, from the lowest lo to the highest hi with
                              F(λ) = Σload − Σgeneration ≤ 0; 0 when there are no curves */
    int64_t load_mw;       /* Σ of the consumers' set-points */
    int64_t generation_mw; /* Σ of the generators' */
    int64_t residual_mw; /* load − generation: 0 unless only inelastic units are left (shortage > 0, surplus <
                            0) */
};

/* Clears `count` curves (0 … BB_BOARDS_MAX), given in ascending board id. power_out[count] receives each
 * board's set-point, mW, 0 … pmax. At λ the boards are moved, in the order given, from P(λ) towards P(λ−1)
 * until F = 0. Never fails; 32 evaluations of every curve. */
void clear_market(const struct curve *curves, size_t count, int64_t *power_out, struct clearing *out);

#endif

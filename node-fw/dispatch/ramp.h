/* A board's response to a price for `incremental-cost`: finer than curve.h, and never steeper than a ramp of
 * 0.02 $/kWh, since a method that searches needs a slope. */
#ifndef NODE_FW_DISPATCH_RAMP_H
#define NODE_FW_DISPATCH_RAMP_H

#include "node-fw/dispatch/curve.h"

#include <stdint.h>

/* Binary places of a price in micro-$/kWh, of a power in mW, and of a slope in mW per micro-$/kWh. */
#define RAMP_LAMBDA_BITS 16
#define RAMP_POWER_BITS  16
#define RAMP_SLOPE_BITS  20

/* Power at `lambda` (0 … 2^48): 2^-16 mW, 0 … pmax. A curve narrower than 20 000 micro-$/kWh, a step above
 * all, is taken as one that wide about the same middle. The same bits on every machine with IEEE doubles. */
int64_t ramp_power(const struct curve *curve, int64_t lambda);

/* |dP/dλ| inside that ramp: 2^-20 mW per micro-$/kWh. */
int64_t ramp_slope(const struct curve *curve);

#endif

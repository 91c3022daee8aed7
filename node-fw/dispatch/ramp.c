#include "node-fw/dispatch/ramp.h"

#define NARROWEST 20000

/* The ramp in 2^-16 micro-$/kWh, not narrower than NARROWEST. */
static void limits_of(const struct curve *curve, int64_t *lo_out, int64_t *width_out)
{
    int64_t lo = curve->lo, width = (int64_t)curve->hi - curve->lo;
    if (width < NARROWEST) {
        lo -= (NARROWEST - width) / 2;
        width = NARROWEST;
    }
    *lo_out = lo * (1 << RAMP_LAMBDA_BITS);
    *width_out = width * (1 << RAMP_LAMBDA_BITS);
}

/* Products and quotients only: no compiler may contract them, so that every machine finds the same bits. */
int64_t ramp_power(const struct curve *curve, int64_t lambda)
{
    int64_t lo, width, along = 0;
    limits_of(curve, &lo, &width);
    if (lambda > lo)
        along = lambda - lo < width ? lambda - lo : width;
    if (curve->kind == CURVE_CONSUMER)
        along = width - along;
    return (int64_t)((double)along / (double)width * (double)curve->pmax * (1 << RAMP_POWER_BITS));
}

int64_t ramp_slope(const struct curve *curve)
{
    int64_t lo, width;
    limits_of(curve, &lo, &width);
    return (int64_t)((double)curve->pmax / (double)(width >> RAMP_LAMBDA_BITS) * (1 << RAMP_SLOPE_BITS));
}

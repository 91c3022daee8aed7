#include "node-fw/dispatch/clear.h"

/* F(λ) = Σload − Σgeneration: it never rises with λ. */
static int64_t excess(const struct curve *curves, size_t count, uint32_t lambda)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t power = curve_power(&curves[i], lambda);
        sum += curves[i].kind == CURVE_CONSUMER ? power : -power;
    }
    return sum;
}

/* The smallest price with F ≤ 0 among those at which something can move. It exists: at the highest of them no
 * consumer takes anything. */
static uint32_t clearing_price(const struct curve *curves, size_t count)
{
    uint32_t low = count > 0 ? UINT32_MAX : 0;
    uint32_t high = 0;
    for (size_t i = 0; i < count; i++) {
        low = curves[i].lo < low ? curves[i].lo : low;
        high = curves[i].hi > high ? curves[i].hi : high;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (excess(curves, count, middle) <= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Power just below `lambda`; below price zero every generator stands and every consumer takes all it can. */
static int64_t power_below(const struct curve *curve, uint32_t lambda)
{
    if (lambda > 0)
        return curve_power(curve, lambda - 1);
    return curve->kind == CURVE_CONSUMER ? curve->pmax : 0;
}

/* Moves `power` towards `target` by at most `most`; returns how far. */
static int64_t approach(int64_t *power, int64_t target, int64_t most)
{
    int64_t way = target > *power ? target - *power : *power - target;
    if (way > most)
        way = most;
    *power += target > *power ? way : -way;
    return way;
}

void clear_market(const struct curve *curves, size_t count, int64_t *power_out, struct clearing *out)
{
    uint32_t lambda = clearing_price(curves, count);
    int64_t surplus = -excess(curves, count, lambda);
    struct clearing result = {.lambda = lambda};
    for (size_t i = 0; i < count; i++) {
        int64_t power = curve_power(&curves[i], lambda);
        /* Below λ there is more load and less generation, so every step on the way eats surplus. */
        surplus -= approach(&power, power_below(&curves[i], lambda), surplus);
        power_out[i] = power;
        if (curves[i].kind == CURVE_CONSUMER)
            result.load_mw += power;
        else
            result.generation_mw += power;
    }
    result.residual_mw = result.load_mw - result.generation_mw;
    *out = result;
}

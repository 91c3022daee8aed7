#include "node-fw/dispatch/curve.h"

/* 2 · slope · power, in micro-$/kWh, half up. u32 × u32 leaves 2^33 − 1 of u64 unused, so the half fits. */
static uint64_t price_rise(uint32_t slope, uint32_t power)
{
    return ((uint64_t)slope * power + 250000) / 500000;
}

/* ω/2σ in mW, half up: where a consumer has had enough. */
static uint64_t satiation(uint32_t omega, uint32_t sigma)
{
    return ((uint64_t)omega * 1000000 + sigma) / (2 * (uint64_t)sigma);
}

static enum status generator_of(const struct curve_parameters *p, struct curve *out)
{
    uint64_t hi = p->intercept + price_rise(p->slope, p->pmax);
    if (hi > UINT32_MAX)
        return BB_RANGE;
    *out = (struct curve){CURVE_GENERATOR, p->intercept, (uint32_t)hi, p->pmax};
    return BB_OK;
}

static enum status consumer_of(const struct curve_parameters *p, struct curve *out)
{
    uint32_t power = p->pmax;
    if (p->slope > 0 && satiation(p->intercept, p->slope) < power)
        power = (uint32_t)satiation(p->intercept, p->slope);
    uint64_t fall = price_rise(p->slope, power);
    /* The satiation point is rounded, so the far end may lie half a unit below zero. */
    uint32_t lo = fall < p->intercept ? p->intercept - (uint32_t)fall : 0;
    *out = (struct curve){CURVE_CONSUMER, lo, p->intercept, power};
    return BB_OK;
}

enum status curve_of(const struct curve_parameters *p, struct curve *out)
{
    switch (p->kind) {
    case CURVE_GENERATOR:
        return generator_of(p, out);
    case CURVE_CONSUMER:
        return consumer_of(p, out);
    }
    return BB_RANGE;
}

int64_t curve_power(const struct curve *curve, uint32_t lambda)
{
    bool generator = curve->kind == CURVE_GENERATOR;
    if (lambda >= curve->hi)
        return generator ? curve->pmax : 0;
    if (lambda <= curve->lo)
        return generator ? 0 : curve->pmax;
    uint32_t along = generator ? lambda - curve->lo : curve->hi - lambda;
    return (int64_t)((uint64_t)curve->pmax * along / (curve->hi - curve->lo));
}

bool curve_valid(const struct curve *curve)
{
    return curve->lo <= curve->hi && (curve->kind == CURVE_GENERATOR || curve->kind == CURVE_CONSUMER);
}

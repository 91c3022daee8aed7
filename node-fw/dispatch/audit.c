#include "node-fw/dispatch/audit.h"

#include "node-fw/dispatch/state.h"

#define WEIGHT_UNIT (UINT64_C(1) << 32)
/* Below 2^-8 of its unit the weight is mostly rounding, and the estimate waits. */
#define WEIGHT_LEAST (INT64_C(1) << 24)

/* x / w in mW. The weight's low 16 bits are dropped so that no product is needed: the unit of x is 2^-16 mW
 * and the unit of w is 2^32, so x / (w >> 16) is in mW. */
static void estimate(struct dispatch_audit *a)
{
    int64_t weight = (int64_t)a->weight;
    if (weight >= WEIGHT_LEAST)
        a->estimate_mw = (int64_t)a->power / (weight >> 16);
}

void audit_start(struct dispatch_audit *a)
{
    *a = (struct dispatch_audit){.weight = WEIGHT_UNIT};
}

void audit_set(struct dispatch_audit *a, int64_t value_mw)
{
    int64_t value = value_mw * 65536;
    a->power += (uint64_t)value - (uint64_t)a->value;
    a->value = value;
    estimate(a);
}

/* One part in `parts` of what is held, rounded down. */
static uint64_t part(uint64_t held, size_t parts)
{
    int64_t whole = (int64_t)held;
    int64_t quotient = whole / (int64_t)parts;
    return (uint64_t)(whole % (int64_t)parts < 0 ? quotient - 1 : quotient);
}

struct broadcast_share audit_give(struct dispatch_audit *a, struct dispatch_neighbour *n, size_t degree)
{
    uint64_t power = part(a->power, degree + 1);
    uint64_t weight = part(a->weight, degree + 1);
    a->power -= power;
    a->weight -= weight;
    n->given_power += power;
    n->given_weight += weight;
    return (struct broadcast_share){n->id, n->given_power, n->given_weight};
}

void audit_take(struct dispatch_audit *a, struct dispatch_neighbour *n, const struct broadcast_share *share)
{
    a->power += share->power - n->taken_power;
    a->weight += share->weight - n->taken_weight;
    n->taken_power = share->power;
    n->taken_weight = share->weight;
    estimate(a);
}

void audit_reset(struct dispatch_audit *a, struct dispatch_neighbour *n)
{
    a->power += n->given_power - n->taken_power;
    a->weight += n->given_weight - n->taken_weight;
    n->given_power = n->taken_power = 0;
    n->given_weight = n->taken_weight = 0;
    estimate(a);
}

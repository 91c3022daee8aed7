/* A node's parameters on the integer grid of the boards. */
#include "agents/cli/call.h"
#include "agents/cli/decimal.h"
#include "agents/cli/scenario.h"

#include <math.h>

/* value as millionths, rounded when it has more than six decimals; false when it does not fit u32. */
static bool to_grid(double value, bool *rounded, uint32_t *out)
{
    int64_t millionths;
    if (!decimal_of_double(value, &millionths)) {
        if (!(fabs(value) < 1e9))
            return false;
        *rounded = true;
        millionths = (int64_t)floor(value * 1e6 + 0.5);
    }
    if (millionths < 0 || millionths > UINT32_MAX)
        return false;
    *out = (uint32_t)millionths;
    return true;
}

enum status scenario_curve(const struct scenario_node *node, struct bb_reason *reason, bool *rounded_out,
                           struct curve *out)
{
    struct curve_parameters p = {.kind = node->kind};
    bool rounded = false;
    if (!to_grid(node->slope, &rounded, &p.slope) || !to_grid(node->intercept, &rounded, &p.intercept) ||
        !to_grid(node->pmax_kw, &rounded, &p.pmax))
        return call_reason(reason, BB_RANGE, "%s: a board holds 0 … 4294.967295 of each parameter", node->id);
    struct curve curve;
    if (curve_of(&p, &curve) != BB_OK)
        return call_reason(reason, BB_RANGE, "%s: its curve leaves the prices that a board holds", node->id);
    *rounded_out = *rounded_out || rounded;
    *out = curve;
    return BB_OK;
}

#include "agents/web/model/overview.h"

/* All but the time. */
static bool equal(const struct overview *a, const struct overview *b)
{
    return a->generation_mw == b->generation_mw && a->load_mw == b->load_mw &&
           a->lambda_min == b->lambda_min && a->lambda_max == b->lambda_max &&
           a->price_micro == b->price_micro && a->boards == b->boards && a->online == b->online &&
           a->certified == b->certified && a->alarms == b->alarms && a->bus == b->bus &&
           a->ledger == b->ledger && a->simulated == b->simulated;
}

bool overview_tell(struct overview_telling *t, const struct overview *now, int64_t mono_ms)
{
    int64_t pause = t->any && equal(&t->told, now) ? OVERVIEW_IDLE_MS : OVERVIEW_PAUSE_MS;
    if (t->any && mono_ms - t->told_ms < pause)
        return false;
    *t = (struct overview_telling){*now, mono_ms, true};
    return true;
}

void overview_balance(struct overview_balance *balance, const struct overview *now, int64_t mono_ms)
{
    int64_t gap = now->load_mw > now->generation_mw ? now->load_mw - now->generation_mw
                                                    : now->generation_mw - now->load_mw;
    bool differ = now->bus && now->online > 0 && gap > OVERVIEW_APART_MW &&
                  gap > now->load_mw / 1000 * OVERVIEW_APART_PERMILLE;
    if (!differ)
        *balance = (struct overview_balance){0, false};
    else if (balance->since_ms == 0)
        balance->since_ms = mono_ms;
    balance->apart = differ && mono_ms - balance->since_ms >= OVERVIEW_APART_MS;
}

int64_t overview_lambda(const struct overview *o)
{
    return o->lambda_min + (o->lambda_max - o->lambda_min) / 2;
}

#include "node-fw/node/actuator.h"

void actuator_init(struct actuator *a, const struct settings *settings, struct mono now)
{
    *a = (struct actuator){.pmax_mw = settings->parameters.pmax,
                           .ramp_mw_per_s = settings->ramp_mw_per_s,
                           .on_link_loss = settings->on_link_loss,
                           .fixed_mw = settings->fixed_mw,
                           .stepped = now};
}

void actuator_want(struct actuator *a, int64_t mw)
{
    a->wanted_mw = mw;
}

enum status actuator_command(struct actuator *a, enum actuator_mode mode, int64_t mw)
{
    switch (mode) {
    case ACTUATOR_AUTOMATIC:
        break;
    case ACTUATOR_HOLD:
        a->commanded_mw = a->applied_mw;
        break;
    case ACTUATOR_OVERRIDE:
        if (mw < 0 || mw > a->pmax_mw)
            return BB_RANGE;
        a->commanded_mw = mw;
        break;
    case ACTUATOR_STOPPED:
        a->commanded_mw = 0;
        break;
    case ACTUATOR_LINK_LOST:
        return BB_RANGE;
    }
    a->commanded = mode;
    return BB_OK;
}

void actuator_lose(struct actuator *a, bool lost)
{
    if (lost && !a->lost)
        a->lost_mw = a->applied_mw;
    a->lost = lost;
}

void actuator_limit(struct actuator *a, int64_t pmax_mw)
{
    a->pmax_mw = pmax_mw;
}

enum actuator_mode actuator_mode(const struct actuator *a)
{
    if (a->commanded == ACTUATOR_STOPPED)
        return ACTUATOR_STOPPED;
    return a->lost ? ACTUATOR_LINK_LOST : a->commanded;
}

static int64_t loss_target(const struct actuator *a)
{
    switch (a->on_link_loss) {
    case LINK_LOSS_HOLD:
        return a->lost_mw;
    case LINK_LOSS_ZERO:
        return 0;
    case LINK_LOSS_FIXED:
        return a->fixed_mw;
    }
    return 0;
}

static int64_t target(const struct actuator *a)
{
    int64_t mw = 0;
    switch (actuator_mode(a)) {
    case ACTUATOR_AUTOMATIC:
        mw = a->wanted_mw;
        break;
    case ACTUATOR_HOLD:
    case ACTUATOR_OVERRIDE:
    case ACTUATOR_STOPPED:
        mw = a->commanded_mw;
        break;
    case ACTUATOR_LINK_LOST:
        mw = loss_target(a);
        break;
    }
    return mw > a->pmax_mw ? a->pmax_mw : mw;
}

/* How far the ramp has allowed to move since the last step; the fraction of a milliwatt is carried over. */
static int64_t allowance(struct actuator *a, struct mono now)
{
    int64_t ms = a->ramping ? mono_since(now, a->stepped) : 0;
    if (ms > 60000)
        ms = 60000;
    int64_t due = a->ramp_mw_per_s * ms + a->rest;
    a->rest = due % 1000;
    return due / 1000;
}

bool actuator_step(struct actuator *a, struct mono now)
{
    int64_t aim = target(a);
    int64_t before = a->applied_mw;
    int64_t move = aim - before;
    bool at_once = a->ramp_mw_per_s == 0 || actuator_mode(a) == ACTUATOR_STOPPED;
    if (!at_once && move != 0) {
        int64_t most = allowance(a, now);
        move = move > most ? most : move < -most ? -most : move;
    }
    a->applied_mw += move;
    a->ramping = a->applied_mw != aim;
    a->stepped = now;
    if (!a->ramping)
        a->rest = 0;
    return a->applied_mw != before;
}

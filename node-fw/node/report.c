#include "node-fw/node/report.h"

#include "node-fw/node/inbox.h"

static uint32_t bad_frames(const struct node *n)
{
    struct link_counters c = link_counters(&n->link);
    uint32_t bad = c.bad_crc + c.bad_cobs + c.oversize + c.malformed;
    return node_runs(n) ? bad + dispatch_counters(&n->dispatch).malformed : bad;
}

static void fill_dispatch(const struct node *n, struct link_status *s)
{
    struct dispatch_view v = dispatch_view(&n->dispatch);
    s->lambda = v.lambda;
    s->setpoint = (uint32_t)v.setpoint_mw;
    s->residual = v.residual_mw;
    s->mismatch = v.mismatch_mw;
    s->digest = v.digest;
    s->depth = v.depth;
    s->certified_depth = v.certified_depth;
    s->exchange = v.exchange;
    s->live = v.live;
    s->neighbours_live = v.neighbours_live;
    if (v.certified)
        s->flags |= LINK_FLAG_CERTIFIED;
    if (v.duplicate_suspected)
        s->flags |= LINK_FLAG_DUPLICATE;
}

struct link_status report_status(const struct node *n, struct mono now)
{
    struct link_status s;
    memset(&s, 0, sizeof s); /* compared as bytes */
    if (node_runs(n)) {
        fill_dispatch(n, &s);
    } else if (n->configured) {
        s.lambda = n->given.lambda;
        s.setpoint = n->given.power;
        s.depth = n->given.depth;
    }
    s.power = (uint32_t)n->actuator.applied_mw;
    s.incarnation = n->incarnation;
    s.mode = (uint8_t)actuator_mode(&n->actuator);
    if (n->actuator.ramping)
        s.flags |= LINK_FLAG_RAMPING;
    s.bad_frames = bad_frames(n);
    s.uptime_s = (uint32_t)(mono_since(now, n->started) / 1000);
    return s;
}

/* True when the two differ in more than what moves all the time and can wait for the heartbeat. */
static bool news(struct link_status a, struct link_status b)
{
    a.mismatch = b.mismatch;
    a.exchange = b.exchange;
    a.bad_frames = b.bad_frames;
    a.uptime_s = b.uptime_s;
    return memcmp(&a, &b, sizeof a) != 0;
}

static struct mono beat(const struct node *n)
{
    return mono_after(n->said_at, n->config.heartbeat_ms ? n->config.heartbeat_ms : LINK_HEARTBEAT_MS);
}

static void report_power(struct node *n, struct mono now)
{
    struct link_message m = {.type = LINK_MEASURED, .source = n->settings.id};
    m.measured.power = (uint32_t)n->actuator.applied_mw;
    (void)!link_send(&n->link, &m, now); /* the next heartbeat says it again */
}

static void report_state(struct node *n, struct mono now)
{
    struct link_message m = {.type = LINK_STATUS, .source = n->settings.id};
    m.status = report_status(n, now);
    bool due = !n->said_once || mono_since(now, beat(n)) >= 0;
    if (!due && !news(m.status, n->said))
        return;
    bool agent_runs = n->configured && n->config.where == LINK_WHERE_AGENT;
    if (due || (agent_runs && m.status.power != n->said.power))
        report_power(n, now);
    if (link_send(&n->link, &m, now) != BB_OK)
        return;
    n->said = m.status;
    n->said_once = true;
    n->said_at = now;
}

static void report_curve(struct node *n, struct mono now)
{
    struct link_message m = {.type = LINK_CURVE, .source = n->settings.id};
    m.curve = (struct link_curve){.kind = (uint8_t)n->curve.kind,
                                  .lo = n->curve.lo,
                                  .hi = n->curve.hi,
                                  .pmax = n->curve.pmax,
                                  .incarnation = n->incarnation};
    if (link_send(&n->link, &m, now) == BB_OK)
        n->curve_owed = false;
}

static void report_leave(struct node *n, struct mono now)
{
    struct link_message m = {.type = LINK_LEAVE, .source = n->settings.id};
    m.leave.reason = LINK_LEAVE_SHUTDOWN;
    if (link_send(&n->link, &m, now) == BB_OK)
        n->leave_owed = false;
}

void report(struct node *n, struct mono now)
{
    if (!node_up(n))
        return;
    report_state(n, now);
    if (n->curve_owed)
        report_curve(n, now);
    if (n->leave_owed)
        report_leave(n, now);
}

struct mono report_due(const struct node *n)
{
    return node_up(n) ? beat(n) : mono_after(n->said_at, INT32_MAX);
}

#include "node-fw/node/inbox.h"

#include "node-fw/node/errand.h"

/* -- HELLO -- */

static void take_hello(struct node *n, const struct link_message *m, struct mono now)
{
    if (link_state(&n->link) == LINK_REFUSED) {
        n->refusal = "the agent speaks another major version of the protocol";
        n->events |= NODE_REFUSED;
        return;
    }
    if (m->hello.role != LINK_ROLE_HOST) {
        errand_refuse(n, LINK_REFUSE_BOARD, "HELLO: a board speaks to a host, not to a board", now);
        return;
    }
    n->up_since = now;
    n->host_minor = m->hello.minor;
    n->given_since_up = false;
    n->said_once = false;
    n->curve_owed = n->configured && n->config.where == LINK_WHERE_AGENT;
    n->events |= NODE_LINK;
    if (n->features & LINK_FEATURE_CARD)
        errand_relay(n, &(struct link_message){.type = LINK_ASK, .ask.what = LINK_ASK_SLOTS}, now);
}

/* -- CONFIG -- */

static const char *neighbours_fault(const struct node *n, const struct link_config *c)
{
    if (c->neighbours.count >= c->size)
        return "CONFIG: more neighbours than boards";
    for (size_t i = 0; i < c->neighbours.count; i++) {
        if (c->neighbours.id[i] == 0)
            return "CONFIG: a neighbour has id 0";
        if (c->neighbours.id[i] == n->settings.id)
            return "CONFIG: the board is its own neighbour";
        for (size_t j = 0; j < i; j++)
            if (c->neighbours.id[j] == c->neighbours.id[i])
                return "CONFIG: a neighbour is given twice";
    }
    return NULL;
}

static const char *config_fault(const struct node *n, const struct link_config *c)
{
    uint16_t heartbeat = c->heartbeat_ms ? c->heartbeat_ms : LINK_HEARTBEAT_MS;
    uint16_t expiry = c->expiry_ms ? c->expiry_ms : 4000;
    if (heartbeat < 50 || (c->exchange_ms > 0 && c->exchange_ms < 10))
        return "CONFIG: exchange_ms below 10 or heartbeat_ms below 50";
    if (expiry <= heartbeat)
        return "CONFIG: expiry_ms must be more than heartbeat_ms";
    return neighbours_fault(n, c);
}

static bool same_ids(const struct link_ids *a, const struct link_ids *b)
{
    return a->count == b->count && memcmp(a->id, b->id, a->count * sizeof *a->id) == 0;
}

/* True when all but the neighbour list is as before. */
static bool same_rules(const struct link_config *a, const struct link_config *b)
{
    return a->method == b->method && a->where == b->where && a->size == b->size &&
           a->exchange_ms == b->exchange_ms && a->heartbeat_ms == b->heartbeat_ms &&
           a->expiry_ms == b->expiry_ms;
}

static enum status start_dispatch(struct node *n, const struct link_config *c, struct mono now)
{
    struct dispatch_settings s = {.id = n->settings.id,
                                  .incarnation = n->incarnation,
                                  .method = c->method ? DISPATCH_INCREMENTAL_COST : DISPATCH_CURVES,
                                  .curve = n->curve,
                                  .size = c->size,
                                  .neighbour_count = c->neighbours.count,
                                  .exchange_ms = c->exchange_ms,
                                  .heartbeat_ms = c->heartbeat_ms,
                                  .expiry_ms = c->expiry_ms};
    memcpy(s.neighbours, c->neighbours.id, c->neighbours.count * sizeof *s.neighbours);
    enum status status = dispatch_init(&n->dispatch, &s, now);
    if (status == BB_OK)
        dispatch_set_applied(&n->dispatch, n->actuator.applied_mw);
    return status;
}

/* A start afresh within one boot needs a boot counter of its own: the neighbours know a newer heartbeat of
 * the old one. False when the dispatch refuses; the board is then without a place. */
static bool restart(struct node *n, const struct link_config *c, struct mono now)
{
    if (n->begun) {
        n->incarnation = n->incarnation == UINT16_MAX ? 1 : (uint16_t)(n->incarnation + 1);
        n->events |= NODE_PERSIST_COUNTER;
    }
    n->begun = true;
    n->left = false;
    n->given = (struct link_setpoint){0};
    n->configured = c->where == LINK_WHERE_AGENT || start_dispatch(n, c, now) == BB_OK;
    return n->configured;
}

static void take_config(struct node *n, const struct link_message *m, struct mono now)
{
    const struct link_config *c = &m->config;
    const char *fault = config_fault(n, c);
    if (fault) {
        errand_refuse(n, LINK_REFUSE_RANGE, fault, now);
        return;
    }
    bool fresh = !n->configured || n->left || !same_rules(c, &n->config);
    bool taken = true;
    if (fresh)
        taken = restart(n, c, now);
    else if (!same_ids(&c->neighbours, &n->config.neighbours) && node_runs(n))
        taken = dispatch_set_neighbours(&n->dispatch, c->neighbours.id, c->neighbours.count, now) == BB_OK;
    if (!taken) {
        errand_refuse(n, LINK_REFUSE_RANGE, "CONFIG: the dispatch does not take it", now);
        return;
    }
    n->config = *c;
    n->curve_owed = n->configured && c->where == LINK_WHERE_AGENT;
    n->events |= NODE_CONFIGURED;
}

/* -- the others -- */

static void take_dispatch(struct node *n, const struct link_message *m, struct mono now)
{
    if (node_runs(n))
        (void)!dispatch_receive(&n->dispatch, m->dispatch.payload, now); /* counted there */
}

static void take_setpoint(struct node *n, const struct link_message *m, struct mono now)
{
    if (!n->configured || node_runs(n)) {
        errand_refuse(n, LINK_REFUSE_NOT_NOW, "SETPOINT: the agent does not run this board's dispatch", now);
    } else if (m->setpoint.power > n->settings.parameters.pmax) {
        errand_refuse(n, LINK_REFUSE_RANGE, "SETPOINT: more than the board's greatest power", now);
    } else {
        n->given = m->setpoint;
        n->given_since_up = true;
    }
}

static void take_parameter(struct node *n, const struct link_message *m, struct mono now)
{
    const struct link_parameter *given = &m->parameter;
    struct curve_parameters p = n->settings.parameters;
    if (given->slope != LINK_UNCHANGED)
        p.slope = given->slope;
    if (given->intercept != LINK_UNCHANGED)
        p.intercept = given->intercept;
    if (given->pmax != LINK_UNCHANGED)
        p.pmax = given->pmax;
    struct curve curve;
    if (curve_of(&p, &curve) != BB_OK) {
        errand_refuse(n, LINK_REFUSE_RANGE, "PARAMETER: the curve leaves the range of prices", now);
        return;
    }
    if (p.pmax < n->settings.fixed_mw) {
        errand_refuse(n, LINK_REFUSE_RANGE, "PARAMETER: pmax_kw is less than the board's fixed_kw", now);
        return;
    }
    if (node_runs(n) && dispatch_set_curve(&n->dispatch, &curve, now) != BB_OK) {
        errand_refuse(n, LINK_REFUSE_RANGE, "PARAMETER: the dispatch does not take the curve", now);
        return;
    }
    n->settings.parameters = p;
    n->curve = curve;
    actuator_limit(&n->actuator, p.pmax);
    n->curve_owed = n->configured && !node_runs(n);
    n->events |= NODE_PERSIST_PARAMETERS;
}

static void take_command(struct node *n, const struct link_message *m, struct mono now)
{
    if (actuator_command(&n->actuator, (enum actuator_mode)m->command.mode, m->command.power) == BB_OK)
        n->events |= NODE_COMMANDED;
    else
        errand_refuse(n, LINK_REFUSE_RANGE, "COMMAND: more than the board's greatest power", now);
}

static void take_leave(struct node *n, const struct link_message *m, struct mono now)
{
    (void)m;
    if (node_runs(n) && !n->left)
        dispatch_leave(&n->dispatch, now);
    n->left = true;
    n->events |= NODE_LEFT;
}

static void take_refuse(struct node *n, const struct link_message *m, struct mono now)
{
    (void)m;
    (void)now;
    n->refusal = "the agent refused this board";
    n->events |= NODE_REFUSED;
}

typedef void take(struct node *n, const struct link_message *m, struct mono now);

/* TIME is for boards that date their log; this one leaves that to the agent. */
static take *const takers[] = {
    [LINK_HELLO] = take_hello,         [LINK_CONFIG] = take_config,    [LINK_DISPATCH] = take_dispatch,
    [LINK_SETPOINT] = take_setpoint,   [LINK_COMMAND] = take_command,  [LINK_LEAVE] = take_leave,
    [LINK_PARAMETER] = take_parameter, [LINK_REFUSE] = take_refuse,    [LINK_FIRMWARE] = errand_relay,
    [LINK_RESET] = errand_relay,       [LINK_SETTINGS] = errand_relay, [LINK_ASK] = errand_relay,
};

/* What a board that is not enrolled does not take. */
static bool wants_a_place(enum link_type type)
{
    return type == LINK_CONFIG || type == LINK_SETPOINT || type == LINK_COMMAND || type == LINK_PARAMETER;
}

void inbox_take(struct node *n, const struct link_message *message, struct mono now)
{
    size_t type = message->type;
    if (n->features & LINK_FEATURE_NEW && wants_a_place(message->type))
        errand_refuse(n, LINK_REFUSE_NOT_NOW, "this board is not enrolled: it waits for its settings", now);
    else if (type < sizeof takers / sizeof *takers && takers[type])
        takers[type](n, message, now);
}

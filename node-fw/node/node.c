#include "node-fw/node/node.h"

#include "node-fw/node/inbox.h"
#include "node-fw/node/report.h"

#include <busbar/check.h>

void node_init(struct node *n, const struct settings *settings, uint16_t incarnation, struct mono now)
{
    memset(n, 0, sizeof *n);
    n->settings = *settings;
    n->incarnation = incarnation;
    n->refusal = "";
    n->features = LINK_FEATURE_DISPATCH;
    n->version = NODE_FIRMWARE_VERSION;
    n->started = n->heard = n->said_at = now;
    CHECK(curve_of(&settings->parameters, &n->curve) == BB_OK);
    actuator_init(&n->actuator, settings, now);
}

void node_connect(struct node *n, uint32_t session, struct mono now)
{
    struct link_settings me = {.host = false};
    me.me.major = LINK_MAJOR;
    me.me.minor = LINK_MINOR;
    me.me.firmware = n->version;
    me.me.board = n->settings.id;
    me.me.session = session ? session : 1;
    me.me.role = n->settings.parameters.kind == CURVE_CONSUMER ? LINK_ROLE_CONSUMER : LINK_ROLE_GENERATOR;
    me.me.features = n->features;
    link_set_text(me.me.name, sizeof me.me.name, n->settings.name);
    link_init(&n->link, &me, now);
    n->heard_frames = 0;
    n->connected = true;
    node_poll(n, now);
}

void node_disconnect(struct node *n, struct mono now)
{
    n->connected = false;
    node_poll(n, now);
}

bool node_runs(const struct node *n)
{
    return n->configured && n->config.where == LINK_WHERE_BOARD;
}

bool node_up(const struct node *n)
{
    return n->connected && link_state(&n->link) == LINK_UP;
}

/* Sends every broadcast that is due; without a link they are lost like frames on a wire. */
static void broadcast(struct node *n, struct mono now)
{
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    size_t size;
    while (node_runs(n) && (size = dispatch_poll(&n->dispatch, now, payload)) > 0) {
        struct link_message m = {.type = LINK_DISPATCH, .source = n->settings.id};
        m.dispatch.payload = (struct bytes){payload, size};
        if (node_up(n) && link_send(&n->link, &m, now) != BB_OK)
            continue; /* full of reliable messages: the next exchange says it again */
    }
}

/* The link counts as lost after LINK_DEAD_MS without a frame. It counts as back when there is a set-point to
 * trust again: a certified one, or one of the agent's, or when the neighbours have had their time to speak.
 */
static void watch_link(struct node *n, struct mono now)
{
    uint32_t frames = link_counters(&n->link).frames_in;
    if (node_up(n) && frames != n->heard_frames)
        n->heard = now;
    n->heard_frames = frames;
    bool silent = mono_since(now, n->heard) >= LINK_DEAD_MS;
    bool lost = n->lost;
    if (silent)
        lost = true;
    else if (lost && node_up(n)) {
        uint16_t patience = n->config.expiry_ms ? n->config.expiry_ms : 4000;
        bool trusted = n->given_since_up || (node_runs(n) && dispatch_view(&n->dispatch).certified);
        lost = n->configured && !trusted && mono_since(now, n->up_since) < patience;
    }
    if (lost != n->lost)
        n->events |= NODE_LINK;
    n->lost = lost;
    actuator_lose(&n->actuator, lost);
}

/* Brings the set-point to the machine; true when the applied power moved. */
static bool actuate(struct node *n, struct mono now)
{
    if (node_runs(n))
        actuator_want(&n->actuator, n->left ? 0 : dispatch_view(&n->dispatch).setpoint_mw);
    else
        actuator_want(&n->actuator, n->configured && !n->left ? n->given.power : 0);
    bool moved = actuator_step(&n->actuator, now);
    if (moved && node_runs(n))
        dispatch_set_applied(&n->dispatch, n->actuator.applied_mw);
    return moved;
}

static void watch_incarnation(struct node *n)
{
    if (!node_runs(n))
        return;
    uint16_t incarnation = dispatch_view(&n->dispatch).incarnation;
    if (incarnation != n->incarnation) {
        n->incarnation = incarnation;
        n->events |= NODE_PERSIST_COUNTER;
    }
}

void node_poll(struct node *n, struct mono now)
{
    watch_link(n, now);
    (void)actuate(n, now);
    broadcast(n, now);
    if (actuate(n, now)) /* somebody expired just now */
        broadcast(n, now);
    watch_incarnation(n);
    if (n->connected) {
        report(n, now);
        link_poll(&n->link, now);
    }
}

void node_feed(struct node *n, struct bytes in, struct mono now)
{
    if (!n->connected)
        return;
    struct link_message message;
    while (link_feed(&n->link, &in, now, &message)) {
        inbox_take(n, &message, now);
        node_poll(n, now);
    }
    node_poll(n, now);
}

static struct mono earlier(struct mono a, struct mono b)
{
    return a.ms < b.ms ? a : b;
}

struct mono node_due(const struct node *n)
{
    struct mono due = report_due(n);
    if (n->connected)
        due = earlier(due, link_due(&n->link));
    if (node_runs(n))
        due = earlier(due, dispatch_due(&n->dispatch));
    if (n->actuator.ramping)
        due = earlier(due, mono_after(n->actuator.stepped, ACTUATOR_STEP_MS));
    if (!n->lost)
        due = earlier(due, mono_after(n->heard, LINK_DEAD_MS));
    return due;
}

struct bytes node_output(const struct node *n)
{
    return n->connected ? link_output(&n->link) : (struct bytes){NULL, 0};
}

void node_sent(struct node *n, size_t count)
{
    link_sent(&n->link, count);
}

void node_leave(struct node *n, struct mono now)
{
    if (node_runs(n) && !n->left)
        dispatch_leave(&n->dispatch, now);
    n->left = true;
    n->leave_owed = true;
    node_poll(n, now);
}

unsigned node_events(struct node *n)
{
    unsigned events = n->events;
    n->events = 0;
    return events;
}

const struct settings *node_settings(const struct node *n)
{
    return &n->settings;
}

struct node_view node_view(const struct node *n)
{
    struct link_status s = report_status(n, n->started);
    return (struct node_view){.mode = actuator_mode(&n->actuator),
                              .link = n->connected ? link_state(&n->link) : LINK_DOWN,
                              .setpoint_mw = s.setpoint,
                              .applied_mw = n->actuator.applied_mw,
                              .lambda = s.lambda,
                              .incarnation = n->incarnation,
                              .live = s.live,
                              .configured = n->configured,
                              .certified = s.flags & LINK_FLAG_CERTIFIED,
                              .counters = link_counters(&n->link),
                              .refusal = n->refusal};
}

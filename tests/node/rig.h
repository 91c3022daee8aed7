/* A board on a wire in memory, with the other end of its link, under one clock. */
#ifndef TESTS_NODE_RIG_H
#define TESTS_NODE_RIG_H

#include "node-fw/node/errand.h"
#include "node-fw/node/node.h"

#include <stdlib.h>
#include <string.h>

#define RIG_TYPES  20
#define RIG_FRAMES 64

struct rig {
    struct node node;
    struct link host;
    struct mono now;
    bool cut; /* nothing passes the wire */
    unsigned events;
    int count[RIG_TYPES];
    struct link_message last[RIG_TYPES]; /* of each type; DISPATCH's payload is not kept here */
    /* broadcasts since they were last taken away */
    uint8_t frame[RIG_FRAMES][BB_LINK_PAYLOAD_MAX];
    size_t frame_size[RIG_FRAMES];
    size_t frames;
};

/* Settings of a board from the lines of its file. */
static inline struct settings rig_settings(const char *text)
{
    struct settings settings;
    struct settings_error error;
    if (settings_parse(bytes_of(text), &error, &settings) != BB_OK)
        abort();
    return settings;
}

static inline void rig_host(struct rig *r, uint32_t session, uint8_t major)
{
    struct link_settings me = {.host = true};
    me.me.major = major;
    me.me.minor = LINK_MINOR;
    me.me.session = session;
    me.me.role = LINK_ROLE_HOST;
    link_init(&r->host, &me, r->now);
}

/* A board in boot 3 and an agent, not connected yet. */
static inline void rig_start(struct rig *r, const char *text)
{
    memset(r, 0, sizeof *r);
    r->now = (struct mono){50000};
    struct settings settings = rig_settings(text);
    node_init(&r->node, &settings, 3, r->now);
    node_connect(&r->node, 0x1234ABCD, r->now);
    rig_host(r, 77, LINK_MAJOR);
}

static inline void rig_keep(struct rig *r, const struct link_message *m)
{
    r->count[m->type]++;
    if (m->type == LINK_DISPATCH && r->frames < RIG_FRAMES) {
        memcpy(r->frame[r->frames], m->dispatch.payload.data, m->dispatch.payload.size);
        r->frame_size[r->frames++] = m->dispatch.payload.size;
    }
    r->last[m->type] = *m;
}

/* Carries everything both ways once. */
static inline void rig_carry(struct rig *r)
{
    uint8_t wire[LINK_OUTPUT_MAX];
    node_poll(&r->node, r->now);
    struct bytes out = node_output(&r->node);
    memcpy(wire, out.data, out.size);
    struct bytes in = {wire, r->cut ? 0 : out.size};
    node_sent(&r->node, out.size);
    struct link_message m;
    while (link_feed(&r->host, &in, r->now, &m))
        rig_keep(r, &m);
    link_poll(&r->host, r->now);
    out = link_output(&r->host);
    memcpy(wire, out.data, out.size);
    in = (struct bytes){wire, r->cut ? 0 : out.size};
    link_sent(&r->host, out.size);
    node_feed(&r->node, in, r->now);
    r->events |= node_events(&r->node);
}

/* Lets `ms` pass in steps of 10. */
static inline void rig_run(struct rig *r, int64_t ms)
{
    for (struct mono end = mono_after(r->now, ms); r->now.ms < end.ms; r->now.ms += 10)
        rig_carry(r);
    rig_carry(r);
}

static inline void rig_send(struct rig *r, struct link_message m)
{
    if (link_send(&r->host, &m, r->now) != BB_OK)
        abort();
    rig_run(r, 20);
}

/* CONFIG for a neighbourhood of `size` with `count` neighbours. */
static inline struct link_message rig_config(uint16_t size, uint8_t where, size_t count, const uint16_t *ids)
{
    struct link_message m = {.type = LINK_CONFIG};
    m.config.size = size;
    m.config.where = where;
    m.config.exchange_ms = 150;
    m.config.heartbeat_ms = 1000;
    m.config.expiry_ms = 4000;
    m.config.neighbours.count = (uint8_t)count;
    if (count > 0)
        memcpy(m.config.neighbours.id, ids, count * sizeof *ids);
    return m;
}

static inline struct link_message rig_command(uint8_t mode, uint32_t power)
{
    return (struct link_message){.type = LINK_COMMAND, .command = {mode, power}};
}

static inline struct link_message rig_setpoint(uint32_t power)
{
    return (struct link_message){.type = LINK_SETPOINT, .setpoint = {power, 7000000, 4}};
}

#endif

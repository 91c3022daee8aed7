/* A board and a host whose wires are byte queues in one process, under one clock. */
#ifndef TESTS_LINK_PAIR_H
#define TESTS_LINK_PAIR_H

#include "node-fw/link/session.h"

#include <string.h>

struct pair {
    struct link board, host;
    struct mono now;
};

static inline struct link_settings pair_settings(bool host, uint32_t session)
{
    struct link_settings s = {.host = host};
    s.me.major = LINK_MAJOR;
    s.me.minor = LINK_MINOR;
    s.me.session = session;
    s.me.role = host ? LINK_ROLE_HOST : LINK_ROLE_CONSUMER;
    s.me.board = host ? 0 : 7;
    s.me.features = host ? 0 : LINK_FEATURE_DISPATCH;
    link_set_text(s.me.name, sizeof s.me.name, host ? "" : "L7");
    return s;
}

static inline void pair_start(struct pair *p)
{
    p->now = (struct mono){1000};
    struct link_settings board = pair_settings(false, 0xB0A2D001), host = pair_settings(true, 0x405700FF);
    link_init(&p->board, &board, p->now);
    link_init(&p->host, &host, p->now);
}

/* Everything that waits at `from` arrives at `to`; counts the messages, keeps the last one. */
static inline int pair_carry(struct link *from, struct link *to, struct mono now, struct link_message *last)
{
    link_poll(from, now);
    uint8_t wire[LINK_OUTPUT_MAX];
    struct bytes out = link_output(from);
    memcpy(wire, out.data, out.size);
    struct bytes in = {wire, out.size};
    link_sent(from, out.size);
    int messages = 0;
    struct link_message message;
    while (link_feed(to, &in, now, &message)) {
        messages++;
        if (last)
            *last = message;
    }
    return messages;
}

/* What waits at `from` is lost. */
static inline void pair_lose(struct link *from, struct mono now)
{
    link_poll(from, now);
    link_sent(from, link_output(from).size);
}

/* Carries both ways until both sides are up. */
static inline void pair_connect(struct pair *p)
{
    for (int i = 0; i < 4; i++) {
        pair_carry(&p->board, &p->host, p->now, NULL);
        pair_carry(&p->host, &p->board, p->now, NULL);
        p->now.ms += 10;
    }
}

#endif

/* The broker's state, shared by its parts: opening (broker.c), the vip door (vip.c), the plain doors
 * (plain.c) and the answers to queries (stats.c). */
#ifndef BUS_STATE_H
#define BUS_STATE_H

#include "bus/core/streams.h"
#include "bus/door.h"
#include "bus/post.h"
#include "bus/zap.h"

#include <busbar/reason.h>

/* Messages taken from one door before the others get their turn. */
#define BURST 256
/* Publishers of the pub door whose entry is remembered. */
#define PUBLISHERS 256

/* The entry of a key, remembered. */
struct publisher {
    char user[ACCESS_KEY_SIZE + 1];
    uint32_t entry;
    bool known; /* false: the key has no entry any more */
};

struct broker {
    const struct settings *settings;
    void *context;
    int lock_fd, signal_fd;
    bool secure;
    struct keys keys;
    char public_key[KEY_BASE64_SIZE];
    struct access *access, *spare; /* in force, and room to read the next */
    void *memory;
    struct router *router;
    struct router_out *out;
    struct streams *streams;
    struct conns *conns;
    struct post *post;
    struct zap zap;
    struct guard guard;
    struct door vip, sub, pub;
    struct publisher publishers[PUBLISHERS];
    int64_t started_ms, now_ms, checked_ms;
    uint32_t refusals_logged;
    uint64_t plain_in, plain_out, plain_refused, subscriptions_refused;
    char *answer; /* the text of the last query, freed with the next */
};

#endif

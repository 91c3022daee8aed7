/* The broker's state, shared by its parts: opening (broker.c), the vip door (vip.c), the plain doors
 * (plain.c) and the answers to queries (stats.c). */
#ifndef BUS_STATE_H
#define BUS_STATE_H

#include "bus/core/streams.h"
#include "bus/door.h"
#include "bus/hosted.h"
#include "bus/lines.h"
#include "bus/post.h"
#include "bus/retain.h"
#include "bus/zap.h"

#include <busbar/reason.h>

/* Messages taken from one plain door before the others get their turn. */
#define BURST 256
/* Connections that wait until it is known whose a routing id is. */
#define RIVALS_MAX 256
/* Publishers of the pub door whose entry is remembered. */
#define PUBLISHERS 256

/* The entry of a key, remembered. */
struct publisher {
    char user[ACCESS_KEY_SIZE + 1];
    uint32_t entry;
    bool known; /* false: the key has no entry any more */
};

/* What tells one version of a file from another. */
struct reload_stamp {
    uint64_t device, file;
    int64_t size, written_s, written_ns, changed_s, changed_ns;
};

/* access.json as it was looked at (reload.h). */
struct reload {
    struct reload_stamp seen, read; /* at the last look, and when it was read last */
    int64_t looked_ms;
    bool asked; /* the broker itself changed the file: it is to be read before anybody else is admitted */
    uint64_t digest; /* of the file whose rules are in force */
    uint64_t generation;
    char error[sizeof((struct bb_reason *)0)->text]; /* why a newer file is not in force; "" when there is
                                                        none */
};

/* A connection that came under the identity of a live peer. */
struct rival {
    struct line *line, *holder; /* holder: only to be compared */
    uint32_t reads;             /* of the holder at that time */
    int64_t since_ms;
};

struct broker {
    const struct settings *settings;
    void *context;
    int lock_fd, signal_fd;
    bool secure, opened;
    struct keys keys;
    char public_key[KEY_BASE64_SIZE];
    struct access *access, *spare; /* in force, and room to read the next */
    void *memory;
    struct router *router;
    struct router_out *out;
    struct streams *streams;
    struct conns *conns;
    struct post *post;
    struct lines *lines;   /* the vip door */
    struct zmtp_pair pair; /* its keys */
    struct rival rivals[RIVALS_MAX];
    uint32_t rival_count;
    uint64_t keys_accepted, keys_refused; /* at the vip door */
    struct hosted *hosted;
    struct config_service *configs; /* hosted under two names */
    struct retain *retain;
    struct durable *durable; /* NULL: no durable topics */
    struct zap zap;
    struct pending pending;
    struct reload reload;
    struct door sub, pub;
    struct publisher publishers[PUBLISHERS];
    int64_t started_ms, now_ms, checked_ms;
    bool hosted_waits; /* calls to hosted identities, for their share of the time */
    uint32_t refusals_logged;
    uint64_t plain_in, plain_out, plain_refused, subscriptions_refused;
    char *answer; /* the text of the last query, freed with the next */
};

#endif

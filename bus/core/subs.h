/* The subscription index: which peers want a topic. A subscription is a byte prefix; a peer may hold the same
 * prefix in two scopes (VIP's `internal` and `all`), both of which match local publishes.
 *
 * Prefixes hang in one hash table; a topic is looked up once for each prefix length in use up to its own, so
 * that the cost of a match depends on how many different lengths there are, never on how many subscriptions
 * do not match. Source: VIP1 pubsub; ZeroMQ RFC 29 (PUBSUB). */
#ifndef BUS_CORE_SUBS_H
#define BUS_CORE_SUBS_H

#include "bus/core/pool.h"

#include <busbar/limits.h>

enum subs_scope { SUBS_INTERNAL = 1, SUBS_ALL = 2, SUBS_ANY = 3 };

struct subs_prefix;
struct subs_member;

struct subs {
    struct pool pool;
    struct subs_prefix *prefixes; /* 1 … capacity; 0 is none, as in every index here */
    struct subs_member *members;
    uint32_t *buckets;
    uint32_t *first_of_peer; /* per peer: its members */
    uint32_t *count_of_peer;
    uint64_t *stamp_of_peer; /* the last match that found the peer */
    uint32_t peers;
    uint32_t capacity, bucket_mask;
    uint32_t prefix_top, prefix_free, member_top, member_free;
    uint32_t count; /* memberships */
    uint64_t seed, stamp;
    uint32_t of_length[BB_TOPIC_MAX + 1]; /* prefixes of that length */
    uint64_t lengths[BB_TOPIC_MAX / 64 + 1];
};

/* Bytes of memory for `peers` peers and `capacity` subscriptions in all (≤ 2^24). */
size_t subs_memory(uint32_t peers, uint32_t capacity);

/* An empty index over subs_memory() zeroed bytes aligned to 16, borrowed. `seed`: unpredictable, against
 * crafted collisions. */
void subs_init(struct subs *subs, uint32_t peers, uint32_t capacity, void *memory, uint64_t seed);

/* Adds `prefix` to `peer` in `scope`; having it already is BB_OK. BB_RANGE: longer than BB_TOPIC_MAX.
 * BB_FULL: the index, or BB_PREFIXES_PER_PEER_MAX. */
BB_MUST_CHECK enum status subs_add(struct subs *subs, uint32_t peer, struct bytes prefix,
                                   enum subs_scope scope);

/* Takes `prefix` from `peer` in `scope`; not having it is no error. */
void subs_remove(struct subs *subs, uint32_t peer, struct bytes prefix, enum subs_scope scope);

/* Takes every prefix from `peer` in `scope`. */
void subs_remove_all(struct subs *subs, uint32_t peer, enum subs_scope scope);

/* The peers with a prefix of `topic`, each once; peers[] has room for all peers. The number found. */
uint32_t subs_match(struct subs *subs, struct bytes topic, uint32_t *peers);

/* The scopes in which `peer` holds exactly `prefix`; 0: in none. */
unsigned subs_holds(const struct subs *subs, uint32_t peer, struct bytes prefix);

/* Walks all prefixes: 0 starts, 0 ends. */
uint32_t subs_next(const struct subs *subs, uint32_t prefix);

/* The bytes of a prefix of subs_next, borrowed until it is removed. */
struct bytes subs_text(const struct subs *subs, uint32_t prefix);

/* Walks the prefixes of `peer`: *member 0 starts; false ends. */
bool subs_next_of_peer(const struct subs *subs, uint32_t peer, uint32_t *member, struct bytes *prefix_out);

#endif

/* The peers of the router: identity → index, and what is counted about each. Indices are small and reused. */
#ifndef BUS_CORE_PEERS_H
#define BUS_CORE_PEERS_H

#include <busbar/bytes.h>
#include <busbar/limits.h>
#include <busbar/status.h>

struct peer {
    uint8_t identity[BB_IDENTITY_MAX];
    uint8_t size;
    bool live;
    uint32_t next;  /* in the bucket, or in the free list; 0: none */
    uint32_t entry; /* of access.h */
    int64_t since_ms, heard_ms;
    uint64_t in, in_bytes, out, published, refused;
};

#define PEERS_BUCKETS 8192

struct peers {
    struct peer *table; /* 1 … capacity; 0 is nobody */
    uint32_t capacity, top, free, count;
    uint64_t seed;
    uint32_t buckets[PEERS_BUCKETS];
};

/* No peers; `table` has room for capacity + 1, is zeroed and borrowed. */
void peers_init(struct peers *peers, struct peer *table, uint32_t capacity, uint64_t seed);

/* The peer with that identity; 0: none. */
uint32_t peers_find(const struct peers *peers, struct bytes identity);

/* Makes a peer of an identity (1 … 255 bytes) that has none. BB_FULL. */
BB_MUST_CHECK enum status peers_add(struct peers *peers, struct bytes identity, uint32_t *peer_out);

/* Forgets a peer, which lives. */
void peers_remove(struct peers *peers, uint32_t peer);

/* The peer itself, 1 … capacity; borrowed. */
struct peer *peers_at(const struct peers *peers, uint32_t peer);

/* Its identity, borrowed. */
struct bytes peers_identity(const struct peers *peers, uint32_t peer);

/* Walks the live peers: 0 starts, 0 ends. */
uint32_t peers_next(const struct peers *peers, uint32_t peer);

#endif

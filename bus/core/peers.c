#include "bus/core/peers.h"

#include <busbar/check.h>

void peers_init(struct peers *peers, struct peer *table, uint32_t capacity, uint64_t seed)
{
    memset(peers, 0, sizeof *peers);
    peers->table = table;
    peers->capacity = capacity;
    peers->seed = seed;
}

static uint32_t *bucket_of(const struct peers *peers, struct bytes identity)
{
    uint64_t hash = peers->seed;
    for (size_t i = 0; i < identity.size; i++)
        hash = (hash ^ identity.data[i]) * 0x9e3779b97f4a7c15u;
    return (uint32_t *)&peers->buckets[(hash >> 40) % PEERS_BUCKETS];
}

uint32_t peers_find(const struct peers *peers, struct bytes identity)
{
    uint32_t at = *bucket_of(peers, identity);
    for (; at != 0; at = peers->table[at].next)
        if (peers->table[at].size == identity.size &&
            memcmp(peers->table[at].identity, identity.data, identity.size) == 0)
            return at;
    return 0;
}

enum status peers_add(struct peers *peers, struct bytes identity, uint32_t *peer_out)
{
    CHECK(identity.size > 0 && identity.size <= BB_IDENTITY_MAX);
    uint32_t at = peers->free;
    if (at != 0)
        peers->free = peers->table[at].next;
    else if (peers->top < peers->capacity)
        at = ++peers->top;
    else
        return BB_FULL;
    uint32_t *bucket = bucket_of(peers, identity);
    struct peer *peer = &peers->table[at];
    *peer = (struct peer){.size = (uint8_t)identity.size, .live = true, .next = *bucket};
    memcpy(peer->identity, identity.data, identity.size);
    *bucket = at;
    peers->count++;
    *peer_out = at;
    return BB_OK;
}

void peers_remove(struct peers *peers, uint32_t at)
{
    struct peer *peer = peers_at(peers, at);
    CHECK(peer->live);
    uint32_t *link = bucket_of(peers, peers_identity(peers, at));
    while (*link != at)
        link = &peers->table[*link].next;
    *link = peer->next;
    *peer = (struct peer){.next = peers->free};
    peers->free = at;
    peers->count--;
}

struct peer *peers_at(const struct peers *peers, uint32_t peer)
{
    CHECK(peer > 0 && peer <= peers->top);
    return &peers->table[peer];
}

struct bytes peers_identity(const struct peers *peers, uint32_t peer)
{
    const struct peer *p = peers_at(peers, peer);
    return (struct bytes){p->identity, p->size};
}

uint32_t peers_next(const struct peers *peers, uint32_t peer)
{
    while (++peer <= peers->top)
        if (peers->table[peer].live)
            return peer;
    return 0;
}

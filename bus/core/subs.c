#include "bus/core/subs.h"

#include <busbar/check.h>

#define FACTOR 0x9e3779b97f4a7c15u

struct subs_prefix {
    uint64_t hash;
    uint32_t next; /* in the bucket, or in the free list */
    uint32_t first_member;
    uint32_t text;
    uint32_t size;
    bool used;
};

struct subs_member {
    uint32_t prefix, peer;
    uint32_t next, previous;                 /* of the prefix; next: of the free list */
    uint32_t next_of_peer, previous_of_peer; /* of the peer */
    unsigned scopes;
};

/* Bytes of text per subscription, on average; shared by all. */
#define TEXT_PER_SUBSCRIPTION 64

static uint32_t bucket_count(uint32_t capacity)
{
    uint32_t count = 16;
    while (count < 2 * capacity)
        count <<= 1;
    return count;
}

static size_t rounded(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

size_t subs_memory(uint32_t peers, uint32_t capacity)
{
    return rounded((capacity + 1) * sizeof(struct subs_prefix)) +
           rounded((capacity + 1) * sizeof(struct subs_member)) +
           rounded(bucket_count(capacity) * sizeof(uint32_t)) + 2 * rounded(peers * sizeof(uint32_t)) +
           rounded(peers * sizeof(uint64_t)) + (size_t)capacity * TEXT_PER_SUBSCRIPTION;
}

static void *carve(uint8_t **at, size_t size)
{
    void *taken = *at;
    *at += rounded(size);
    return taken;
}

void subs_init(struct subs *subs, uint32_t peers, uint32_t capacity, void *memory, uint64_t seed)
{
    uint8_t *at = memory;
    CHECK(capacity > 0 && capacity <= 1u << 24);
    *subs = (struct subs){.peers = peers, .capacity = capacity, .seed = seed | 1};
    subs->bucket_mask = bucket_count(capacity) - 1;
    subs->prefixes = carve(&at, (capacity + 1) * sizeof(struct subs_prefix));
    subs->members = carve(&at, (capacity + 1) * sizeof(struct subs_member));
    subs->buckets = carve(&at, (subs->bucket_mask + 1) * sizeof(uint32_t));
    subs->first_of_peer = carve(&at, peers * sizeof(uint32_t));
    subs->count_of_peer = carve(&at, peers * sizeof(uint32_t));
    subs->stamp_of_peer = carve(&at, peers * sizeof(uint64_t));
    pool_init(&subs->pool, at, capacity * TEXT_PER_SUBSCRIPTION);
}

static inline uint64_t mix(uint64_t hash, uint8_t byte)
{
    hash = (hash ^ byte) * FACTOR;
    return hash ^ hash >> 29;
}

static uint64_t hash_of(const struct subs *subs, struct bytes text)
{
    uint64_t hash = subs->seed;
    for (size_t i = 0; i < text.size; i++)
        hash = mix(hash, text.data[i]);
    return hash;
}

static inline uint32_t *bucket_of(const struct subs *subs, uint64_t hash)
{
    return &subs->buckets[(hash >> 20) & subs->bucket_mask];
}

static uint32_t find(const struct subs *subs, uint64_t hash, const uint8_t *text, size_t size)
{
    uint32_t at = *bucket_of(subs, hash);
    for (; at != 0; at = subs->prefixes[at].next) {
        const struct subs_prefix *p = &subs->prefixes[at];
        if (p->hash == hash && p->size == size &&
            (size == 0 || memcmp(subs->pool.memory + p->text, text, size) == 0))
            return at;
    }
    return 0;
}

static void count_length(struct subs *subs, uint32_t size, bool added)
{
    uint64_t bit = (uint64_t)1 << (size & 63);
    subs->of_length[size] += added ? 1 : (uint32_t)-1;
    if (subs->of_length[size] > 0)
        subs->lengths[size / 64] |= bit;
    else
        subs->lengths[size / 64] &= ~bit;
}

static enum status make_prefix(struct subs *subs, uint64_t hash, struct bytes text, uint32_t *out)
{
    uint32_t handle;
    uint32_t at = subs->prefix_free;
    if (at == 0 && subs->prefix_top == subs->capacity)
        return BB_FULL;
    enum status status = pool_put(&subs->pool, text, &handle);
    if (status != BB_OK)
        return status;
    if (at != 0)
        subs->prefix_free = subs->prefixes[at].next;
    else
        at = ++subs->prefix_top;
    uint32_t *bucket = bucket_of(subs, hash);
    subs->prefixes[at] = (struct subs_prefix){
        .hash = hash, .next = *bucket, .text = handle, .size = (uint32_t)text.size, .used = true};
    *bucket = at;
    count_length(subs, (uint32_t)text.size, true);
    *out = at;
    return BB_OK;
}

static void drop_prefix(struct subs *subs, uint32_t at)
{
    struct subs_prefix *p = &subs->prefixes[at];
    uint32_t *link = bucket_of(subs, p->hash);
    while (*link != at)
        link = &subs->prefixes[*link].next;
    *link = p->next;
    pool_release(&subs->pool, p->text, p->size);
    count_length(subs, p->size, false);
    *p = (struct subs_prefix){.next = subs->prefix_free};
    subs->prefix_free = at;
}

static uint32_t find_member(const struct subs *subs, uint32_t prefix, uint32_t peer)
{
    uint32_t at = prefix == 0 ? 0 : subs->prefixes[prefix].first_member;
    while (at != 0 && subs->members[at].peer != peer)
        at = subs->members[at].next;
    return at;
}

static enum status make_member(struct subs *subs, uint32_t prefix, uint32_t peer, uint32_t *out)
{
    uint32_t at = subs->member_free;
    if (subs->count_of_peer[peer] >= BB_PREFIXES_PER_PEER_MAX)
        return BB_FULL;
    if (at != 0)
        subs->member_free = subs->members[at].next;
    else if (subs->member_top < subs->capacity)
        at = ++subs->member_top;
    else
        return BB_FULL;
    struct subs_prefix *p = &subs->prefixes[prefix];
    uint32_t *first = &subs->first_of_peer[peer];
    subs->members[at] = (struct subs_member){prefix, peer, p->first_member, 0, *first, 0, 0};
    subs->members[p->first_member].previous = at;
    subs->members[*first].previous_of_peer = at;
    p->first_member = at;
    *first = at;
    subs->count_of_peer[peer]++;
    subs->count++;
    *out = at;
    return BB_OK;
}

static void drop_member(struct subs *subs, uint32_t at)
{
    struct subs_member m = subs->members[at];
    struct subs_prefix *p = &subs->prefixes[m.prefix];
    if (m.previous != 0)
        subs->members[m.previous].next = m.next;
    else
        p->first_member = m.next;
    subs->members[m.next].previous = m.previous;
    if (m.previous_of_peer != 0)
        subs->members[m.previous_of_peer].next_of_peer = m.next_of_peer;
    else
        subs->first_of_peer[m.peer] = m.next_of_peer;
    subs->members[m.next_of_peer].previous_of_peer = m.previous_of_peer;
    subs->members[at].next = subs->member_free;
    subs->member_free = at;
    subs->count_of_peer[m.peer]--;
    subs->count--;
    if (p->first_member == 0)
        drop_prefix(subs, m.prefix);
}

enum status subs_add(struct subs *subs, uint32_t peer, struct bytes prefix, enum subs_scope scope)
{
    CHECK(peer < subs->peers);
    if (prefix.size > BB_TOPIC_MAX)
        return BB_RANGE;
    uint64_t hash = hash_of(subs, prefix);
    uint32_t at = find(subs, hash, prefix.data, prefix.size);
    uint32_t member = find_member(subs, at, peer);
    enum status status = BB_OK;
    if (at == 0)
        status = make_prefix(subs, hash, prefix, &at);
    if (status == BB_OK && member == 0) {
        status = make_member(subs, at, peer, &member);
        if (status != BB_OK && subs->prefixes[at].first_member == 0)
            drop_prefix(subs, at);
    }
    if (status == BB_OK)
        subs->members[member].scopes |= scope;
    return status;
}

static void leave(struct subs *subs, uint32_t member, enum subs_scope scope)
{
    subs->members[member].scopes &= ~(unsigned)scope;
    if (subs->members[member].scopes == 0)
        drop_member(subs, member);
}

void subs_remove(struct subs *subs, uint32_t peer, struct bytes prefix, enum subs_scope scope)
{
    CHECK(peer < subs->peers);
    uint32_t at = find(subs, hash_of(subs, prefix), prefix.data, prefix.size);
    uint32_t member = find_member(subs, at, peer);
    if (member != 0)
        leave(subs, member, scope);
}

void subs_remove_all(struct subs *subs, uint32_t peer, enum subs_scope scope)
{
    CHECK(peer < subs->peers);
    uint32_t next;
    for (uint32_t at = subs->first_of_peer[peer]; at != 0; at = next) {
        next = subs->members[at].next_of_peer;
        leave(subs, at, scope);
    }
}

uint32_t subs_match(struct subs *subs, struct bytes topic, uint32_t *peers)
{
    uint32_t found = 0;
    uint64_t hash = subs->seed;
    size_t hashed = 0;
    uint64_t stamp = ++subs->stamp;
    for (size_t word = 0; word <= topic.size / 64 && word <= BB_TOPIC_MAX / 64; word++) {
        for (uint64_t left = subs->lengths[word]; left != 0; left &= left - 1) {
            size_t size = word * 64 + (size_t)__builtin_ctzll(left);
            if (size > topic.size)
                return found;
            for (; hashed < size; hashed++)
                hash = mix(hash, topic.data[hashed]);
            uint32_t prefix = find(subs, hash, topic.data, size);
            uint32_t at = prefix == 0 ? 0 : subs->prefixes[prefix].first_member;
            for (; at != 0; at = subs->members[at].next) {
                uint32_t peer = subs->members[at].peer;
                if (subs->stamp_of_peer[peer] == stamp)
                    continue;
                subs->stamp_of_peer[peer] = stamp;
                peers[found++] = peer;
            }
        }
    }
    return found;
}

unsigned subs_holds(const struct subs *subs, uint32_t peer, struct bytes prefix)
{
    uint32_t member = find_member(subs, find(subs, hash_of(subs, prefix), prefix.data, prefix.size), peer);
    return member == 0 ? 0 : subs->members[member].scopes;
}

uint32_t subs_next(const struct subs *subs, uint32_t prefix)
{
    while (++prefix <= subs->prefix_top)
        if (subs->prefixes[prefix].used)
            return prefix;
    return 0;
}

struct bytes subs_text(const struct subs *subs, uint32_t prefix)
{
    CHECK(prefix > 0 && prefix <= subs->prefix_top);
    return pool_text(&subs->pool, subs->prefixes[prefix].text, subs->prefixes[prefix].size);
}

bool subs_next_of_peer(const struct subs *subs, uint32_t peer, uint32_t *member, struct bytes *prefix_out)
{
    CHECK(peer < subs->peers);
    *member = *member == 0 ? subs->first_of_peer[peer] : subs->members[*member].next_of_peer;
    if (*member == 0)
        return false;
    *prefix_out = subs_text(subs, subs->members[*member].prefix);
    return true;
}

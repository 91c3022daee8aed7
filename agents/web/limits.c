#include "agents/web/limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define PROBES 8

/* FNV-1a; of an IPv6 address the first 64 bits: written out, zeros in them may be left out. */
static uint64_t hash_of(const char *address)
{
    uint64_t hash = 14695981039346656037u;
    struct in6_addr v6;
    bool network = inet_pton(AF_INET6, address, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6);
    const uint8_t *data = network ? v6.s6_addr : (const uint8_t *)address;
    size_t size = network ? 8 : strlen(address);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * 1099511628211u;
    return hash == 0 ? 1 : hash;
}

static int64_t level_now(const struct limits *limits, const struct limits_bucket *b, int64_t now_ms)
{
    int64_t gone_ms = now_ms - b->at_ms, level;
    if (gone_ms > 3600000)
        return 0;
    level = b->level - gone_ms * limits->rate_per_s;
    return level < 0 ? 0 : level;
}

/* Where the address is; LIMITS_ADDRESSES: nowhere. */
static size_t find(const struct limits *limits, uint64_t hash)
{
    for (unsigned i = 0; i < PROBES; i++)
        if (limits->buckets[(hash + i) % LIMITS_ADDRESSES].address == hash)
            return (hash + i) % LIMITS_ADDRESSES;
    return LIMITS_ADDRESSES;
}

static struct limits_bucket *find_place(struct limits *limits, uint64_t hash, int64_t now_ms)
{
    struct limits_bucket *best = &limits->buckets[hash % LIMITS_ADDRESSES];
    for (unsigned i = 0; i < PROBES; i++) {
        struct limits_bucket *b = &limits->buckets[(hash + i) % LIMITS_ADDRESSES];
        if (level_now(limits, b, now_ms) < level_now(limits, best, now_ms))
            best = b;
    }
    *best = (struct limits_bucket){hash, 0, now_ms};
    return best;
}

bool limits_fits(const struct limits *limits, const char *address, unsigned cost, int64_t now_ms)
{
    size_t place = find(limits, hash_of(address));
    int64_t level = place == LIMITS_ADDRESSES ? 0 : level_now(limits, &limits->buckets[place], now_ms);
    return level + (int64_t)cost * 1000 <= limits->burst * 1000;
}

bool limits_take(struct limits *limits, const char *address, unsigned cost, int64_t now_ms)
{
    uint64_t hash = hash_of(address);
    if (!limits_fits(limits, address, cost, now_ms))
        return false;
    size_t place = find(limits, hash);
    struct limits_bucket *b =
        place < LIMITS_ADDRESSES ? &limits->buckets[place] : find_place(limits, hash, now_ms);
    b->level = level_now(limits, b, now_ms) + (int64_t)cost * 1000;
    b->at_ms = now_ms;
    return true;
}

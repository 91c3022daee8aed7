/* Which topics are kept until they are acknowledged, for how long at most, and the named subscribers of them.
 * Pure: no store, no clock, no sockets. */
#ifndef BUS_DURABLE_POLICY_H
#define BUS_DURABLE_POLICY_H

#include <busbar/bytes.h>
#include <busbar/limits.h>
#include <busbar/reason.h>
#include <busbar/status.h>

#define DURABLE_POLICIES_MAX 32
/* Prefixes of one named subscriber, and their bytes with two for each. */
#define DURABLE_PREFIXES_MAX   32
#define DURABLE_PREFIXES_BYTES 2048
#define DURABLE_NAMES_MAX      256
#define DURABLE_NAME_MAX       64
#define DURABLE_KEY_MAX        64
/* Without keep_days and keep_bytes. */
#define DURABLE_DAYS  7
#define DURABLE_BYTES (256 * 1024 * 1024)

/* One prefix of topics, with its bounds. */
struct durable_policy {
    uint8_t prefix[BB_TOPIC_MAX];
    size_t size;
    int64_t keep_ms, keep_bytes;
};

/* Several prefixes, each behind its size in two bytes. */
struct durable_prefixes {
    uint32_t count;
    size_t size;
    uint8_t text[DURABLE_PREFIXES_BYTES];
};

/* A named subscriber: how far it has come. */
struct durable_name {
    char name[DURABLE_NAME_MAX + 1]; /* "": none */
    char key[DURABLE_KEY_MAX];       /* who may use it; "" without security */
    struct durable_prefixes prefixes;
    uint64_t acknowledged; /* every message up to this offset */
    uint64_t lost;         /* went before they were acknowledged */
    int64_t created_ms;
};

/* Reads one item of the setting "durable": a topic prefix, or
 * {"prefix":"…","keep_days":7,"keep_bytes":268435456}. BB_MALFORMED, BB_RANGE; the reason says what. */
BB_MUST_CHECK enum status durable_policy_read(const char *text, struct durable_policy *out,
                                              struct bb_reason *reason);

/* The policy with the longest prefix of `topic`; −1: it is not kept. */
int durable_policy_of(const struct durable_policy *policies, size_t count, struct bytes topic);

/* True when a topic below `prefix` can be a kept one. */
bool durable_policy_meets(const struct durable_policy *policies, size_t count, struct bytes prefix);

/* True when `text` can name a subscriber: 1 … 64 of [A-Za-z0-9_.-]. */
bool durable_is_name(struct bytes text);

/* Adds a prefix. BB_FULL: no room. */
BB_MUST_CHECK enum status durable_prefixes_add(struct durable_prefixes *prefixes, struct bytes prefix);

/* Takes over stored bytes. BB_MALFORMED. */
BB_MUST_CHECK enum status durable_prefixes_load(struct durable_prefixes *prefixes, struct bytes stored);

/* Walks the prefixes: *at 0 starts; false ends. */
bool durable_prefixes_next(const struct durable_prefixes *prefixes, size_t *at, struct bytes *prefix_out);

/* True when `topic` begins with one of them. */
bool durable_prefixes_match(const struct durable_prefixes *prefixes, struct bytes topic);

#endif

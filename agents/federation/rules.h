/* What may cross a link, and the way that a message has gone. Pure.
 *
 * A message carries the platforms that it has passed, the first being its own. It never goes to one of them,
 * so that it cannot come back in any topology; and it passes at most `hops` of them. */
#ifndef AGENTS_FEDERATION_RULES_H
#define AGENTS_FEDERATION_RULES_H

#include <busbar/limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Platforms that a message may pass. */
#define RULES_HOPS_MAX 16
/* A platform's name, with its NUL. */
#define RULES_NAME_SIZE 64

/* Texts of a rule, borrowed. */
struct rules_list {
    char **items;
    size_t count;
};

struct rules_way {
    char names[RULES_HOPS_MAX][RULES_NAME_SIZE];
    size_t count;
};

/* True when a name can be a platform's: 1 … 63 of [A-Za-z0-9_.-], and no JSON number or literal. */
bool rules_is_platform(const char *name);

/* True when `topic` begins with one of the prefixes; none: false. */
bool rules_covers(const struct rules_list *prefixes, const char *topic);

/* True when `method` of `peer` may be called: a rule is PEER/METHOD, each either the whole name or, ending in
 * `*`, all that begin so. */
bool rules_may_call(const struct rules_list *calls, const char *peer, const char *method);

/* True when a text has the form PEER/METHOD. */
bool rules_is_call(const char *text);

/* True when the way holds `platform`. */
bool rules_passed(const struct rules_way *way, const char *platform);

/* Adds a platform to the way; false, the way as before, when that would be the hop after `hops` (≤
 * RULES_HOPS_MAX), or the platform stands there already. */
bool rules_pass(struct rules_way *way, const char *platform, size_t hops);

/* Takes `peer@platform` apart into peer_out[peer_size] and platform_out[RULES_NAME_SIZE]; false: it is none.
 */
bool rules_split(const char *name, char *peer_out, size_t peer_size, char *platform_out);

#endif

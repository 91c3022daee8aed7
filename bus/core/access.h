/* Who may do what: one entry per CURVE key with the identities it may take and the topics that it may publish
 * and subscribe. What is not granted is refused. The entries come from access.json, which the process reads;
 * nothing here parses it. Source: docs/architecture.md, access.json. */
#ifndef BUS_CORE_ACCESS_H
#define BUS_CORE_ACCESS_H

#include "bus/core/pool.h"

#define ACCESS_ENTRIES_MAX 1024
/* Identities and topic prefixes of all entries together. */
#define ACCESS_GRANTS_MAX 16384
/* A key in base64url. */
#define ACCESS_KEY_SIZE 43
/* Entry of a connection that has no key, when the broker runs without security: everything is granted. */
#define ACCESS_OPEN UINT32_MAX

enum access_kind { ACCESS_IDENTITY, ACCESS_PUBLISH, ACCESS_SUBSCRIBE, ACCESS_CAPABILITY, ACCESS_KINDS };

/* The capability of those who look after the bus: `busbar access pending`, and what else is not for
 * everybody.
 */
#define ACCESS_ADMIN "admin"
/* The capability of those who only look: all rows of `peers`. `admin` has it, too. */
#define ACCESS_WATCH "watch"

struct access_grant {
    uint32_t text;
    uint32_t next; /* 0: none */
    uint16_t size;
    bool prefix; /* everything that begins so, not only this */
};

struct access_entry {
    char key[ACCESS_KEY_SIZE + 1];
    uint32_t first[ACCESS_KINDS]; /* by enum access_kind */
};

struct access {
    struct access_entry entries[ACCESS_ENTRIES_MAX];
    struct access_grant grants[ACCESS_GRANTS_MAX + 1];
    uint32_t entry_count, grant_count;
    struct pool texts;
    uint8_t memory[ACCESS_GRANTS_MAX * 64];
};

/* No entries: everything is refused. */
void access_init(struct access *access);

/* Adds the entry of `key` (43 characters). BB_RANGE: another length. BB_EXISTS: it has one. BB_FULL. */
BB_MUST_CHECK enum status access_add(struct access *access, struct bytes key, uint32_t *entry_out);

/* Grants `entry` an identity (`name`, or `name*` for all that begin so), a topic prefix (never `*`), or a
 * capability: a name of printable characters without `=`, alone or followed by `=` and its parameters, which
 * are the JSON object that VOLTTRON has there. BB_RANGE: an identity or a capability that is none, a text
 * longer than BB_TOPIC_MAX. BB_FULL. */
BB_MUST_CHECK enum status access_grant(struct access *access, uint32_t entry, enum access_kind kind,
                                       struct bytes text);

/* The entry of `key`. BB_NOT_FOUND. */
BB_MUST_CHECK enum status access_find(const struct access *access, struct bytes key, uint32_t *entry_out);

/* True when `entry` (or ACCESS_OPEN) may take the identity, publish the topic, subscribe the prefix, or has
 * exactly that capability. */
bool access_allows(const struct access *access, uint32_t entry, enum access_kind kind, struct bytes text);

/* Walks what is granted to `entry` (none for ACCESS_OPEN), in the order of the file: *at 0 starts; false
 * ends. *text_out is borrowed; of a pattern it is what stands before its `*`. */
bool access_next(const struct access *access, uint32_t entry, enum access_kind kind, uint32_t *at,
                 struct bytes *text_out);

/* True when `entry` of `access` grants every topic that `other_entry` of `other` grants. `kind` is
 * ACCESS_PUBLISH or ACCESS_SUBSCRIBE. */
bool access_covers(const struct access *access, uint32_t entry, const struct access *other,
                   uint32_t other_entry, enum access_kind kind);

/* The name under which messages of `entry` appear that came through the `pub` door, which has no routing ids:
 * its first identity, without `*` and a dot before it. Borrowed; "anonymous" for ACCESS_OPEN, an entry
 * without any, or a pattern whose beginning is no identity. */
struct bytes access_name(const struct access *access, uint32_t entry);

/* True when `text` can be an identity on the bus: 1 … 255 of [A-Za-z0-9_.-], and not a JSON number or
 * literal, which agents would decode as one. */
bool access_is_identity(struct bytes text);

#endif

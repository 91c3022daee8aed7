/* What was refused, for `busbar access pending`: unknown keys, and what known keys asked for without a grant.
 * The table is bounded. The newest refusal always gets in; when the table is full, a place is taken from the
 * source that holds the most of them (the address of unknown keys, a known key for all that it asks for):
 * there the one that was refused least often goes, among equals the one that was quiet for longest. So a
 * flood of random keys, or of topics, pushes out what came from the same source, and there not what keeps
 * trying. Pure: no clock, no sockets. */
#ifndef BUS_PENDING_H
#define BUS_PENDING_H

#include "bus/conns.h"
#include "bus/core/access.h"

#define PENDING_MAX 256
/* Longer topics are cut here. */
#define PENDING_TEXT_MAX    255
#define PENDING_ADDRESS_MAX 64

/* What was refused. */
struct pending_asked {
    const char *key;       /* base64url; "" without security */
    bool unknown;          /* the key has no entry; `kind` and `text` say nothing then */
    enum access_kind kind; /* what it has no grant for */
    struct bytes text;     /* the identity or the topic */
    const char *address;   /* "" when it is not known */
    enum conns_door door;
};

struct pending_item {
    char key[ACCESS_KEY_SIZE + 1];
    char address[PENDING_ADDRESS_MAX];
    uint8_t text[PENDING_TEXT_MAX];
    uint8_t size;
    bool unknown, cut;
    uint8_t kind, door;
    uint64_t source; /* a hash; door and address are those of the last time */
    uint64_t times;
    int64_t first_ms, last_ms;
};

/* All zero is an empty table. */
struct pending {
    struct pending_item items[PENDING_MAX]; /* in no order */
    uint32_t count;
    uint64_t forgotten; /* pushed out */
};

/* Counts a refusal at `now_ms` of the wall clock. True when it is a new one: then tell it. */
bool pending_note(struct pending *pending, const struct pending_asked *asked, int64_t now_ms);

/* Forgets what these rules grant. */
void pending_prune(struct pending *pending, const struct access *access);

/* "key", "identity", "publish", "subscribe" or "capability". */
const char *pending_word(const struct pending_item *item);

#endif

/* agents.db: which agents are installed, and which moves are under way. Each store_put_… and store_drop_… is
 * on the disk when it returns. The only one here who knows SQLite. */
#ifndef AGENTS_HOST_STORE_H
#define AGENTS_HOST_STORE_H

#include "agents/bundle/bundle.h"

#include <busbar/reason.h>
#include <busbar/status.h>

struct store;

/* Whether an agent may be started here. Only a free one is; whatever the others are for, moves decide. */
enum store_hold {
    HOLD_FREE,
    HOLD_MOVING,    /* a move has taken it in hand, here or there */
    HOLD_UNDECIDED, /* given away, and the answer has not come */
    HOLD_MOVED      /* lives on another platform; what is left here is to go */
};

struct store_agent {
    char name[MANIFEST_NAME_ROOM];
    char identity[BB_IDENTITY_MAX + 1];
    char release[MANIFEST_RELEASE_ROOM];
    char digest[BUNDLE_DIGEST_ROOM]; /* of its bundle */
    char signer[44];                 /* "0x…", "" for an unsigned one */
    char public_key[44];             /* of its identity, base64url: its entry in access.json */
    bool enabled;
    int priority;
    enum store_hold hold;
    int64_t installed_ms;
};

/* A row of the table of moves; what the words mean is the mover's. */
struct store_move {
    char id[65];
    char name[MANIFEST_NAME_ROOM];
    char origin[64], target[64]; /* platforms */
    char phase[16];
    int64_t since_ms;
    char reason[512];
    const char *data; /* a JSON text of the mover's own, borrowed; NULL: none */
};

/* Called for each row; all that it is given is borrowed for the call. */
typedef void store_on_agent(void *context, const struct store_agent *agent);
typedef void store_on_move(void *context, const struct store_move *move);

/* Opens the database at `path`, made when it is not there. BB_VERSION: of a newer schema. BB_MALFORMED: not
 * ours, or corrupt. BB_IO, BB_FULL. */
BB_MUST_CHECK enum status store_open(const char *path, struct bb_reason *reason, struct store **out);

/* Accepts NULL. */
void store_close(struct store *store);

/* What is put and dropped between the two becomes durable as one. store_begin may not be nested. After
 * anything has failed store_end undoes it all and says so: BB_IO, BB_FULL. */
BB_MUST_CHECK enum status store_begin(struct store *store, struct bb_reason *reason);
BB_MUST_CHECK enum status store_end(struct store *store, struct bb_reason *reason);

/* Puts the row in place of that of its name. BB_IO, BB_FULL. */
BB_MUST_CHECK enum status store_put_agent(struct store *store, const struct store_agent *agent,
                                          struct bb_reason *reason);

/* BB_OK also when there is none. BB_IO, BB_FULL. */
BB_MUST_CHECK enum status store_drop_agent(struct store *store, const char *name, struct bb_reason *reason);

/* All agents in the order of priority and name. BB_IO, BB_MALFORMED. */
BB_MUST_CHECK enum status store_each_agent(struct store *store, store_on_agent *on_agent, void *context,
                                           struct bb_reason *reason);

/* The same for moves, by `id`. */
BB_MUST_CHECK enum status store_put_move(struct store *store, const struct store_move *move,
                                         struct bb_reason *reason);
BB_MUST_CHECK enum status store_drop_move(struct store *store, const char *id, struct bb_reason *reason);
BB_MUST_CHECK enum status store_each_move(struct store *store, store_on_move *on_move, void *context,
                                          struct bb_reason *reason);

#endif

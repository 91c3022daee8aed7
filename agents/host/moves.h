/* The moves of one agentd, given and taken: the state machines of move.h, what they say to the other side and
 * what is answered to it. What is done to disks, agents and links goes through a table of functions, so that
 * the same code runs in a simulated world. One thread; functions of the world may call back. */
#ifndef AGENTS_HOST_MOVES_H
#define AGENTS_HOST_MOVES_H

#include "agents/host/move.h"

#include <busbar/bytes.h>
#include <busbar/status.h>
#include <jansson.h>

/* Moves that are not over, at a time. */
#define MOVES_OPEN_MAX 64
/* Moves that are over and still told of. */
#define MOVES_OVER_MAX 100
/* The largest parcel: bundle, configuration, state. */
#define MOVES_PARCEL_MAX (320ll * 1024 * 1024)
/* Version of what two agentd say to each other. */
#define MOVES_PROTOCOL 1

/* The answer of the other side: BB_OK and its result, or another status and its error object or NULL. */
typedef void moves_on_reply(void *context, enum status status, const char *json);

/* What the moves need of their platform. */
struct moves_world {
    void *context;
    size_t piece_bytes; /* of a parcel in one call */

    /* -- both sides -- */
    int64_t (*now_ms)(void *context); /* wall clock */
    /* 16 bytes that nobody can guess, in hexadecimal. */
    void (*random)(void *context, char id_out[MOVE_ID_SIZE]);
    /* Puts the row, and the agent's hold when `holds` (there may be no agent yet), on the disk, as one. */
    enum status (*save)(void *context, const struct move *move, bool holds, struct bb_reason *reason);
    /* Takes the row off the disk. */
    enum status (*forget)(void *context, const struct move *move, struct bb_reason *reason);
    /* Calls agentd of the platform; `on_reply` is called once, later or now. */
    void (*call)(void *context, const char *platform, const char *method, const json_t *params,
                 moves_on_reply *on_reply, void *reply_context);
    void (*start)(void *context, const struct move *move);
    /* moves_stopped follows, later or now. */
    void (*stop)(void *context, const struct move *move);
    /* Removes what the move leaves here: where it was given, the agent that is held as moved; where it was
     * taken and dropped, the one that is held as moving or undecided, and the parcel. It may have been
     * removed already, and an agent that is held otherwise is another one by now. */
    enum status (*clear)(void *context, const struct move *move, struct bb_reason *reason);
    void (*alert)(void *context, const struct move *move);
    /* The move has changed, or what was asked of it (moves_resolve) has been answered. */
    void (*changed)(void *context, const struct move *move);

    /* -- gives -- */
    /* Whether the agent can be given at all, whether it runs, and what the other side is to know of it: a new
     * object. */
    enum status (*offer)(void *context, const char *name, bool *runs_out, json_t **about_out,
                         struct bb_reason *reason);
    /* Makes the parcel of the stopped agent; moves_packed follows. */
    void (*pack)(void *context, const struct move *move);
    /* size_out ≤ piece_bytes bytes of the parcel from `offset` on; none at its end. */
    enum status (*read)(void *context, const struct move *move, int64_t offset, uint8_t *piece_out,
                        size_t *size_out, struct bb_reason *reason);
    /* The parcel is not needed any more. */
    void (*discard)(void *context, const struct move *move);

    /* -- takes -- */
    /* Whether an agent of that platform is welcome here. */
    enum status (*admit)(void *context, const struct move *move, const json_t *about,
                         struct bb_reason *reason);
    /* Appends to the parcel. */
    enum status (*write)(void *context, const struct move *move, int64_t offset, struct bytes piece,
                         struct bb_reason *reason);
    /* Checks the whole parcel and puts the agent in place, held as moving; moves_received follows. It may
     * have been put there by an earlier call. */
    void (*receive)(void *context, const struct move *move, const char *sha256);
};

struct moves;

/* No moves; the world is borrowed, `platform` copied. Aborts without memory. */
struct moves *moves_open(const struct moves_world *world, const char *platform);

/* Accepts NULL; answers that come later are ignored. */
void moves_close(struct moves *moves);

/* A row that was saved, in any order: before anything else. */
void moves_load(struct moves *moves, const struct move *row);

/* agentd has started: what was under way goes on or is given up. */
void moves_wake(struct moves *moves);

/* About once a second. */
void moves_tick(struct moves *moves);

/* Begins to give the agent to a platform. BB_EXISTS: it is being moved; BB_RANGE, BB_FULL, BB_IO, or what the
 * world says. */
BB_MUST_CHECK enum status moves_start(struct moves *moves, const char *name, const char *platform,
                                      struct bb_reason *reason, struct move *out);

/* The operator's word. The other side is asked first, if it can be; then `changed` is called. BB_NOT_FOUND:
 * nothing is to be decided; BB_EXISTS: that cannot be said of it now. */
BB_MUST_CHECK enum status moves_resolve(struct moves *moves, const char *name, bool here,
                                        struct bb_reason *reason, struct move *out);

/* True while the operator's word about the move waits for the other side. */
bool moves_is_asking(const struct moves *moves, const char *id);

/* The move of that id; NULL. Borrowed until the next call. */
const struct move *moves_find(const struct moves *moves, const char *id);

/* {"moves":[MOVE,…]}, the newest first, new. A MOVE alone, new. */
json_t *moves_list(const struct moves *moves);
json_t *moves_json(const struct move *move);

#endif

/* Moves on this platform's disks, agents and links: the world of moves.h, made of the host's parts. */
#ifndef AGENTS_HOST_MOVE_DESK_H
#define AGENTS_HOST_MOVE_DESK_H

#include "agents/host/host.h"
#include "agents/host/moves_talk.h"

struct move_desk;

/* Reads what agents.db says of moves; host->desk is set. The roster must be there, and the client. What was
 * under way goes on with move_desk_wake, which is to be called before any agent is started. BB_IO,
 * BB_MALFORMED. */
BB_MUST_CHECK enum status move_desk_open(struct host *host, struct bb_reason *reason);
void move_desk_wake(struct host *host);

/* Accepts a host without one. What was under way goes on after the next start. */
void move_desk_close(struct host *host);

/* This platform's name, "" when it has none. */
const char *move_desk_platform(const struct host *host);

/* The moves, for calls; and whoever waits for one: `on_settled` is called once when the move is over or
 * undecided, and (if `word`) no operator's word waits any more. `move` is borrowed. */
struct moves *move_desk_moves(const struct host *host);
typedef void move_desk_on_settled(void *context, const struct move *move);
void move_desk_wait(struct host *host, const struct move *move, bool word, move_desk_on_settled *on_settled,
                    void *context);

#endif

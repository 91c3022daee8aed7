/* The rest of a platform's moves (moves.h): what the world reports, and what other platforms ask. */
#ifndef AGENTS_HOST_MOVES_TALK_H
#define AGENTS_HOST_MOVES_TALK_H

#include "agents/host/moves.h"

/* What `stop` was for: nothing of the agent runs, or `failed` says why something does. */
void moves_stopped(struct moves *moves, const char *id, const char *failed);

/* What `pack` was for: the parcel's size and SHA-256 in hexadecimal, or why there is none. */
void moves_packed(struct moves *moves, const char *id, int64_t size, const char *sha256, const char *failed);

/* What `receive` was for: all is in its place, or why not. */
void moves_received(struct moves *moves, const char *id, const char *failed);

/* A call of agentd of `platform`: move.offer, move.write, move.commit, move.drop or move.ask. BB_OK and the
 * result, new. BB_RANGE: params are not what they should be; BB_IO: the answer cannot be given now; the
 * reason says why. */
BB_MUST_CHECK enum status moves_answer(struct moves *moves, const char *platform, const char *method,
                                       const json_t *params, struct bb_reason *reason, json_t **result_out);

#endif

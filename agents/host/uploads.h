/* Bundles on their way here, in memory: a few at a time, each of whoever opened it, and gone when nobody goes
 * on with it. */
#ifndef AGENTS_HOST_UPLOADS_H
#define AGENTS_HOST_UPLOADS_H

#include "agents/bundle/bundle.h"

#include <busbar/reason.h>

#define UPLOADS_MAX 4
/* Forgotten after so long without a word. */
#define UPLOADS_QUIET_MS 300000
/* The same for one that was read: it has served its purpose, unless its owner installs it once more. */
#define UPLOADS_USED_MS 10000
/* A piece, before base64. */
#define UPLOADS_PIECE_MAX (256 * 1024)
#define UPLOADS_ID_ROOM   33

struct uploads;

/* Aborts without memory. */
struct uploads *uploads_open(void);

/* Accepts NULL. */
void uploads_close(struct uploads *uploads);

/* Room for `size` bytes whose SHA-256 is `sha256` (64 hexadecimal digits), for the caller `owner`. BB_RANGE:
 * too large, or no hash; BB_FULL: too many at a time. */
BB_MUST_CHECK enum status uploads_begin(struct uploads *uploads, const char *owner, int64_t size,
                                        const char *sha256, int64_t now_ms, struct bb_reason *reason,
                                        char id_out[UPLOADS_ID_ROOM]);

/* Adds a piece at `offset`, which must be where the last one ended; a repeated one is taken as known.
 * *received_out: bytes so far. BB_NOT_FOUND: no such upload of this owner; BB_RANGE: another place, or too
 * much. */
BB_MUST_CHECK enum status uploads_write(struct uploads *uploads, const char *owner, const char *id,
                                        int64_t offset, struct bytes piece, int64_t now_ms,
                                        struct bb_reason *reason, int64_t *received_out);

/* The whole of it, borrowed until the loop goes on. BB_NOT_FOUND; BB_RANGE: not complete; BB_MALFORMED:
 * another hash. */
BB_MUST_CHECK enum status uploads_read(struct uploads *uploads, const char *owner, const char *id,
                                       int64_t now_ms, struct bb_reason *reason, struct bytes *out);

/* Forgets those that were quiet for too long. A new one takes the place of one that was read already. */
void uploads_sweep(struct uploads *uploads, int64_t now_ms);

#endif

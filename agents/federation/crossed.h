/* How far the durable topics of each other platform have come, in a file, so that what comes again after a
 * cut or a restart is known. Whoever sends reads a log: it has a stream's number, which is another one when
 * the log was begun anew, and offsets and times that grow. */
#ifndef AGENTS_FEDERATION_CROSSED_H
#define AGENTS_FEDERATION_CROSSED_H

#include "agents/federation/settings.h"

#include <busbar/limits.h>

#define CROSSED_MAX (2 * SETTINGS_LINKS_MAX)

struct crossed_mark {
    char platform[RULES_NAME_SIZE]; /* "": none */
    int64_t stream;
    int64_t offset, time_ms; /* of the last one here, and the largest */
};

struct crossed {
    char path[BB_PATH_MAX];
    struct crossed_mark marks[CROSSED_MAX];
    uint32_t next; /* which one is forgotten when there are too many */
};

/* Reads the file; one that is missing says nothing. BB_MALFORMED, BB_IO, with a reason; the marks are empty
 * then, and what crossed may come again. */
BB_MUST_CHECK enum status crossed_load(struct crossed *crossed, const char *path, struct bb_reason *reason);

/* Writes the file anew; on the disk when it returns BB_OK. BB_IO. */
BB_MUST_CHECK enum status crossed_save(const struct crossed *crossed, struct bb_reason *reason);

/* The mark of a platform, a new one when there is none. Valid until the next call. */
struct crossed_mark *crossed_of(struct crossed *crossed, const char *platform);

/* True when the message is here already. One with a newer time is not, whatever its offset: the log may have
 * been brought back from an older copy. */
bool crossed_knows(const struct crossed_mark *mark, int64_t stream, int64_t offset, int64_t time_ms);

/* Notes that everything up to this message is here. */
void crossed_note(struct crossed_mark *mark, int64_t stream, int64_t offset, int64_t time_ms);

#endif

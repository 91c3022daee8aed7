/* The databases of a home: which there are, of which format, whether they are sound; and copies of them while
 * they are in use. The only ones here who know SQLite. */
#ifndef AGENTS_CARE_DATABASE_H
#define AGENTS_CARE_DATABASE_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdbool.h>
#include <stdint.h>

struct database_kind {
    const char *path; /* below the home */
    const char *what; /* for people */
    int64_t application,
        version; /* SQLite's application_id; the newest user_version that this Busbar writes */
};

/* All kinds, ending in one without a path. */
extern const struct database_kind database_kinds[];

/* The kind of an application id; NULL: none of ours. */
const struct database_kind *database_kind_of(int64_t application);

/* What SQLite tells of a database: false when it is not SQLite's (or is empty), or it
 * cannot be read. It may be in use. */
bool database_head(const char *path, int64_t *application_out, int64_t *version_out);

/* SQLite's quick_check, given up after `limit_ms`. BB_TIMEOUT: it was given up; BB_MALFORMED: damaged, and
 * the reason says how; BB_IO. The database may be in use. */
BB_MUST_CHECK enum status database_check(const char *path, int64_t limit_ms, struct bb_reason *reason);

/* Copies a database that may be in use, as it is at one moment, to the new file `to`, mode 0600, forced to
 * the disk. BB_IO, BB_EXISTS, BB_TIMEOUT (a writer never let go). */
BB_MUST_CHECK enum status database_copy(const char *from, const char *to, struct bb_reason *reason);

#endif

/* An agent's log on the disk: numbered lines in `log`, which becomes `log.1` at LOGFILE_TURN bytes. A line is
 * `<n> <time in ms> <o or e> <text>`. Numbers go on over restarts. */
#ifndef AGENTS_HOST_LOGFILE_H
#define AGENTS_HOST_LOGFILE_H

#include <busbar/limits.h>
#include <busbar/status.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGFILE_TURN (1024 * 1024)
/* Lines, and roughly bytes, of one page. */
#define LOGFILE_PAGE_MAX   1000
#define LOGFILE_PAGE_BYTES (256 * 1024)

struct logfile {
    char path[BB_PATH_MAX], old[BB_PATH_MAX];
    int fd;           /* −1: closed, as long as nothing is written */
    size_t size;      /* of the file */
    uint64_t next;    /* the number of the next line */
    char held[16384]; /* lines that are not written yet */
    size_t held_size;
};

/* Finds where it ended. `path` and `old` are copied. */
void logfile_init(struct logfile *log, const char *path, const char *old);

/* Appends a line (without control characters); its number. It is held back until logfile_flush. */
uint64_t logfile_append(struct logfile *log, int64_t wall_ms, bool error, const char *text, size_t size);

/* Writes what is held. What the disk refuses is lost; false then. */
bool logfile_flush(struct logfile *log);

/* Flushes and closes the file; it is opened again when it is needed. */
void logfile_close(struct logfile *log);

/* Lines with numbers above `after` (−1: the last `most`), at most `most` ≤ LOGFILE_PAGE_MAX, oldest first:
 * {"lines":[{"n","time_ms","stream","text"}],"next"}, new. "next" is given as the next page's `after`. */
json_t *logfile_page(struct logfile *log, int64_t after, size_t most);

#endif

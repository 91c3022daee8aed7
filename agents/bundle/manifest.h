/* What an agent says of itself: manifest.json, read and bounded. Source: docs/platform.md, "An agent". */
#ifndef AGENTS_BUNDLE_MANIFEST_H
#define AGENTS_BUNDLE_MANIFEST_H

#include "agents/bundle/schema.h"

#include <busbar/bytes.h>
#include <busbar/limits.h>
#include <stdbool.h>
#include <stdint.h>

#define MANIFEST_FILE     "manifest.json"
#define MANIFEST_SIZE_MAX (256 * 1024)
/* A name and a release, with their NUL. */
#define MANIFEST_NAME_ROOM    64
#define MANIFEST_RELEASE_ROOM 33
#define MANIFEST_SUMMARY_ROOM 257
/* Words of the command, and topics or capabilities in one list. */
#define MANIFEST_WORDS_MAX 64
#define MANIFEST_LIST_MAX  64

/* Topics or capabilities, borrowed from the manifest's document. */
struct manifest_list {
    const char *items[MANIFEST_LIST_MAX];
    size_t count;
};

/* What an agent may use; what the manifest leaves out has its default. */
struct manifest_limits {
    int64_t memory_mb;      /* 1 … 65536; 256 */
    int64_t cpu_percent;    /* of one core, 1 … 6400; 100 */
    int64_t files;          /* open at a time in one process, 16 … 65536; 256 */
    int64_t processes;      /* 1 … 4096; 16 */
    int64_t messages_per_s; /* 1 … 1000000; 1000 */
};

struct manifest {
    json_t *root; /* the document as it was written; owned */
    char name[MANIFEST_NAME_ROOM], release[MANIFEST_RELEASE_ROOM];
    char identity[BB_IDENTITY_MAX + 1]; /* the name when none is given */
    char summary[MANIFEST_SUMMARY_ROOM];
    const char *command[MANIFEST_WORDS_MAX + 1]; /* NULL-terminated; [0] begins with "./" or "/" */
    size_t command_count;
    struct manifest_list publish, subscribe, capabilities;
    struct manifest_limits limits;
    int priority;         /* lower starts earlier, 0 … 100; 50 */
    int stop_s;           /* 1 … 600; 5 */
    bool once;            /* an exit with 0 is its end */
    const json_t *config; /* the schema of its configuration, borrowed from root; NULL: it has none */
};

/* Reads a manifest; `file` is its name for the reason, which says "file:line: …". At most MANIFEST_SIZE_MAX
 * bytes. BB_MALFORMED: no JSON, unknown or repeated keys, wrong types; BB_RANGE: a value out of its range;
 * BB_VERSION; BB_FULL: too large. On BB_OK manifest_free frees it. */
BB_MUST_CHECK enum status manifest_read(const char *file, struct bytes text, struct bb_reason *reason,
                                        struct manifest *out);

/* Frees what the manifest holds. */
void manifest_free(struct manifest *manifest);

/* True for a name as agents and bundles have it: [a-z0-9][a-z0-9.-]{0,62}. Such a name is a safe name of a
 * folder. */
bool manifest_is_name(const char *text);

/* Checks a configuration (borrowed; NULL: `{}`) against the manifest's schema; *filled_out with its defaults,
 * to be decref'd. As schema_fill; the reason names the place. */
BB_MUST_CHECK enum status manifest_configure(const struct manifest *manifest, const json_t *config,
                                             struct bb_reason *reason, json_t **filled_out);

#endif

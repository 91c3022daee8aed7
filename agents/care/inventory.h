/* The manifest of a backup: every folder and file of a home, with its mode, owner, size and hash. A backup is
 * a folder that holds `manifest.json` and below `files` what the manifest names. */
#ifndef AGENTS_CARE_INVENTORY_H
#define AGENTS_CARE_INVENTORY_H

#include "agents/care/copy.h"

#include <jansson.h>
#include <stdbool.h>

#define INVENTORY_PATH_ROOM 512
#define INVENTORY_NAME_ROOM 40

enum inventory_kind { INVENTORY_FOLDER, INVENTORY_FILE, INVENTORY_DATABASE };

struct inventory_entry {
    enum inventory_kind kind;
    char path[INVENTORY_PATH_ROOM]; /* below the home */
    unsigned mode;
    char owner[INVENTORY_NAME_ROOM],
        group[INVENTORY_NAME_ROOM]; /* names, or numbers where there is no name */
    uint64_t size;                  /* of files */
    char sha256[COPY_HASH_ROOM];    /* of files */
    int64_t application, format;    /* of databases, as SQLite's ids */
};

/* A new manifest without entries, of the home of that name. */
json_t *inventory_new(const char *home);

/* Appends an entry. BB_MALFORMED: a name that is not UTF-8. */
BB_MUST_CHECK enum status inventory_add(json_t *manifest, const struct inventory_entry *entry,
                                        struct bb_reason *reason);

/* Reads `folder`/manifest.json: every entry is of its form, every path is relative, without . and .., named
 * once and behind its folder. BB_NOT_FOUND, BB_MALFORMED, BB_VERSION; the reason names the entry. The caller
 * decrefs it. */
BB_MUST_CHECK enum status inventory_read(const char *folder, struct bb_reason *reason, json_t **out);

/* How many entries. */
size_t inventory_count(const json_t *manifest);

/* The entry at `index` of a manifest that inventory_read has taken, or that inventory_add has made. */
void inventory_entry(const json_t *manifest, size_t index, struct inventory_entry *out);

/* Writes it to `folder`/manifest.json, mode 0600, forced to the disk. BB_IO. */
BB_MUST_CHECK enum status inventory_write(const json_t *manifest, const char *folder,
                                          struct bb_reason *reason);

#endif

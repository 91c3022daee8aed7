/* Edits access.json: under a lock, in a document whose comments and unknown members stay, and written in one
 * step. Entries are borrowed from the document. */
#ifndef BUS_RULES_EDIT_H
#define BUS_RULES_EDIT_H

#include "bus/core/access.h"

#include <busbar/limits.h>
#include <busbar/reason.h>
#include <jansson.h>

/* What a file is opened for: to look at it, to change it once others are done, or to change it now or never,
 * for who cannot wait. */
enum edit_purpose { EDIT_READ, EDIT_WRITE, EDIT_WRITE_NOW };

struct edit {
    char path[BB_PATH_MAX]; /* of the file itself, where it is a link */
    json_t *document;
    int lock; /* −1: only reading */
};

/* Reads `path`. To change it also takes its lock, `path`.lock; EDIT_WRITE waits for it up to two seconds.
 * BB_NOT_FOUND; BB_IO; BB_TIMEOUT: somebody else edits it; otherwise as rules_load: what the broker would
 * refuse is not edited. */
BB_MUST_CHECK enum status edit_open(const char *path, enum edit_purpose purpose, struct bb_reason *reason,
                                    struct edit *out);

/* Takes the lock of `path`, there or not, for who makes the file anew: *lock_out is to be closed. As
 * edit_open. */
BB_MUST_CHECK enum status edit_lock(const char *path, struct bb_reason *reason, int *lock_out);

/* Writes the document beside the file, forces it to the disk and renames it over the file, whose mode and
 * owner stay, and lets go of the lock; *digest_out is its rules_digest. What the broker would refuse is not
 * written, and the reason says what that is. BB_IO, or as rules_parse. */
BB_MUST_CHECK enum status edit_save(struct edit *edit, uint64_t *digest_out, struct bb_reason *reason);

/* Whether the broker would take the document: as rules_parse. */
BB_MUST_CHECK enum status edit_check(const struct edit *edit, struct bb_reason *reason);

/* Lets go of everything; what was not saved is gone. */
void edit_close(struct edit *edit);

/* The list of entries. */
json_t *edit_entries(const struct edit *edit);

/* The entry of a key in any text form; NULL: it has none. */
json_t *edit_find(const struct edit *edit, const char *key);

/* Appends an entry for `key` (base64url); `comment` may be NULL. */
json_t *edit_add(struct edit *edit, const char *key, const char *comment);

/* Takes an entry out. */
void edit_remove(struct edit *edit, const json_t *entry);

/* The name of a list: "identities", "publish", "subscribe" or "capabilities". */
const char *edit_list_name(enum access_kind kind);

/* Adds `item` (a text, or an object for a capability with parameters; borrowed) to a list of an entry; false
 * if it is there. */
bool edit_grant(json_t *entry, enum access_kind kind, json_t *item);

/* Takes the text `item` from a list, or a capability with that name whatever its parameters; false if it is
 * not there. */
bool edit_revoke(json_t *entry, enum access_kind kind, const char *item);

#endif

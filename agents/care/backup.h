/* Copies of a whole home, and their way back. */
#ifndef AGENTS_CARE_BACKUP_H
#define AGENTS_CARE_BACKUP_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <jansson.h>

/* Copies `home`, whose programs may run, into the new folder `to` (mode 0700): databases as each is at one
 * moment, files whole, and the manifest last. What is made anew by itself stays out: run, log, locks,
 * databases' logs, sockets, links. *manifest_out is to be decref'd. BB_NOT_FOUND: no home; BB_EXISTS: `to` is
 * there; BB_IO, BB_MALFORMED (a name that is not UTF-8, a damaged database), BB_TIMEOUT. Without BB_OK what
 * was made is no backup, and stays to be looked at. */
BB_MUST_CHECK enum status backup_make(const char *home, const char *to, struct bb_reason *reason,
                                      json_t **manifest_out);

/* Whether a backup is whole: its manifest, every file's size and hash, every database's format and soundness;
 * nothing that the manifest does not name. BB_NOT_FOUND, BB_MALFORMED, BB_VERSION (of a newer Busbar), BB_IO.
 */
BB_MUST_CHECK enum status backup_check(const char *from, struct bb_reason *reason, json_t **manifest_out);

/* Checks a backup, then makes `home` of it, in one step at the end: a folder beside it that is renamed. Modes
 * are as they were, owners too when this is root. BB_EXISTS: the home is there and not empty; as backup_check
 * else. */
BB_MUST_CHECK enum status backup_restore(const char *from, const char *home, struct bb_reason *reason,
                                         json_t **manifest_out);

#endif

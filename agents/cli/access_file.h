/* access.json of the home in force, for the verbs that show and edit it. */
#ifndef AGENTS_CLI_ACCESS_FILE_H
#define AGENTS_CLI_ACCESS_FILE_H

#include "agents/cli/call.h"
#include "bus/rules/edit.h"

/* Opens the file of the home that the call names; `write` takes its lock. Failures are told. */
enum exit_code access_file_open(const struct call *call, bool write, struct edit *out);

/* The entry that `who` names: a key in any form, an identity as it stands in the entry, or the beginning of a
 * fingerprint (four characters or more). Failures are told: none, or several. */
enum exit_code access_file_find(const struct call *call, const struct edit *edit, const char *who,
                                json_t **out);

/* True when `prefix`, with or without hyphens and in any case, begins the fingerprint, with four characters
 * or more. */
bool access_file_begins(const char *fingerprint, const char *prefix);

/* Writes the fingerprint of a key in any text form to fingerprint[KEY_FINGERPRINT_SIZE]; "" when it is none.
 * Returns `fingerprint`. */
char *access_file_fingerprint(const char *key, char *fingerprint);

/* Prints an entry, for people. */
void access_file_print(const json_t *entry);

/* Writes a list of an entry for people, `""` for the empty text, to text[size], cut when it is too long.
 * Returns `text`. */
char *access_file_list(const json_t *entry, enum access_kind kind, char *text, size_t size);

/* Waits, a few seconds at most, until a broker that runs on the home has its access.json as it stands now:
 * for who has written it otherwise. False when the broker has not taken it; there need not be one. */
bool access_file_await(const struct call *call);

/* Saves the document unless --dry-run or nothing `changed`, waits until the broker has the rules, and tells
 * what came of it; `document` (taken) is what --json prints, with "changed", "dry_run" and "broker" added. */
enum exit_code access_file_finish(const struct call *call, struct edit *edit, bool changed, json_t *document);

#endif

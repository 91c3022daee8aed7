/* The parts of import.h. */
#ifndef BUS_RULES_IMPORT_PARTS_H
#define BUS_RULES_IMPORT_PARTS_H

#include "bus/rules/import.h"

/* Adds a line to the report about the file in hand; `about` is what it says it of (a key, an identity, a
 * topic).
 */
void import_say(struct import *import, const char *result, const char *about, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The entry of a key (base64url), made if there is none, with an identity, the topics that are its own and
 * those of the options. Never NULL. */
json_t *import_entry(struct import *import, const char *key, const char *identity, const char *comment);

/* Translates the file in hand, an auth.json. */
void import_auth(struct import *import, const json_t *root);

/* Remembers what the file in hand, a protected_topics.json, guards. */
void import_topics(struct import *import, const json_t *root);

/* Grants guarded topics to entries with their capabilities. */
void import_grant_topics(struct import *import);

/* True when publishing `prefix` would reach a guarded topic for which `entry` lacks a capability; *topic_out
 * is that topic then, borrowed. */
bool import_reaches_guarded(const struct import *import, const json_t *entry, const char *prefix,
                            const char **topic_out);

#endif

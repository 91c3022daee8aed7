/* A subset of JSON Schema, in which an agent's manifest says what its configuration may hold: type,
 * properties, required, additionalProperties, items, enum, minimum, maximum, maxLength, default, description.
 * What is not of the subset is refused, so that nothing is believed to be checked that is not. Source: JSON
 * Schema 2020-12, validation. */
#ifndef AGENTS_BUNDLE_SCHEMA_H
#define AGENTS_BUNDLE_SCHEMA_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <jansson.h>
#include <stddef.h>

/* Schemas within schemas, and values within values. */
#define SCHEMA_DEPTH_MAX 16
/* Values that a filled-in configuration may hold in all, defaults among them. */
#define SCHEMA_VALUES_MAX 65536
/* Room for a place: "scan.registers[3].name". */
#define SCHEMA_PLACE_MAX 256

/* What is wrong with a value or with a schema, where. */
struct schema_fault {
    char place[SCHEMA_PLACE_MAX]; /* "" for the whole; cut when it is longer */
    char key[64];                 /* the last key on the way to it, to find its line; "" when there is none */
    char text[192];               /* "expected an integer from 1 to 60" */
};

/* Whether `schema` (borrowed) is one of the subset; each default must be a value of its own schema.
 * BB_MALFORMED: a key that is not of the subset, a wrong type, nested too deeply; the fault says where. */
BB_MUST_CHECK enum status schema_check(const json_t *schema, struct schema_fault *fault);

/* Checks `value` against a schema that schema_check took (NULL: only `{}` is a value). *filled_out is a copy
 * with the defaults filled in, which the caller decrefs. Both arguments are borrowed. BB_MALFORMED: what is
 * there is not what the schema says; BB_FULL: more than SCHEMA_VALUES_MAX values. */
BB_MUST_CHECK enum status schema_fill(const json_t *schema, const json_t *value, struct schema_fault *fault,
                                      json_t **filled_out);

/* The fault as one sentence, "config: interval_s: expected an integer", with `what` in front. */
void schema_tell(const struct schema_fault *fault, const char *what, struct bb_reason *reason);

#endif

/* Reading JSON that strangers send: every member is expected, bounded and read exactly, or refused with its
 * place. Integers are decimal strings ("-12", no plus, no leading zero) or JSON integers up to 2^53; floats,
 * -0, repeated, missing and unknown members are refused.
 *
 * Sticky: after the first refusal every further read gives zero and `ok` stays false, so that all members are
 * read and `ok` looked at once. */
#ifndef LEDGER_FIELDS_H
#define LEDGER_FIELDS_H

#include <busbar/address.h>
#include <busbar/bytes.h>
#include <busbar/reason.h>
#include <busbar/status.h>
#include <jansson.h>

/* The members of one object. Borrows everything. */
struct fields {
    json_t *object;
    struct bb_reason *reason;
    bool ok;
    char place[96]; /* "transactions[3].message" */
};

/* Parses one JSON value. BB_MALFORMED; the reason begins with `place`. */
BB_MUST_CHECK enum status fields_parse(struct bytes text, const char *place, struct bb_reason *reason,
                                       json_t **out);

/* Starts with `object`, which must have no member but those in `known` (ends in NULL). */
struct fields fields_of(json_t *object, const char *place, const char *const *known,
                        struct bb_reason *reason);

/* True when the member is there. */
bool fields_has(const struct fields *fields, const char *name);

/* Refuses with "place.name: …" and is false; `name` NULL: the object itself. */
bool fields_refuse(struct fields *fields, const char *name, const char *why);

/* A member of each kind, which must be there. A text is of at most `most` bytes, borrowed, "" when refused.
 */
uint64_t fields_uint(struct fields *fields, const char *name, uint64_t most);
int64_t fields_int(struct fields *fields, const char *name);
const char *fields_text(struct fields *fields, const char *name, size_t most);
struct address fields_address(struct fields *fields, const char *name);

/* Exactly `size` bytes in hexadecimal to out[size]. */
void fields_hex(struct fields *fields, const char *name, uint8_t *out, size_t size);

/* The place in `words` (ends in NULL) of a text member. */
unsigned fields_word(struct fields *fields, const char *name, const char *const *words);

/* A member that is a list of at most `most` elements or an object, borrowed; NULL when refused. */
json_t *fields_list(struct fields *fields, const char *name, size_t most);
json_t *fields_object(struct fields *fields, const char *name);

#endif

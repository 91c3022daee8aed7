/* A bounded scanner of JSON text: finds members and skips values without building anything. It accepts RFC
 * 8259 and, as Python writes them, NaN, Infinity and -Infinity; nesting up to SCAN_DEPTH_MAX. Bytes ≥ 0x80
 * are accepted inside strings as they are. Time is linear in the text; nothing is allocated and nothing is
 * copied. Source: RFC 8259. */
#ifndef BUS_CORE_SCAN_H
#define BUS_CORE_SCAN_H

#include <busbar/bytes.h>
#include <busbar/status.h>

/* One bit of a 64-bit word per open bracket. */
#define SCAN_DEPTH_MAX 64

/* A position in a text, and what has been met on the way. */
struct scan {
    const uint8_t *at;
    const uint8_t *end;
    bool nonfinite; /* NaN, Infinity or -Infinity */
    bool high;      /* a byte ≥ 0x80 */
};

/* One member of an object: the key between its quotes (escapes as written) and the value, trimmed. */
struct scan_member {
    struct bytes key;
    struct bytes value;
};

/* A scan at the start of `text`, which it borrows. */
struct scan scan_at(struct bytes text);

/* Skips blanks and one complete value, which *value_out covers. BB_MALFORMED: not JSON, or nested too deep.
 */
BB_MUST_CHECK enum status scan_value(struct scan *scan, struct bytes *value_out);

/* Enters an object: BB_OK after its `{`, BB_MALFORMED if something else stands there. */
BB_MUST_CHECK enum status scan_object(struct scan *scan);

/* The next member of the object that was entered (the first if `first`). BB_NOT_FOUND after its `}`;
 * BB_MALFORMED. */
BB_MUST_CHECK enum status scan_next_member(struct scan *scan, bool first, struct scan_member *out);

/* Enters an array: BB_OK after its `[`, BB_MALFORMED if something else stands there. */
BB_MUST_CHECK enum status scan_array(struct scan *scan);

/* The next element of the array that was entered (the first if `first`). BB_NOT_FOUND after its `]`;
 * BB_MALFORMED. */
BB_MUST_CHECK enum status scan_next_element(struct scan *scan, bool first, struct bytes *out);

/* True when nothing but blanks is left. */
bool scan_ended(struct scan *scan);

/* The member `name` of the object `text` (the last one if it stands there more than once, as Python and
 * jansson read it). BB_NOT_FOUND; BB_MALFORMED: not one JSON object. */
BB_MUST_CHECK enum status scan_find(struct bytes text, const char *name, struct bytes *value_out);

/* True when a key as written equals `name` once its escapes are decoded. */
bool scan_key_is(struct bytes key, const char *name);

/* Decodes a JSON string with its quotes into Latin-1 bytes: \u00e9 becomes e9, as VOLTTRON puts texts on the
 * wire. BB_MALFORMED: not a string. BB_RANGE: a character beyond U+00FF. BB_FULL: longer than `capacity`. */
BB_MUST_CHECK enum status scan_latin1(struct bytes string, uint8_t *buffer, size_t capacity,
                                      size_t *size_out);

/* True when `text` is one JSON number or literal (NaN and Infinity included), which Python's json would
 * decode as something else than a text. */
bool scan_is_number_or_literal(struct bytes text);

#endif

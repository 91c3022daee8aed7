/* Topics and messages between the wire, where topics are Latin-1 and messages may be looser than JSON, and
 * the JSON of the broker's own answers. */
#ifndef BUS_TEXTS_H
#define BUS_TEXTS_H

#include <busbar/bytes.h>
#include <busbar/status.h>
#include <jansson.h>

/* A topic, an identity or a key as a JSON text, new: bytes ≥ 0x80 become U+0080 … U+00FF. */
json_t *texts_of_latin1(struct bytes latin1);

/* The bytes of a JSON text, as topics are on the wire. BB_RANGE: no text, or a character beyond U+00FF.
 * BB_FULL: longer than `capacity`. */
BB_MUST_CHECK enum status texts_to_latin1(const json_t *text, uint8_t *buffer, size_t capacity,
                                          size_t *size_out);

/* A JSON value as the text that was published, new: a JSON string that holds it, byte for byte unless it is
 * not strict JSON. `fallback` when there is none. */
json_t *texts_of_json(struct bytes value, const char *fallback);

#endif

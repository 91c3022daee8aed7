/* Base64 of byte ranges: board broadcasts in JSON ("frame"), keys in files. Source: RFC 4648 §4, §5. */
#ifndef BUS_CLIENT_BASE64_H
#define BUS_CLIENT_BASE64_H

#include <busbar/bytes.h>
#include <busbar/status.h>

/* Room for the encoding of `size` bytes, with its NUL. */
#define BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)

/* The standard alphabet with padding. text_out[BASE64_SIZE(bytes.size)]. */
void base64_encode(struct bytes bytes, char *text_out);

/* The URL-safe alphabet without padding. text_out[BASE64_SIZE(bytes.size)]. */
void base64_encode_url(struct bytes bytes, char *text_out);

/* Decodes either alphabet, with or without padding, into out[capacity]. BB_MALFORMED (a foreign character, a
 * wrong length, bits left over that are not zero: one text for each value), BB_FULL. */
BB_MUST_CHECK enum status base64_decode(const char *text, size_t length, uint8_t *out, size_t capacity,
                                        size_t *size_out);

#endif

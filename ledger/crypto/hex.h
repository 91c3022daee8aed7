/* Bytes as text: "0x" and two hexadecimal digits a byte. */
#ifndef LEDGER_CRYPTO_HEX_H
#define LEDGER_CRYPTO_HEX_H

#include <busbar/bytes.h>
#include <busbar/status.h>

#define HEX_HASH 67 /* room for a hash: "0x", sixty-four digits, NUL */

/* "0x" and two lower-case digits a byte, NUL-terminated, to out[2 × size + 3]. */
void hex_format(struct bytes bytes, char *out);

/* Reads exactly `size` bytes from "0x…" of either case to out[size]. BB_MALFORMED. */
BB_MUST_CHECK enum status hex_parse(const char *text, uint8_t *out, size_t size);

/* Reads up to `capacity` bytes; *size_out of them. BB_MALFORMED, BB_FULL. */
BB_MUST_CHECK enum status hex_parse_some(const char *text, uint8_t *out, size_t capacity, size_t *size_out);

#endif

/* Versions and slots of a board's firmware as people read them. */
#ifndef AGENTS_UART_VERSION_H
#define AGENTS_UART_VERSION_H

#include <stdint.h>

#define VERSION_TEXT 16

/* HELLO.firmware, major, minor and patch in its three low bytes, as "0.1.0" to text[VERSION_TEXT]; "" for 0.
 * Returns `text`. */
char *version_text(uint32_t version, char *text);

/* SLOTS.running: "the built-in image", "slot A", "slot B"; "?" for another. Static storage. */
const char *version_slot(uint8_t running);

#endif

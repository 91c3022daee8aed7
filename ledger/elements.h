/* The elements of {"transactions":[…]} as they stand in the text: no tree is made of thousands of long texts.
 */
#ifndef LEDGER_ELEMENTS_H
#define LEDGER_ELEMENTS_H

#include <busbar/bytes.h>

/* Finds them, borrowed, to elements[most]. False when there is anything but one list of 1 … `most`. `params`
 * is a NUL-terminated text; when it is JSON, so is each element, and any other text is safe to give. */
bool elements_find(const char *params, struct bytes *elements, size_t most, size_t *count_out);

#endif

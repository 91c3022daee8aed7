/* Acknowledgements of what the neighbours sent: several in one broadcast, soon enough that nobody repeats. */
#ifndef NODE_FW_DISPATCH_ANSWERS_H
#define NODE_FW_DISPATCH_ANSWERS_H

#include "node-fw/dispatch/broadcast.h"
#include "node-fw/dispatch/dispatch.h"

#include <stddef.h>
#include <stdint.h>

/* The earliest time at which an owed acknowledgement must go out; INT64_MAX: none is owed. */
int64_t answers_at(const struct dispatch *d);

/* Appends up to `most` acknowledgements, owed ones first, then repetitions in turn; returns how many. */
uint8_t answers_write(struct dispatch *d, struct writer *w, size_t most);

#endif

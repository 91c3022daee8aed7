/* What is not granted: counted, kept as pending, and logged once. */
#ifndef BUS_REFUSAL_H
#define BUS_REFUSAL_H

#include "bus/state.h"

/* Notes what was refused; the first time it is logged, with what would grant it. */
void refusal_note(struct broker *broker, const struct pending_asked *asked);

/* Notes what the core refused to the sender of a message on the vip door; `key` is its key, NULL without
 * security, `address` where it comes from. */
void refusal_note_out(struct broker *broker, const char *key, const char *address);

#endif

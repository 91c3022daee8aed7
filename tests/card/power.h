/* A card whose power may fail at any byte of any write. A run writes to it and is logged; afterwards every
 * moment of the run can be looked at as the card would be found then: what was synced is there, of what was
 * not each sector is there or not, and the one that was being written is torn. */
#ifndef TESTS_CARD_POWER_H
#define TESTS_CARD_POWER_H

#include "node-fw/card/device.h"

#include <stddef.h>

struct power;

/* An empty card, all bytes `fill`. */
struct power *power_new(uint8_t fill);
void power_free(struct power *p);

/* The card of the run. Valid until power_free. */
const struct card_device *power_device(struct power *p);

/* Where the run stands: writes and syncs so far. */
size_t power_position(const struct power *p);

/* The bytes of the write at `position`; 0 when it is a sync. */
size_t power_bytes(const struct power *p, size_t position);

/* Begins to look at the run from its start: nothing is durable but what was there before power_record. */
void power_record(struct power *p);

/* The card when the power failed at `position` after `bytes` of that write; `seed` says which unsynced
 * sectors are there. Positions must not fall from call to call. What is written to it is forgotten at the
 * next call. */
const struct card_device *power_cut(struct power *p, size_t position, size_t bytes, uint64_t *seed);

#endif

/* What agents have set, and what was there before: it is put back when its owner's reservation ends, on
 * request, at the agent's end, and, since it is kept on the disk, by the next run after a crash. */
#ifndef AGENTS_MODBUS_HOLD_H
#define AGENTS_MODBUS_HOLD_H

#include "agents/modbus/point.h"

#include <busbar/limits.h>
#include <busbar/reason.h>
#include <busbar/status.h>

struct agent;
struct device;

struct hold {
    uint16_t before[READ_MAX];       /* its registers before the first set */
    char owner[BB_IDENTITY_MAX + 1]; /* who set it last */
    uint32_t sets;                   /* how often */
    bool due;                        /* it is to be put back as soon as the device answers */
};

/* Notes that `owner` is about to set a point that has no hold yet. BB_FULL. */
BB_MUST_CHECK enum status hold_add(struct device *device, size_t point, const char *owner,
                                   const uint16_t *before);

/* Forgets one. */
void hold_drop(struct device *device, size_t point);

/* Forgets all of a device, without a word to the disk. */
void hold_forget(struct device *device);

/* How many points of a device are set. */
size_t hold_count(const struct device *device);

/* Writes all holds to the state file, durably, when they have changed since. BB_IO. */
BB_MUST_CHECK enum status hold_save(struct agent *agent);

/* Reads the state file of an earlier run, when there is one. BB_IO, BB_MALFORMED. */
BB_MUST_CHECK enum status hold_load(struct agent *agent, struct bb_reason *reason);

/* Takes what an earlier run left of this device, to be put back. */
void hold_adopt(struct device *device);

/* Puts back what `owner` has set (NULL: everybody). */
void hold_put_back(struct device *device, const char *owner);

/* Puts back what is due, at most every ten seconds. */
void hold_put_back_due(struct device *device);

#endif

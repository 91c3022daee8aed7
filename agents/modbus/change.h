/* Getting, setting and putting back points of one device: what must be known first is read (the power of
 * ten, the value before), then it is written and read back. */
#ifndef AGENTS_MODBUS_CHANGE_H
#define AGENTS_MODBUS_CHANGE_H

#include "agents/modbus/answer.h"
#include "agents/modbus/device.h"

enum change_kind { CHANGE_GET, CHANGE_SET, CHANGE_REVERT };

struct change;

/* A change for `caller`; its values and errors go to `answer` (which it expects; NULL: nobody asked) under
 * the points' names, or their topics when `change_by_topic` was called. NULL: no memory, and the answer is
 * told. */
struct change *change_new(struct device *device, enum change_kind kind, const char *caller,
                          struct answer *answer);

/* Keys are whole topics, without devices/. */
void change_by_topic(struct change *change);

/* One more point; `value` is what to set. False: no memory. */
bool change_add(struct change *change, size_t point, const struct value *value);

/* Starts it; it frees itself when it is over. Accepts NULL. */
void change_start(struct change *change);

/* True when `caller` may set points of a device now; else why not. */
bool change_allowed(const struct device *device, const char *caller, struct bb_reason *reason);

#endif

/* The rules in force: reading access.json at the start, and again whenever it changes. */
#ifndef BUS_RELOAD_H
#define BUS_RELOAD_H

#include "bus/state.h"

/* How often the file is looked at. A change counts when it is the same in two looks, so that a file which an
 * editor is still writing is not read in its middle. */
#define RELOAD_LOOK_MS 200

/* Reads access.json for the first time and says so in run/access.state. As rules_load. */
BB_MUST_CHECK enum status reload_first(struct broker *broker, struct bb_reason *reason);

/* Looks whether the file changed, at most every RELOAD_LOOK_MS unless reload.asked; puts new rules in force.
 * A file that cannot be read changes nothing: the rules that were read before hold, which is logged once and
 * told by queries. */
void reload_look(struct broker *broker);

/* Reads it at once, changed or not: SIGHUP. */
void reload_now(struct broker *broker);

/* Removes run/access.state. */
void reload_close(const struct broker *broker);

#endif

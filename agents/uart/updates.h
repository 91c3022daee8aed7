/* Transfers of images between the link, the bus and the pure core of it (transfer.h). */
#ifndef AGENTS_UART_UPDATES_H
#define AGENTS_UART_UPDATES_H

#include "agents/uart/machine.h"

#include <jansson.h>

/* Begins to send a whole image to a machine that is up and has no transfer under way. */
void updates_start(struct agent *agent, struct machine *m, struct image *image);

/* Hands the link what is due, unless the wire has something to say to the board that goes first. */
void updates_pump(struct agent *agent, struct machine *m, bool held);

/* Publishes boards/<name>/update when there is news: every change of phase, progress once a second. */
void updates_tell(struct agent *agent, struct machine *m);

/* {"received","total","crc32","phase","text"}; null when nothing was sent since the agent's start. */
json_t *updates_object(const struct machine *m);

#endif

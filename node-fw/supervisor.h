/* The supervisor as processes: it holds the card and the watchdog, and starts the worker that its steward
 * asks for: a fork of itself, or the image of a slot copied to memory and executed. */
#ifndef NODE_FW_SUPERVISOR_H
#define NODE_FW_SUPERVISOR_H

#include "node-fw/card/card.h"
#include "node-fw/card_file.h"

#include <stdbool.h>
#include <stdint.h>

struct supervisor_settings {
    const char *port;
    const char *watchdog; /* a path; NULL: none */
    const char *lost;     /* a card area that could not be used, for the log; NULL: none */
    const char *runner;   /* a program and its arguments, that images of slots are started with; NULL: none */
    uint32_t watchdog_s, trial_s, stall_s;
    bool machine; /* the first process of a machine: never ends */
};

/* Runs a board on this card until a signal, the machine's for ever; the exit status. */
int supervisor_run(struct card_file *file, struct card *card, const struct supervisor_settings *settings);

#endif

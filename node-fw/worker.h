/* A board at work: the port, the node, and who keeps what it must remember: two files, or a supervisor. */
#ifndef NODE_FW_WORKER_H
#define NODE_FW_WORKER_H

#include "node-fw/store.h"

#include <stdbool.h>

/* Runs a board whose file and boot counter the store keeps, until a signal; the exit status of the program.
 */
int worker_run_files(const struct store *store, const struct settings *settings, const char *port);

/* Runs a board for the supervisor at the other end of `tether`, until it is gone or a signal comes; the exit
 * status. Settings that cannot be read end it, but for the `last_resort`, which is then not enrolled. */
int worker_run_tether(int tether, const char *port, bool last_resort);

#endif

/* A real host: the users of the services, their homes and settings, as the units of configs/systemd have
 * them. */
#ifndef AGENTS_CLI_HOST_H
#define AGENTS_CLI_HOST_H

#include "agents/cli/home.h"

#define HOST_HOME        "/var/lib/busbar"
#define HOST_LEDGER_HOME "/var/lib/busbar-ledger"
#define HOST_SETTINGS    "/etc/busbar"
#define HOST_RUN         "/run/busbar"

/* Makes what is not there yet below `root` ("" or the folder of an image): the users, /etc/busbar, both homes
 * with their keys, each with its owner and mode; what is there keeps its contents; and what `more` names
 * (home_make). items[HOME_ITEMS_MAX], *count_out of them, below `root`. BB_DENIED: not root; BB_NOT_FOUND:
 * nothing here makes users; else as home_make. */
BB_MUST_CHECK enum status host_make(const char *root, struct home_more *more, struct bb_reason *reason,
                                    struct home_item *items, size_t *count_out);

#endif

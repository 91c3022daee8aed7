/* Settings of the command line that stand in files: ~/.config/busbar/environment, then
 * /etc/busbar/environment. */
#ifndef AGENTS_CLI_SURROUNDINGS_H
#define AGENTS_CLI_SURROUNDINGS_H

#include <busbar/reason.h>
#include <busbar/status.h>

/* Sets each variable BUSBAR_… of the two files that is not in the environment yet, so that a flag wins over
 * the environment, the environment over the user's file, and that over the host's. A line is NAME=VALUE,
 * empty, or begins with
 * #. BUSBAR_HOME of the host's file is left out when the user has a home of their own, ~/.local/share/busbar.
 * $BUSBAR_ETC stands for /etc/busbar. BB_MALFORMED with file and line; files that are not there, or that this
 * user may not read, are nothing. */
BB_MUST_CHECK enum status surroundings_load(struct bb_reason *reason);

#endif

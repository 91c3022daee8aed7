/* What busbar-ledgerd does on the database itself, by becoming that program. */
#ifndef AGENTS_CLI_LEDGERD_H
#define AGENTS_CLI_LEDGERD_H

#include "agents/cli/call.h"

/* Becomes `busbar-ledgerd --home HOME action [file]` (NULL: none), with the home of --home; comes back only
 * when it cannot, which has been told. */
enum exit_code ledgerd_become(const struct call *call, const char *action, const char *file);

#endif

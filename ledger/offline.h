/* What busbar-ledgerd does instead of serving: verify, backup, export, import. Progress goes to standard
 * error when that is a terminal, the result to standard output. */
#ifndef LEDGER_OFFLINE_H
#define LEDGER_OFFLINE_H

#include "ledger/service.h"

/* True when one of them is asked for. */
bool offline_wanted(const struct service_settings *settings);

/* Does it; more than one at a time is BB_RANGE. BB_MALFORMED: the chain does not hold; the reason says where.
 */
BB_MUST_CHECK enum status offline_run(const struct service_settings *settings, struct bb_reason *reason);

#endif

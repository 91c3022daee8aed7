/* busbar chain export, import, backup: done by busbar-ledgerd on the database itself. */
#include "agents/cli/ledgerd.h"
#include "agents/cli/verbs.h"

enum exit_code verb_chain_export(const struct call *call)
{
    return ledgerd_become(call, "--export", call->args[0]);
}

enum exit_code verb_chain_import(const struct call *call)
{
    return ledgerd_become(call, "--import", call->args[0]);
}

enum exit_code verb_chain_backup(const struct call *call)
{
    return ledgerd_become(call, "--backup", call->args[0]);
}

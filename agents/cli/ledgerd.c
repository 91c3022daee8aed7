#include "agents/cli/ledgerd.h"

#include "agents/cli/crew.h"
#include "agents/cli/home.h"

#include <stdio.h>
#include <unistd.h>

enum exit_code ledgerd_become(const struct call *call, const char *action, const char *file)
{
    struct bb_reason reason;
    char home[512], program[1024];
    enum status status = home_find(call_value(call, "home"), &reason, home, sizeof home);
    if (status == BB_OK)
        status = crew_find("busbar-ledgerd", &reason, program, sizeof program);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "%s", reason.text);
    const char *words[8] = {program, "--home", home, action};
    size_t count = 4;
    if (file != NULL)
        words[count++] = file;
    if (!call_flag(call, "json"))
        words[count++] = "--text";
    fflush(stdout);
    execv(program, (char *const *)(const void *)words);
    return call_fail(call, EXIT_FAILED, "%s does not start", program);
}

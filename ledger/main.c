/* busbar-ledgerd: the Bit-Energy ledger. */
#include "ledger/service.h"

#include "bus/client/log.h"

#include <stdlib.h>

/* 1 for trouble that may pass (a full disk, a store that another process holds), 2 for what only a person can
 * change, 7 for a chain that does not hold. */
static int exit_code(enum status status)
{
    if (status == BB_OK || status == BB_INTERRUPTED)
        return EXIT_SUCCESS;
    return status == BB_MALFORMED ? 7 : status == BB_IO || status == BB_EXISTS || status == BB_FULL ? 1 : 2;
}

int main(int argc, char **argv)
{
    struct service_settings settings = {.verify = false};
    struct bb_reason reason = {""};
    bool done = false;
    log_open("busbar-ledgerd");
    enum status status = config_start(&service_config, argc, argv, NULL, &settings, &done, &reason);
    int code = status == BB_OK ? EXIT_SUCCESS : 2;
    if (status == BB_OK && !done)
        code = exit_code(status = service_run(&settings, &reason));
    if (code != EXIT_SUCCESS)
        fprintf(stderr, "busbar-ledgerd: %s\n",
                reason.text[0] != '\0' ? reason.text : bb_status_text(status));
    config_free(&service_config, &settings);
    return code;
}

/* The exit codes of the command line, the same for every verb. */
#ifndef AGENTS_CLI_EXIT_H
#define AGENTS_CLI_EXIT_H

#include <busbar/status.h>

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_MISSING = 3,
    EXIT_UNREACHABLE = 4,
    EXIT_DENIED = 5,
    EXIT_REFUSED = 6,
    EXIT_INTEGRITY = 7,
    EXIT_TIMEOUT = 124,
    EXIT_INTERRUPTED = 130,
};

/* The exit code that stands for `status`. */
enum exit_code exit_of(enum status status);

#endif

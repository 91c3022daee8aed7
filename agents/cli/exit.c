#include "agents/cli/exit.h"

enum exit_code exit_of(enum status status)
{
    switch (status) {
    case BB_OK:
        return EXIT_DONE;
    case BB_NOT_FOUND:
        return EXIT_MISSING;
    case BB_UNREACHABLE:
    case BB_CLOSED:
        return EXIT_UNREACHABLE;
    case BB_DENIED:
        return EXIT_DENIED;
    case BB_RANGE:
        return EXIT_USAGE;
    case BB_TIMEOUT:
        return EXIT_TIMEOUT;
    case BB_INTERRUPTED:
        return EXIT_INTERRUPTED;
    case BB_IO:
    case BB_MALFORMED:
    case BB_FULL:
    case BB_EXISTS:
    case BB_VERSION:
    case BB_REMOTE:
        return EXIT_FAILED;
    }
    return EXIT_FAILED;
}

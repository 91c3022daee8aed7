/* Where a passphrase comes from: a file, or the terminal without an echo; never an argument, which every
 * process of the machine can see. */
#ifndef AGENTS_CLI_PASSPHRASE_H
#define AGENTS_CLI_PASSPHRASE_H

#include "agents/cli/call.h"

#include <busbar/bytes.h>

#define PASSPHRASE_MAX 1024

struct passphrase {
    char text[PASSPHRASE_MAX + 2];
    size_t size;
};

/* Takes one: the first line of the file that --passphrase-file or $BUSBAR_PASSPHRASE_FILE names, else what is
 * typed at the terminal after "passphrase for NAME: ". `fresh`: it will secure a new key, so that it is typed
 * twice and must not be empty. The verb must have the option passphrase-file. Failures have been told. */
enum exit_code passphrase_take(const struct call *call, const char *name, bool fresh, struct passphrase *out);

/* Overwrites it. */
void passphrase_wipe(struct passphrase *passphrase);

/* A range over it, borrowed. */
static inline struct bytes passphrase_bytes(const struct passphrase *passphrase)
{
    return (struct bytes){(const uint8_t *)passphrase->text, passphrase->size};
}

#endif

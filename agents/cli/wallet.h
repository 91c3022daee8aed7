/* The user's own keys: <home>/wallet/<name>.json, Ethereum keystores of mode 0600 in a folder of mode 0700,
 * never overwritten. They never leave this side: verbs sign here, the ledger verifies.
 *
 * The verbs that use it have the option `home`; those that open a key also `passphrase-file`. Every exit code
 * but EXIT_DONE has been told on standard error. */
#ifndef AGENTS_CLI_WALLET_H
#define AGENTS_CLI_WALLET_H

#include "agents/cli/call.h"
#include "agents/cli/input.h"
#include "ledger/crypto/keystore.h"

#define WALLET_NAME_ROOM 65
#define WALLET_PATH_ROOM 640

struct wallet_key {
    char name[WALLET_NAME_ROOM];
    char path[WALLET_PATH_ROOM];
    struct address address; /* as the file claims it; only opening proves it */
    bool has_address;       /* false: the file does not say, or is no keystore */
};

/* Opens the key that `name_or_address` means, asking for its passphrase. The caller wipes the secret. */
enum exit_code wallet_open(const struct call *call, const char *name_or_address, struct secret *secret_out,
                           struct address *address_out);

/* Which key `name_or_address` means, without opening it; EXIT_MISSING: there is none. */
enum exit_code wallet_find(const struct call *call, const char *name_or_address, struct wallet_key *out);

/* All keys in the order of their names, malloc'd; none when there is no wallet. */
enum exit_code wallet_list(const struct call *call, struct wallet_key **keys_out, size_t *count_out);

/* The file of a key; the caller wipes it. EXIT_DENIED: others can read it. */
enum exit_code wallet_read(const struct call *call, const struct wallet_key *key, struct input *out);

/* The place where a key of that name will be: EXIT_USAGE for a name that is none (letters, digits, _ . and -,
 * at most 64, no dot and no 0x in front), EXIT_FAILED when it is taken. */
enum exit_code wallet_place(const struct call *call, const char *name, struct wallet_key *out);

/* Seals the secret under the passphrase into a new file at that place. --light, which the verb must have,
 * makes it cheap to open. */
enum exit_code wallet_add(const struct call *call, struct wallet_key *key, const struct secret *secret,
                          struct bytes passphrase);

#endif

/* Whose key signs: which of the wallet's, and its address, without opening it where its file says the
 * address. */
#ifndef AGENTS_CLI_OWNER_H
#define AGENTS_CLI_OWNER_H

#include "agents/cli/wallet.h"
#include "ledger/crypto/address.h"

struct owner {
    char key[WALLET_NAME_ROOM]; /* the wallet's name of the key */
    struct address address;
    char text[ADDRESS_TEXT]; /* the address */
};

/* The key of --key, else the only one there is. Failures are told. */
enum exit_code owner_choose(const struct call *call, struct owner *out);

/* The address that `text` stands for: an address, or the name of a key in the wallet. Failures are told. */
enum exit_code owner_address(const struct call *call, const char *text, struct address *out);

#endif

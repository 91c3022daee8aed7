#include "agents/cli/owner.h"

#include "ledger/crypto/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The address of a key, which its file usually says; else it must be opened. */
static enum exit_code address_of_key(const struct call *call, const struct wallet_key *key,
                                     struct address *out)
{
    struct secret secret;
    if (key->has_address) {
        *out = key->address;
        return EXIT_DONE;
    }
    enum exit_code code = wallet_open(call, key->name, &secret, out);
    secret_wipe(&secret);
    return code;
}

enum exit_code owner_address(const struct call *call, const char *text, struct address *out)
{
    struct wallet_key key;
    if (strncmp(text, "0x", 2) != 0) {
        enum exit_code code = wallet_find(call, text, &key);
        return code == EXIT_DONE ? address_of_key(call, &key, out) : code;
    }
    if (address_parse(text, out) != BB_OK)
        return call_fail(call, EXIT_USAGE,
                         "%s is no address: 0x and forty hexadecimal digits, with a right checksum", text);
    return EXIT_DONE;
}

/* Fills in what is known of a key. */
static enum exit_code take(const struct call *call, const struct wallet_key *key, struct owner *out)
{
    enum exit_code code = address_of_key(call, key, &out->address);
    if (code != EXIT_DONE)
        return code;
    snprintf(out->key, sizeof out->key, "%s", key->name);
    address_format(&out->address, out->text);
    return EXIT_DONE;
}

enum exit_code owner_choose(const struct call *call, struct owner *out)
{
    const char *given = call_value(call, "key");
    struct wallet_key *keys = NULL, key;
    size_t count = 0;
    enum exit_code code = given != NULL ? wallet_find(call, given, &key) : wallet_list(call, &keys, &count);
    if (code != EXIT_DONE)
        return code;
    if (given != NULL)
        return take(call, &key, out);
    if (count == 1)
        code = take(call, &keys[0], out);
    else if (count == 0)
        code = call_fail(call, EXIT_MISSING, "there is no key to sign with; make one: busbar key new NAME");
    else
        code = call_fail(call, EXIT_USAGE,
                         "which of the %zu keys signs? Give --key NAME, or set BUSBAR_KEY (busbar key list)",
                         count);
    free(keys);
    return code;
}

/* From an action to its place in the chain: who signs, the domain, nonce and deadline, the signature, the
 * ledger's answer. The key stays in this process; what leaves it is the signed transaction. */
#ifndef AGENTS_CLI_SIGNING_H
#define AGENTS_CLI_SIGNING_H

#include "agents/cli/inquiry.h"
#include "agents/cli/owner.h"
#include "ledger/core/transaction.h"

/* What a signed action needs to know; everything but the inquiry's connection is to be read only. */
struct signing {
    struct inquiry inquiry;
    struct owner owner;
    char name[48]; /* of the account, or its address */
    struct eip712_domain domain;
    struct hash separator;
    json_t *parameters; /* the ledger's, as `parameters` told them */
    uint64_t nonce, deadline;
};

/* Fills in what only the ledger knows: addresses of names, parameters in force. Failures are told. */
typedef enum exit_code signing_complete(struct signing *signing, struct action *action);

/* Does everything: connects, finds the key of --key, has `complete` (NULL: nothing) fill in the action, signs
 * it and submits it, and tells people or programs what became of it; with --dry-run it prints what would be
 * signed. The actor is the key's address. EXIT_REFUSED for a verdict or a refusal, told with what to do about
 * it. */
enum exit_code signing_run(const struct call *call, struct action *action, signing_complete *complete);

/* The address that `text` stands for: an address, or the name of an account. EXIT_MISSING: no such account.
 */
enum exit_code signing_account(struct signing *signing, const char *text, struct address *out);

#endif

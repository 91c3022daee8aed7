/* The ledger's answer to one transaction, told: what happened, or why not and what to do about it. */
#ifndef AGENTS_CLI_ADVICE_H
#define AGENTS_CLI_ADVICE_H

#include "agents/cli/format.h"

#include <jansson.h>

/* Prints the entry of `submit`'s results, which it takes; `name` is the account that acted, `proof` the file
 * in which its receipt is (NULL: in none). EXIT_REFUSED when it was refused, by the ledger or by the
 * contract. */
enum exit_code advice_tell(const struct call *call, enum format format, const char *name, const char *proof,
                           json_t *entry);

/* What to do about a verdict or a refusal ("insufficient-money"), printf-like with the account's name as %s
 * in it; NULL: nothing in particular. Static storage. */
const char *advice_for(const char *word);

#endif

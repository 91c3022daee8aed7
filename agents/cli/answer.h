/* What became of a transaction, as people read it: trades, the sellers passed over, balances. */
#ifndef AGENTS_CLI_ANSWER_H
#define AGENTS_CLI_ANSWER_H

#include "agents/cli/format.h"

#include <jansson.h>

/* Prints the lists that an entry of `submit` or the result of `transaction` has; nothing for empty ones. */
void answer_lists(const json_t *entry);

/* Prints what a buyer paid: the sum over the trades, and its mean price. Nothing without trades. */
void answer_total(const json_t *trades);

/* Prints a transaction's message with readable amounts. */
void answer_message(const json_t *message);

#endif

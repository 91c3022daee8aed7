/* What a good receipt file proves, in words for people: who did what, how many kWh went from whom to whom at
 * which price, the balances afterwards, which block, when, and who vouches for it. */
#ifndef LEDGER_CORE_STATEMENT_H
#define LEDGER_CORE_STATEMENT_H

#include "ledger/core/proof.h"

#define STATEMENT_LINE_MAX 512

/* Called for each line, without its end. Borrowed for the call. */
typedef void statement_line(void *context, const char *line);

/* Says what `proof` proves, as proof_verify has filled it. Texts of others are shown without control
 * characters. */
void statement_say(const struct proof *proof, statement_line *line, void *context);

#endif

/* Questions to the ledger whose answers come in pages. */
#ifndef AGENTS_WEB_API_LEDGER_H
#define AGENTS_WEB_API_LEDGER_H

#include "agents/web/api/job.h"

#define LEDGER "ledger"

/* Gathers up to `count` items of a list that the ledger tells newest first: asks `method` with `params`
 * (taken) again and again, with "before" as the page before said in "next", and answers with the last page
 * that has all of them in `member`. */
void ledger_gather(struct job *job, const char *method, json_t *params, const char *member, json_int_t count);

/* A question with one answer, relayed as a document. `params` taken. */
void ledger_relay(void *context, struct exchange *exchange, const char *method, json_t *params);

/* True when the text is 0x and 64 hexadecimal digits; otherwise the exchange has been answered. */
bool ledger_hash(struct exchange *exchange, const char *text);

#endif

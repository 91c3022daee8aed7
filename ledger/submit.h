/* The method `submit`: one or many transactions, answered together when the last of them is durable. Calls of
 * many callers share blocks. */
#ifndef LEDGER_SUBMIT_H
#define LEDGER_SUBMIT_H

#include "ledger/pipeline.h"

#include <busbar/serve.h>

#define SUBMIT_MAX 1024 /* transactions of one call */

struct service;
struct batch;

/* The calls that are under way. */
struct submits {
    struct batch *first;
};

/* A call has come; params as text. */
void submit_call(void *service, struct bb_pending *pending, const char *caller, const char *params);

/* The pipeline's answer to one transaction; its ticket is one that submit_call gave. */
void submit_answer(struct service *service, const struct answer *answer);

/* Forgets all calls without answering them. */
void submit_forget(struct submits *submits);

#endif

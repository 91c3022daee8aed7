/* `busbar sub --durable NAME`: what a named subscriber has not acknowledged yet, then what comes. */
#ifndef AGENTS_CLI_DURABLE_H
#define AGENTS_CLI_DURABLE_H

#include "agents/cli/session.h"

/* Registers the name that --durable says with the call's prefixes and prints its messages until a signal, the
 * end of --timeout, or `left` messages (−1: no end). A message is acknowledged when it was printed and
 * flushed. */
enum exit_code durable_run(const struct call *call, struct session *session, bool jsonl, bool colour,
                           int64_t left);

#endif

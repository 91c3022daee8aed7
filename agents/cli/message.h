/* A message of the bus as `sub` prints it: a line for people, or a JSON object a line. */
#ifndef AGENTS_CLI_MESSAGE_H
#define AGENTS_CLI_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* One message. Headers and message are JSON texts, headers may be NULL. */
struct message {
    int64_t time_ms; /* since 1970 */
    const char *topic, *sender, *headers, *message;
    bool retained;  /* what was kept, not what came */
    int64_t offset; /* in the durable store; 0: none */
};

/* A text as JSON; what is no JSON (VOLTTRON's agents write NaN) is passed on as a text. New. */
json_t *message_parsed(const char *text);

/* Prints it on standard output and flushes. `colour`: bold topics, for people. False: it could not be
 * written. */
bool message_print(const struct message *message, bool jsonl, bool colour);

#endif

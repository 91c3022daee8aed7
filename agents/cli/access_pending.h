/* What the broker refused, asked over the bus. */
#ifndef AGENTS_CLI_ACCESS_PENDING_H
#define AGENTS_CLI_ACCESS_PENDING_H

#include "agents/cli/call.h"

#include <jansson.h>

/* The broker's answer {"items":[…],"forgotten":n}, sorted by the last time, the newest first; to be decref'd.
 * Failures are told; EXIT_DENIED: the call's key may not ask. */
enum exit_code access_pending_ask(const struct call *call, json_t **out);

/* The key (base64url, key_out[KEY_BASE64_SIZE]) of a refused connection whose fingerprint begins with
 * `prefix`. Failures are told: none, or several. */
enum exit_code access_pending_key(const struct call *call, const char *prefix, char *key_out);

#endif

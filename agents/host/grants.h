/* What agents may do on the bus: their entries in access.json. */
#ifndef AGENTS_HOST_GRANTS_H
#define AGENTS_HOST_GRANTS_H

#include "agents/host/paths.h"

#include <jansson.h>

/* An agent's entry. All borrowed. */
struct grants_entry {
    const char *key;      /* its public key, base64url */
    const char *identity; /* the only one that it may take */
    const char *name;     /* for the comment */
    const json_t *grant;  /* {"publish":[…],"subscribe":[…],"capabilities":[…]}; NULL: nothing */
};

/* Whether a grant has that shape, and nothing in it that no agent may have: looking after agents, the bus or
 * its rules. NULL: nothing, which is fine. BB_MALFORMED, BB_DENIED. */
BB_MUST_CHECK enum status grants_check(const json_t *grant, struct bb_reason *reason);

/* Makes the entry of the key, anew. BB_EXISTS: another key has the identity; BB_TIMEOUT: somebody else edits
 * the file; BB_NOT_FOUND, BB_IO, or as rules_load: the file itself. */
BB_MUST_CHECK enum status grants_put(const struct paths *paths, const struct grants_entry *entry,
                                     struct bb_reason *reason);

/* Takes the entry of the key out; there need not be one. BB_TIMEOUT, BB_IO, … as above. */
BB_MUST_CHECK enum status grants_drop(const struct paths *paths, const char *key, struct bb_reason *reason);

/* What the key is granted, as `grant` above, new. BB_NOT_FOUND: it has no entry. As above. */
BB_MUST_CHECK enum status grants_get(const struct paths *paths, const char *key, struct bb_reason *reason,
                                     json_t **grant_out);

#endif

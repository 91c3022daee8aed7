/* Agents come onto the disk and go: bundle, keys, grants, configuration. */
#ifndef AGENTS_HOST_INSTALL_H
#define AGENTS_HOST_INSTALL_H

#include "agents/host/host.h"

/* What is to be installed; texts and JSON are borrowed. */
struct install_order {
    struct bytes archive;
    const char *name, *identity; /* NULL: the manifest's */
    const json_t *config;        /* NULL: {} */
    const json_t *grant;         /* {"publish":[…],"subscribe":[…],"capabilities":[…]}; NULL: nothing */
    bool enable;
    int priority; /* −1: the manifest's */
    bool replace; /* in place of the (stopped) agent of that name, whose state and key stay */
    enum store_hold hold;
};

/* Checks the bundle against signers.json and the configuration against its schema, unpacks it, makes the
 * agent's home, its key pair and its entry in access.json, and puts it into the store as the last step; it is
 * not started. BB_DENIED: the signer is not trusted, or what is granted cannot be; BB_EXISTS: an agent (or
 * somebody else) has the name or identity; BB_MALFORMED, BB_RANGE, BB_FULL, BB_IO; BB_TIMEOUT: somebody else
 * edits access.json. Then nothing of it stays. */
BB_MUST_CHECK enum status install_put(struct host *host, const struct install_order *order,
                                      struct bb_reason *reason, struct hosted **out);

/* The name that the order's agent has or would have, "" when the bundle is none:
 * name_out[MANIFEST_NAME_ROOM]. Returns it. */
const char *install_name(const struct install_order *order, char *name_out);

/* What the agent is granted now, as in `grant` above, new. BB_NOT_FOUND: its key has no entry; BB_IO,
 * BB_MALFORMED. */
BB_MUST_CHECK enum status install_grant(const struct hosted *agent, struct bb_reason *reason,
                                        json_t **grant_out);

/* Checks the configuration and puts it in place of the old one. BB_MALFORMED, BB_IO. */
BB_MUST_CHECK enum status install_configure(struct hosted *agent, const json_t *config,
                                            struct bb_reason *reason);

/* Whether the agent's bundle is, byte for byte, what was installed, and its signer is still trusted.
 * BB_MALFORMED, BB_DENIED, BB_NOT_FOUND, BB_IO. */
BB_MUST_CHECK enum status install_check(const struct hosted *agent, struct bb_reason *reason);

/* Takes the agent's grants and folders away, as host_remove says; the store's row and the bundle are the
 * caller's. */
BB_MUST_CHECK enum status install_wipe(struct hosted *agent, bool keep_state, struct bb_reason *reason);

#endif

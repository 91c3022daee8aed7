/* Whose bundles are taken: signers.json. Source: docs/platform.md, "Bundles". */
#ifndef AGENTS_BUNDLE_TRUST_H
#define AGENTS_BUNDLE_TRUST_H

#include <busbar/address.h>
#include <busbar/reason.h>
#include <busbar/status.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define TRUST_FILE        "signers.json"
#define TRUST_SIGNERS_MAX 256
#define TRUST_AGENTS_MAX  64

struct trust_signer {
    struct address address;
    const char *name;     /* "" when it has none; borrowed from the document */
    const json_t *agents; /* texts: names of agents, or their beginnings before a `*`; borrowed */
};

struct trust {
    json_t *root; /* the document, owned */
    struct trust_signer signers[TRUST_SIGNERS_MAX];
    size_t count;
    bool unsigned_taken; /* bundles without a signature are taken, too */
};

/* Reads signers.json; where there is none nobody is trusted (BB_OK). BB_IO, BB_DENIED: everybody may write
 * it; BB_MALFORMED, BB_RANGE, BB_EXISTS (an address twice), BB_FULL, BB_VERSION: the reason names file and
 * line. */
BB_MUST_CHECK enum status trust_load(const char *path, struct bb_reason *reason, struct trust *out);

/* Frees what trust holds. */
void trust_free(struct trust *trust);

/* Whether a bundle of the agent `name` by `signer` (NULL: unsigned) is taken. BB_DENIED: the reason says why
 * not. */
BB_MUST_CHECK enum status trust_allows(const struct trust *trust, const struct address *signer,
                                       const char *name, struct bb_reason *reason);

/* The signer with that address; NULL: not trusted. */
const struct trust_signer *trust_find(const struct trust *trust, const struct address *address);

/* Adds a signer, or replaces the one with the address; agents[count] as in the file, none: every agent.
 * BB_RANGE: a name or a pattern that is none; BB_FULL. */
BB_MUST_CHECK enum status trust_add(struct trust *trust, const struct address *address, const char *name,
                                    const char *const *agents, size_t count, struct bb_reason *reason);

/* Takes a signer out. BB_NOT_FOUND. */
BB_MUST_CHECK enum status trust_remove(struct trust *trust, const struct address *address);

/* Writes the file anew beside `path`, forces it to the disk and renames it over it, mode 0644. BB_IO. */
BB_MUST_CHECK enum status trust_save(const struct trust *trust, const char *path, struct bb_reason *reason);

#endif

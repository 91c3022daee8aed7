/* What the ledger claims of its chain, held against what the home knows of it. Everything but EXIT_DONE has
 * been told. */
#ifndef AGENTS_CLI_CLAIMS_H
#define AGENTS_CLI_CLAIMS_H

#include "agents/cli/inquiry.h"
#include "ledger/crypto/eip712.h"

/* Asks for the parameters (*parameters_out, to be decref'd) and makes the domain out of them that signatures
 * are for: never one that the ledger made. EXIT_INTEGRITY: it is another chain than the home's. */
enum exit_code claims_domain(struct inquiry *inquiry, json_t **parameters_out, struct eip712_domain *out);

/* EXIT_INTEGRITY when `home` knows the genesis of another chain than that of this hash. */
enum exit_code claims_check(const struct call *call, const char *home, const struct hash *genesis);

/* A member that must be an address. */
enum exit_code claims_address(const struct call *call, const json_t *object, const char *member,
                              struct address *out);

/* A member that must be a hash. */
enum exit_code claims_hash(const struct call *call, const json_t *object, const char *member,
                           struct hash *out);

/* The canonical bytes of the genesis, malloc'd: the home's own, else what the ledger gives; checked against
 * the hash in its `parameters`. */
enum exit_code claims_genesis(struct inquiry *inquiry, const json_t *parameters, uint8_t **data_out,
                              size_t *size_out);

#endif

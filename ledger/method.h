/* The methods that answer at once: reading what is committed. Each gets its params checked for unknown
 * members, writes into an open object, and the head's stamp follows; a refusal is a status and a sentence. */
#ifndef LEDGER_METHOD_H
#define LEDGER_METHOD_H

#include "ledger/core/block.h"
#include "ledger/fields.h"
#include "ledger/json_writer.h"

struct service;

typedef enum status method_run(struct service *service, struct fields *params, struct json_writer *w);

struct method {
    const char *name;
    const char *const *params; /* ends in NULL */
    method_run *run;
};

/* queries.c: state and blocks; records.c: what has happened; proofs.c. Each ends with a row without a name.
 */
extern const struct method queries_methods[];
extern const struct method records_methods[];
extern const struct method proofs_methods[];

/* Serves all of them. BB_FULL, BB_EXISTS. */
BB_MUST_CHECK enum status method_serve_all(struct service *service);

/* The account that member `name` names, by name or address; false, with the reason, when there is none. */
bool method_account(struct service *service, struct fields *params, const char *name, uint32_t *index_out);

/* An optional count, at most `most`. */
uint32_t method_count(struct fields *params, const char *name, uint32_t preset, uint32_t most);

/* Where the transaction of member "id" is. BB_MALFORMED, BB_NOT_FOUND, with the reason. */
BB_MUST_CHECK enum status method_find(struct service *service, struct fields *params, struct hash *id_out,
                                      uint64_t *height_out, uint32_t *index_out);

/* The block of that height; *bytes_out is malloc'd and holds what the block borrows. BB_NOT_FOUND, BB_IO,
 * BB_MALFORMED, with the reason. */
BB_MUST_CHECK enum status method_block(struct service *service, struct fields *params, uint64_t height,
                                       struct block *block_out, uint8_t **bytes_out);

#endif

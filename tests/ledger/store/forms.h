/* Blocks that have the form of blocks and nothing more: enough for the store, which checks no contract. */
#ifndef TESTS_LEDGER_STORE_FORMS_H
#define TESTS_LEDGER_STORE_FORMS_H

#include <busbar/address.h>
#include <busbar/bytes.h>

#define FORMS_BYTES_MAX 65536

/* The id of transaction `index` of block `height` in every chain of forms. */
struct hash forms_id(uint64_t height, uint32_t index);

/* Writes a block with `count` ≤ 64 transactions on top of `previous` to out[FORMS_BYTES_MAX]; its size, its
 * hash to *hash_out. */
size_t forms_block(uint64_t height, const struct hash *previous, uint32_t count, uint8_t *out,
                   struct hash *hash_out);

#endif

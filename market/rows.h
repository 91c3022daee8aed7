/* The whole state as rows: what is hashed, kept at checkpoints and loaded again. A row's bytes are canonical
 * (little-endian, every field, no padding): two markets with the same rows behave alike for ever after.
 *
 *   PARAMETERS  u8 mode · u8 recipient · i64 penalty · i64 band_low · i64 band_high · u64 interval_seconds ·
 *               u64 gate_seconds · u8 state · 20 sealer · u64 network version · i64 money total ·
 *               i64 energy total · i64 fees waiting · u64 next post · u64 next bid · u64 next place
 *   ACCOUNT     20 address · u8 role · u8 revoked · u64 nonce · i64 money · i64 escrow · i64 energy ·
 *               i64 on sale · u8 n · n name
 *   RETIRED     20 address · u32 account
 *   ORDER       u32 account · u64 interval · i64 Wh left · i64 price · u64 expires · u64 place
 *   LINE        i64 capacity
 *   USE         i64 Wh, never 0
 *   FEE         i64 nano-$, never 0 */
#ifndef MARKET_ROWS_H
#define MARKET_ROWS_H

#include "market/contract.h"

#define MARKET_ROW_MAX 192 /* bytes of the longest row */

enum row_kind {
    ROW_PARAMETERS = 1,
    ROW_ACCOUNT,
    ROW_RETIRED,
    ROW_ORDER,
    ROW_LINE,
    ROW_USE,
    ROW_FEE,
    ROW_KINDS
};

struct row_key {
    uint8_t kind;  /* enum row_kind */
    uint64_t a, b; /* by kind: 0, 0 · index, 0 · number, 0 · id, 0 · buyer << 32 | seller, 0 · the same,
                      interval · interval, 0 */
};

/* Called for each row; an empty value: the row is gone. Borrowed for the call. */
typedef void row_visit(void *context, struct row_key key, struct bytes value);

/* Every row there is, ascending by kind, a, b. */
void market_rows(const struct market *market, row_visit *visit, void *context);

/* The rows whose values are not what they were at the last commit, each once, ascending, with their present
 * values. */
void market_changes(struct market *market, row_visit *visit, void *context);

/* The present value of one row to value_out[MARKET_ROW_MAX]; its size, 0 when there is none. */
size_t market_row(const struct market *market, struct row_key key, uint8_t *value_out);

/* Puts a row into a market that is being loaded (ascending, before the first action), then market_loaded
 * rebuilds what is derived and audits. BB_MALFORMED: no such row can be; BB_FULL. After anything but BB_OK
 * the market must not be used any more. */
BB_MUST_CHECK enum status market_load(struct market *market, struct row_key key, struct bytes value);
BB_MUST_CHECK enum status market_loaded(struct market *market);

#endif

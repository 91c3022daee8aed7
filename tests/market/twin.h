/* The engine and the naive contract side by side: everything is done to both and must come out the same. What
 * differs is printed on standard error. */
#ifndef TESTS_MARKET_TWIN_H
#define TESTS_MARKET_TWIN_H

#include "tests/market/naive.h"

struct twin;

/* Both, empty. Aborts when memory is exhausted. */
struct twin *twin_new(const struct market_limits *limits);
void twin_free(struct twin *twin);

/* The naive side, to look at. */
const struct naive *twin_naive(const struct twin *twin);

/* Each does it to both; false when they differ in verdict or outcome. */
bool twin_open(struct twin *twin, const struct action *action);
bool twin_apply(struct twin *twin, const struct action *action, struct wall now, enum verdict *verdict_out);
void twin_spend_nonce(struct twin *twin, uint32_t index);

/* Makes final or undoes all since the last commit; the engine's list of changed rows must lead from the rows
 * of one commit to those of the next. */
bool twin_commit(struct twin *twin);
bool twin_rollback(struct twin *twin);

/* Replaces the engine by one that was loaded from its rows. Commits. */
bool twin_reload(struct twin *twin);

/* Loads the engine's rows with one byte of one row changed (flip is not 0) into another engine: it must be
 * refused, or be a market of exactly these rows that lives on. The twin stays as it is. */
bool twin_load_damaged(struct twin *twin, uint32_t row, uint32_t byte, uint8_t flip);

/* Compares the whole state: what the views show, and all rows byte for byte. */
bool twin_compare(struct twin *twin);

/* The hash of the rows that were compared last. */
uint64_t twin_hash(const struct twin *twin);

#endif

/* What came of a simulated market, as one JSON document or as tables. */
#ifndef AGENTS_CLI_WHATIF_PRINT_H
#define AGENTS_CLI_WHATIF_PRINT_H

#include "agents/cli/whatif.h"

#include <stdio.h>

struct whatif_result {
    uint64_t line; /* in the file, from 1 */
    enum verdict verdict;
    uint32_t trade_count;
    size_t first_trade;
};

/* Every action's result, in order. Zero is empty. */
struct whatif_history {
    struct whatif_result *results;
    struct trade *trades;
    size_t result_count, result_room, trade_count, trade_room;
};

/* Appends what an action came to. Aborts when memory is exhausted. */
void whatif_history_add(struct whatif_history *history, uint64_t line, const struct whatif_answer *answer);
void whatif_history_free(struct whatif_history *history);

/* {"version","results":[…],"accounts":{…},"posts":[…],"bids":[…],"fees":{…},"totals":{…}}, integers as
 * decimal strings. */
void whatif_print_json(FILE *to, struct whatif *whatif, const struct whatif_history *history);

/* Trades, refusals, accounts, posts and bids in kWh and cents, to standard output. */
void whatif_print_tables(struct whatif *whatif, const struct whatif_history *history);

#endif

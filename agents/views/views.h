/* The documents that people and pages see, made of what the peers on the bus answer: `busbar VERB --json`
 * prints them, and the dashboard's interface gives the same. Every document is an object, to be decref'd,
 * with "version" first. No NaN and no infinity is ever in one. */
#ifndef AGENTS_VIEWS_VIEWS_H
#define AGENTS_VIEWS_VIEWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* What the documents are numbered with. */
#define VIEWS_VERSION 1

/* An object that holds "version". Aborts when memory is exhausted. */
json_t *views_document(void);

/* mW as kW, micro-$ as $: the double nearest to millionths / 1000000. */
json_t *views_millionths(int64_t millionths);

/* A peer's result (an object) as a document: its members beside the version. */
json_t *views_of(const json_t *result);

/* `busbar dispatch show`: the totals of an array of board objects, and the array itself, at a time. */
json_t *views_dispatch(json_t *boards, int64_t unix_ms);

/* `busbar dispatch hold` and so on: the order (`method` of the agent, "board.hold") with its parameters. */
json_t *views_order(const char *method, const json_t *params);

/* `busbar status` has what the broker knows under these keys [i][0], as members [i][1], "peers", "access"
 * when views_access_held, and "boards". */
#define VIEWS_STATUS_KEYS 4
extern const char *const views_status_keys[VIEWS_STATUS_KEYS][2];

/* A value of the broker's: JSON where it is JSON, else a text; null when it is empty. */
json_t *views_answer(const char *text);

/* True when the status says that a newer access.json is not in force: the query "busbar.access" says why. */
bool views_access_held(const json_t *status);

/* How many boards there are, are online and certified. */
json_t *views_boards(const json_t *boards);

/* `busbar chain status`: of the ledger's `status` and `parameters`. */
json_t *views_chain_status(const json_t *status, const json_t *parameters);

/* A row of `busbar chain log`: a block's header beside its hash. No document by itself. */
json_t *views_block_row(const json_t *block);

/* `busbar account show`: of the ledger's `account` and `orders`. */
json_t *views_account(const json_t *account, const json_t *orders);

/* A list that was read in pages (`busbar peers`, `topic stats`): the last page with all rows in `list`. */
json_t *views_pages(const json_t *page, const char *list, json_t *rows);

#endif

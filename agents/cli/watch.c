#include "agents/cli/watch.h"

#include <stdlib.h>
#include <string.h>

/* The agreement of incremental-cost: micro-$/kWh and mW. */
#define WATCH_PRICE_SPREAD 1000
#define WATCH_MISMATCH     50000

void watch_open(struct watch *watch, const struct scenario *scenario, bool curves)
{
    *watch = (struct watch){scenario, curves, json_array()};
    for (size_t i = 0; i < scenario->count; i++)
        json_array_append_new(watch->boards, json_null());
}

void watch_close(struct watch *watch)
{
    json_decref(watch->boards);
    watch->boards = NULL;
}

void watch_take(struct watch *watch, const char *message)
{
    json_t *board = json_loads(message, 0, NULL);
    struct board_line line;
    if (boards_line(board, &line))
        for (size_t i = 0; i < watch->scenario->count; i++)
            if (strcmp(watch->scenario->nodes[i].id, line.name) == 0)
                json_array_set(watch->boards, i, board);
    json_decref(board);
}

/* True when each board knows of as many as there are. */
static bool nobody_missing(const struct watch *watch)
{
    for (size_t i = 0; i < watch->scenario->count; i++) {
        struct board_line line;
        if (!boards_line(json_array_get(watch->boards, i), &line) ||
            line.live != (int64_t)watch->scenario->count)
            return false;
    }
    return true;
}

bool watch_certified(const struct watch *watch)
{
    struct board_totals t = boards_total(watch->boards);
    size_t count = watch->scenario->count;
    if (t.boards != count || t.online != count || t.certified != count)
        return false;
    if (watch->curves)
        return t.agreed && nobody_missing(watch);
    return t.lambda_max - t.lambda_min <= WATCH_PRICE_SPREAD &&
           llabs(t.load_mw - t.generation_mw) <= WATCH_MISMATCH;
}

#include "agents/cli/watch.h"

#include <string.h>

void watch_open(struct watch *watch, const struct scenario *scenario)
{
    *watch = (struct watch){scenario, json_array()};
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

bool watch_certified(const struct watch *watch)
{
    struct board_totals totals = boards_total(watch->boards);
    if (!totals.agreed || totals.boards != watch->scenario->count)
        return false;
    for (size_t i = 0; i < watch->scenario->count; i++) {
        struct board_line line;
        if (!boards_line(json_array_get(watch->boards, i), &line) ||
            line.live != (int64_t)watch->scenario->count)
            return false;
    }
    return true;
}

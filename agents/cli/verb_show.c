/* busbar dispatch show: every board, the totals, the incremental cost, the certificate. */
#include "agents/cli/boards.h"
#include "agents/cli/decimal.h"
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/verbs.h"
#include "agents/views/stamp.h"
#include "agents/views/views.h"

#include <inttypes.h>

static const struct table_column columns[] = {
    {"board", "board", false},
    {"kind", "kind", false},
    {"agent", "agent", false},
    {"online", "online", false},
    {"mode", "mode", false},
    {"power kW", "power_kw", true},
    {"set-point kW", "setpoint_kw", true},
    {"λ $/kWh", "lambda_usd_per_kwh", true},
    {"depth", "depth", true},
    {"certified", "certified", false},
    {"neighbours", "neighbours_live", true},
    {"", "time_utc", false},
};
#define COLUMNS (sizeof columns / sizeof *columns)

static void add_board(struct table *table, const struct board_line *line, const char *time)
{
    char power[DECIMAL_TEXT_MAX], setpoint[DECIMAL_TEXT_MAX], lambda[DECIMAL_TEXT_MAX];
    char depth[24], neighbours[24];
    snprintf(depth, sizeof depth, "%" PRId64, line->depth);
    snprintf(neighbours, sizeof neighbours, "%" PRId64, line->neighbours_live);
    table_add(table, (const char *[COLUMNS]){line->name, line->kind, line->agent, line->online ? "yes" : "no",
                                             line->mode, decimal_format(line->power_mw, 6, power),
                                             decimal_format(line->setpoint_mw, 6, setpoint),
                                             decimal_format(line->lambda_micro, 6, lambda), depth,
                                             line->certified ? "yes" : "no", neighbours, time});
}

static void print_summary(const struct board_totals *totals)
{
    char load[DECIMAL_TEXT_MAX], generation[DECIMAL_TEXT_MAX], mismatch[DECIMAL_TEXT_MAX];
    char low[DECIMAL_TEXT_MAX], high[DECIMAL_TEXT_MAX];
    printf("\nload %s kW, generation %s kW, mismatch %s kW\n", decimal_format(totals->load_mw, 6, load),
           decimal_format(totals->generation_mw, 6, generation),
           decimal_format(totals->load_mw - totals->generation_mw, 6, mismatch));
    decimal_format(totals->lambda_min, 6, low);
    decimal_format(totals->lambda_max, 6, high);
    if (totals->lambda_min == totals->lambda_max)
        printf("incremental cost λ = %s $/kWh\n", low);
    else
        printf("incremental cost λ from %s to %s $/kWh%s\n", low, high,
               totals->agreed ? "" : ": the boards do not agree");
    printf("%zu of %zu boards online, %zu certified%s\n", totals->online, totals->boards, totals->certified,
           totals->agreed ? ": certificate complete" : "");
    if (totals->ordered > 0)
        printf("%zu not in mode automatic: the certificate is of the set-points, not of what they apply\n",
               totals->ordered);
}

static void print_table(enum format format, const json_t *boards)
{
    struct board_totals totals = boards_total(boards);
    char now[STAMP_TEXT_MAX];
    stamp_format(bb_loop_wall_ms(), now);
    /* The last column says when; people see that on their clock. */
    struct table table = table_of(columns, format == FORMAT_CSV ? COLUMNS : COLUMNS - 1);
    for (size_t i = 0; i < json_array_size(boards); i++) {
        struct board_line line;
        if (boards_line(json_array_get(boards, i), &line))
            add_board(&table, &line, now);
    }
    format_table(format, &table);
    table_free(&table);
    if (format == FORMAT_PEOPLE)
        print_summary(&totals);
}

enum exit_code verb_dispatch_show(const struct call *call)
{
    struct bb_reason reason;
    enum format format;
    struct session session;
    if (format_of(call, &reason, &format) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE)
        return code;
    json_t *peers = NULL, *boards = NULL;
    code = session_peers(call, &session, &peers);
    if (code == EXIT_DONE)
        code = boards_fetch(call, &session, peers, &boards);
    session_close(&session);
    if (code == EXIT_DONE && format == FORMAT_JSON)
        json_print(stdout, views_dispatch(boards, bb_loop_wall_ms()));
    else if (code == EXIT_DONE)
        print_table(format, boards);
    json_decref(boards);
    json_decref(peers);
    return code;
}

#include "agents/views/boards.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *boards_agents(const json_t *site)
{
    json_t *agents = json_object();
    const json_t *boards = json_object_get(site, "boards");
    for (size_t i = 0; i < json_array_size(boards); i++) {
        const char *agent = json_string_value(json_object_get(json_array_get(boards, i), "agent"));
        if (agent != NULL)
            json_object_set_new(agents, agent, json_true());
    }
    if (json_object_size(agents) == 0) {
        json_object_set_new(agents, "consumer-agent", json_true());
        json_object_set_new(agents, "dg-agent", json_true());
    }
    return agents;
}

static const char *text_of(const json_t *board, const char *key)
{
    const char *text = json_string_value(json_object_get(board, key));
    return text == NULL ? "" : text;
}

static int64_t millionths_of(const json_t *board, const char *key)
{
    double value = json_number_value(json_object_get(board, key));
    return fabs(value) < 1e12 ? llround(value * 1e6) : 0;
}

static int64_t whole_of(const json_t *board, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(board, key));
}

bool boards_line(const json_t *board, struct board_line *out)
{
    if (*text_of(board, "name") == '\0')
        return false;
    *out = (struct board_line){
        .name = text_of(board, "name"),
        .kind = text_of(board, "kind"),
        .agent = text_of(board, "agent"),
        .mode = text_of(board, "mode"),
        .digest = text_of(board, "digest"),
        .id = whole_of(board, "board"),
        .power_mw = millionths_of(board, "kw"),
        .setpoint_mw = millionths_of(board, "setpoint_kw"),
        .lambda_micro = millionths_of(board, "lambda"),
        .mismatch_mw = millionths_of(board, "mismatch_kw"),
        .depth = whole_of(board, "depth"),
        .certified_depth = whole_of(board, "certified_depth"),
        .live = whole_of(board, "live"),
        .neighbours_live = whole_of(board, "neighbours_live"),
        .exchange = whole_of(board, "exchange"),
        .incarnation = whole_of(board, "incarnation"),
        .online = json_is_true(json_object_get(board, "online")),
        .certified = json_is_true(json_object_get(board, "certified")),
        .consumer = strcmp(text_of(board, "kind"), "consumer") == 0,
    };
    return true;
}

static void add_line(struct board_totals *totals, const struct board_line *line)
{
    bool first = totals->online == 0;
    totals->online++;
    totals->certified += line->certified;
    totals->ordered += strcmp(line->mode, "automatic") != 0;
    *(line->consumer ? &totals->load_mw : &totals->generation_mw) += line->power_mw;
    if (first || line->lambda_micro < totals->lambda_min)
        totals->lambda_min = line->lambda_micro;
    if (first || line->lambda_micro > totals->lambda_max)
        totals->lambda_max = line->lambda_micro;
    if (line->depth > totals->depth_max)
        totals->depth_max = line->depth;
    if (line->certified_depth > totals->certified_depth_max)
        totals->certified_depth_max = line->certified_depth;
}

struct board_totals boards_total(const json_t *boards)
{
    struct board_totals totals = {0};
    const char *digest = NULL;
    bool same = true;
    for (size_t i = 0; i < json_array_size(boards); i++) {
        struct board_line line;
        if (!boards_line(json_array_get(boards, i), &line))
            continue;
        totals.boards++;
        if (!line.online)
            continue;
        same = same && (digest == NULL || strcmp(digest, line.digest) == 0);
        digest = line.digest;
        add_line(&totals, &line);
    }
    totals.agreed = same && totals.boards > 0 && totals.certified == totals.boards;
    return totals;
}

json_t *boards_serving(const json_t *boards, const char *name)
{
    json_t *agents = json_object();
    for (size_t i = 0; i < json_array_size(boards); i++) {
        struct board_line line;
        if (boards_line(json_array_get(boards, i), &line) && *line.agent != '\0' &&
            (strcmp(name, "all") == 0 || strcmp(name, line.name) == 0))
            json_object_set_new(agents, line.agent, json_true());
    }
    return agents;
}

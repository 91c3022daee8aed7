/* busbar dispatch solve: the centralised optimum of a neighbourhood in a file. */
#include "agents/cli/call.h"
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/scenario.h"
#include "agents/cli/verbs.h"
#include "node-fw/central/optimum.h"

#include <math.h>
#include <stdlib.h>

struct solution {
    struct scenario scenario;
    double power_kw[BB_BOARDS_MAX];
    struct optimum optimum;
};

static void print_json(const struct solution *s)
{
    json_t *document = json_document();
    json_object_set_new(document, "lambda", json_number(s->optimum.lambda));
    json_object_set_new(document, "load_kw", json_number(s->optimum.load_kw));
    json_object_set_new(document, "generation_kw", json_number(s->optimum.generation_kw));
    json_object_set_new(document, "residual_kw", json_number(s->optimum.residual_kw));
    json_t *nodes = json_array();
    for (size_t i = 0; i < s->scenario.count; i++) {
        const struct scenario_node *node = &s->scenario.nodes[i];
        json_array_append_new(nodes,
                              json_pack("{s:s, s:s, s:o}", "id", node->id, "kind",
                                        scenario_kind_word(node->kind), "kw", json_number(s->power_kw[i])));
    }
    json_object_set_new(document, "nodes", nodes);
    json_print(stdout, document);
}

static void print_table(enum format format, const struct solution *s)
{
    static const struct table_column columns[] = {
        {"node", "node", false}, {"kind", "kind", false}, {"power kW", "power_kw", true}};
    struct table table = table_of(columns, 3);
    char text[32];
    for (size_t i = 0; i < s->scenario.count; i++) {
        const struct scenario_node *node = &s->scenario.nodes[i];
        snprintf(text, sizeof text, "%.6f", s->power_kw[i]);
        table_add(&table, (const char *[]){node->id, scenario_kind_word(node->kind), text});
    }
    table_totals(&table);
    snprintf(text, sizeof text, "%.6f", s->optimum.load_kw);
    table_add(&table, (const char *[]){"load", "", text});
    snprintf(text, sizeof text, "%.6f", s->optimum.generation_kw);
    table_add(&table, (const char *[]){"generation", "", text});
    format_table(format, &table);
    table_free(&table);
    if (format == FORMAT_PEOPLE)
        printf("\nincremental cost λ = %.6f $/kWh\n", s->optimum.lambda);
}

static enum status solve(struct solution *s, struct bb_reason *reason)
{
    struct optimum_node nodes[BB_BOARDS_MAX];
    struct optimum_event events[2 * BB_BOARDS_MAX];
    for (size_t i = 0; i < s->scenario.count; i++) {
        const struct scenario_node *node = &s->scenario.nodes[i];
        nodes[i] = (struct optimum_node){node->kind, node->slope, node->intercept, node->pmax_kw};
    }
    enum status status = optimum_solve(nodes, s->scenario.count, 0, events, s->power_kw, &s->optimum);
    return status == BB_OK ? BB_OK : call_reason(reason, status, "the neighbourhood has no optimum");
}

enum exit_code verb_dispatch_solve(const struct call *call)
{
    struct bb_reason reason;
    enum format format;
    if (format_of(call, &reason, &format) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    struct solution *s = calloc(1, sizeof *s);
    if (s == NULL)
        return call_fail(call, EXIT_FAILED, "no memory");
    enum status status = scenario_read(call->args[0], &reason, &s->scenario);
    if (status == BB_OK)
        status = solve(s, &reason);
    if (status == BB_OK && format == FORMAT_JSON)
        print_json(s);
    else if (status == BB_OK)
        print_table(format, s);
    free(s);
    if (status != BB_OK)
        return call_fail(call, status == BB_MALFORMED ? EXIT_USAGE : exit_of(status), "%s", reason.text);
    return EXIT_DONE;
}

#include "agents/cli/decimal.h"
#include "agents/cli/demo.h"
#include "agents/cli/format.h"
#include "agents/cli/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Virtual time after which a simulation is given up. */
#define DEMO_LIMIT_MS (600 * 1000)

static enum status solve_centrally(struct demo_result *r, struct bb_reason *reason)
{
    struct optimum_node nodes[BB_BOARDS_MAX];
    struct optimum_event events[2 * BB_BOARDS_MAX];
    for (size_t i = 0; i < r->scenario->count; i++) {
        const struct scenario_node *node = &r->scenario->nodes[i];
        nodes[i] = (struct optimum_node){node->kind, node->slope, node->intercept, node->pmax_kw};
    }
    if (optimum_solve(nodes, r->scenario->count, 0, events, r->central_kw, &r->central) != BB_OK)
        return call_reason(reason, BB_RANGE, "the neighbourhood has no optimum");
    return BB_OK;
}

/* One simulation; false when it did not come to its end. */
static bool simulate(const struct demo_result *r, enum dispatch_method method, const char *topology,
                     uint64_t seed, struct sim_report *out)
{
    struct bb_reason reason;
    struct simulation s = {.scenario = r->scenario,
                           .topology = topology,
                           .method = method,
                           .seed = seed,
                           .limit_ms = DEMO_LIMIT_MS};
    return simulation_report(&s, &reason, out) == BB_OK;
}

enum status demo_result_complete(struct demo_result *r, uint64_t seed, struct bb_reason *reason)
{
    enum status status = solve_centrally(r, reason);
    if (status != BB_OK)
        return status;
    r->totals = boards_total(r->boards);
    for (size_t i = 0; i < r->scenario->count; i++) {
        struct board_line line = {0};
        if (!boards_line(json_array_get(r->boards, i), &line))
            return call_reason(reason, BB_RANGE, "%s has said nothing", r->scenario->nodes[i].id);
        r->max_error_kw = fmax(r->max_error_kw, fabs((double)line.power_mw / 1e6 - r->central_kw[i]));
    }
    r->curves_done = simulate(r, DISPATCH_CURVES, r->topology, seed, &r->curves);
    r->incremental_cost_done = simulate(r, DISPATCH_INCREMENTAL_COST, "complete", seed, &r->incremental_cost);
    return BB_OK;
}

static json_t *simulated_json(const char *method, const char *topology, bool done, const struct sim_report *r)
{
    json_t *object = json_pack("{s:s, s:s}", "method", method, "topology", topology);
    json_object_set_new(object, "iterations", done ? json_integer(r->iterations_to_optimum) : json_null());
    json_object_set_new(object, "certified_at",
                        done ? json_integer(r->iterations_to_certificate) : json_null());
    json_object_set_new(object, "lambda", done ? json_number(r->lambda) : json_null());
    return object;
}

static json_t *nodes_json(const struct demo_result *r)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < r->scenario->count; i++) {
        struct board_line line = {0};
        const struct scenario_node *node = &r->scenario->nodes[i];
        (void)boards_line(json_array_get(r->boards, i), &line);
        json_array_append_new(nodes,
                              json_pack("{s:s, s:s, s:o, s:o, s:o}", "id", node->id, "kind",
                                        scenario_kind_word(node->kind), "kw", json_millionths(line.power_mw),
                                        "central_kw", json_number(r->central_kw[i]), "published_kw",
                                        json_number(node->table_kw)));
    }
    return nodes;
}

void demo_result_json(const struct demo_result *r, const struct demo_market *market)
{
    json_t *document = json_document(), *d = json_object();
    json_object_set_new(d, "method", json_string(r->method));
    json_object_set_new(d, "topology", json_string(r->topology));
    json_object_set_new(d, "lambda", json_millionths(r->totals.lambda_max));
    json_object_set_new(d, "iterations", json_integer(r->totals.depth_max));
    json_object_set_new(d, "certified_at", json_integer(r->totals.certified_depth_max));
    json_object_set_new(d, "load_kw", json_millionths(r->totals.load_mw));
    json_object_set_new(d, "generation_kw", json_millionths(r->totals.generation_mw));
    json_object_set_new(d, "mismatch_kw", json_millionths(r->totals.load_mw - r->totals.generation_mw));
    json_object_set_new(d, "seconds", json_number(r->seconds));
    json_object_set_new(d, "central_lambda", json_number(r->central.lambda));
    json_object_set_new(d, "max_error_kw", json_number(r->max_error_kw));
    json_object_set_new(d, "nodes", nodes_json(r));
    json_object_set_new(document, "dispatch", d);
    json_t *simulated = json_array();
    json_array_append_new(simulated, simulated_json("curves", r->topology, r->curves_done, &r->curves));
    json_array_append_new(simulated, simulated_json("incremental-cost", "complete", r->incremental_cost_done,
                                                    &r->incremental_cost));
    json_object_set_new(document, "simulated", simulated);
    demo_market_json(market, document);
    json_print(stdout, document);
}

/* "52.4", or nothing where the publication says nothing. */
static const char *published(double value, char *text, size_t size)
{
    if (isnan(value))
        return "";
    snprintf(text, size, "%.1f", value);
    return text;
}

static void add_row(struct table *table, const char *name, double table_kw, int64_t power_mw,
                    double central_kw)
{
    char printed[32], power[DECIMAL_TEXT_MAX], central[32], difference[32];
    snprintf(central, sizeof central, "%.6f", central_kw);
    snprintf(difference, sizeof difference, "%+.6f", (double)power_mw / 1e6 - central_kw);
    table_add(table, (const char *[]){name, decimal_format(power_mw, 6, power), central, difference,
                                      published(table_kw, printed, sizeof printed)});
}

static void print_powers(const struct demo_result *r)
{
    static const struct table_column columns[] = {{"node", "node", false},
                                                  {"boards kW", "boards_kw", true},
                                                  {"central kW", "central_kw", true},
                                                  {"difference kW", "difference_kw", true},
                                                  {"published kW", "published_kw", true}};
    bool compared = !isnan(r->scenario->total_load_kw);
    struct table table = table_of(columns, compared ? 5 : 4);
    for (size_t i = 0; i < r->scenario->count; i++) {
        struct board_line line = {0};
        (void)boards_line(json_array_get(r->boards, i), &line);
        add_row(&table, r->scenario->nodes[i].id, r->scenario->nodes[i].table_kw, line.power_mw,
                r->central_kw[i]);
    }
    table_totals(&table);
    add_row(&table, "load", r->scenario->total_load_kw, r->totals.load_mw, r->central.load_kw);
    add_row(&table, "generation", r->scenario->total_generation_kw, r->totals.generation_mw,
            r->central.generation_kw);
    format_table(FORMAT_PEOPLE, &table);
    table_free(&table);
}

static void print_price(const struct demo_result *r)
{
    char lambda[DECIMAL_TEXT_MAX];
    printf("\nλ = %s $/kWh on every board; centralised %.6f", decimal_format(r->totals.lambda_max, 6, lambda),
           r->central.lambda);
    if (!isnan(r->scenario->lambda))
        printf("; published %.3f", r->scenario->lambda);
    putchar('\n');
    if (!isnan(r->scenario->total_load_kw_sum) && !isnan(r->scenario->total_load_kw))
        printf("The published total load, %.1f kW, is not the sum of its own column, %.1f kW; the boards' is "
               "%.3f kW.\n",
               r->scenario->total_load_kw, r->scenario->total_load_kw_sum, (double)r->totals.load_mw / 1e6);
}

static void add_iterations(struct table *table, const char *who, const char *method, const char *topology,
                           int64_t applied, int64_t certified)
{
    char a[24], c[24] = "";
    snprintf(a, sizeof a, "%" PRId64, applied);
    if (certified > 0)
        snprintf(c, sizeof c, "%" PRId64, certified);
    table_add(table, (const char *[]){who, method, topology, a, c});
}

static void print_iterations(const struct demo_result *r)
{
    static const struct table_column columns[] = {{"iterations", "who", false},
                                                  {"method", "method", false},
                                                  {"topology", "topology", false},
                                                  {"optimum", "optimum", true},
                                                  {"certificate", "certificate", true}};
    struct table table = table_of(columns, 5);
    if (r->scenario->iterations > 0)
        add_iterations(&table, "published", "", "", r->scenario->iterations, 0);
    add_iterations(&table, "boards", r->method, r->topology, r->totals.depth_max,
                   r->totals.certified_depth_max);
    if (r->curves_done)
        add_iterations(&table, "simulated", "curves", r->topology, r->curves.iterations_to_optimum,
                       r->curves.iterations_to_certificate);
    if (r->incremental_cost_done)
        add_iterations(&table, "simulated", "incremental-cost", "complete",
                       r->incremental_cost.iterations_to_optimum,
                       r->incremental_cost.iterations_to_certificate);
    putchar('\n');
    format_table(FORMAT_PEOPLE, &table);
    table_free(&table);
}

void demo_result_people(const struct demo_result *r)
{
    printf("\n%s, by %zu boards in %.2f s:\n\n", r->scenario->name, r->scenario->count, r->seconds);
    print_powers(r);
    print_price(r);
    print_iterations(r);
}

/* busbar dispatch simulate: a neighbourhood of dispatch cores in this process, with lossy links. */
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/plot.h"
#include "agents/cli/simulation.h"
#include "agents/cli/verbs.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum status take_scenario(const struct call *call, uint64_t seed, struct bb_reason *reason,
                                 struct scenario *out)
{
    int64_t nodes;
    enum status status = call_integer(call, "nodes", 1, BB_BOARDS_MAX, 0, reason, &nodes);
    if (status != BB_OK)
        return status;
    if (nodes > 0 && call->arg_count > 0)
        return call_reason(reason, BB_RANGE, "--nodes makes a random neighbourhood: it goes with no file");
    if (nodes > 0)
        scenario_random((size_t)nodes, seed, out);
    else
        status =
            call->arg_count > 0 ? scenario_read(call->args[0], reason, out) : scenario_shipped(reason, out);
    return status == BB_MALFORMED ? BB_RANGE : status;
}

static enum status take_settings(const struct call *call, struct bb_reason *reason, struct simulation *out)
{
    int64_t delay, baud, limit;
    enum status status = call_number(call, "loss", 0, 0.99, 0, reason, &out->faults.loss);
    if (status == BB_OK)
        status = call_number(call, "duplicate", 0, 1, 0, reason, &out->faults.duplicate);
    if (status == BB_OK)
        status = call_integer(call, "delay", 0, 60000, 0, reason, &delay);
    if (status == BB_OK)
        status = call_integer(call, "baud", 0, 4000000, 0, reason, &baud);
    if (status == BB_OK)
        status = call_integer(call, "limit", 1, 86400, 3600, reason, &limit);
    if (status != BB_OK)
        return status;
    const char *method = call_value(call, "method"), *topology = call_value(call, "topology");
    out->topology = topology == NULL ? simulation_topology(out->scenario) : topology;
    if (strcmp(out->topology, "links") == 0 && out->scenario->link_count == 0)
        return call_reason(reason, BB_RANGE, "--topology links: the neighbourhood gives no \"links\"");
    out->method = method != NULL && strcmp(method, "incremental-cost") == 0 ? DISPATCH_INCREMENTAL_COST
                                                                            : DISPATCH_CURVES;
    out->faults.delay_max_ms = (uint32_t)delay;
    out->baud = (uint32_t)baud;
    out->limit_ms = limit * 1000;
    return BB_OK;
}

static const char *method_word(enum dispatch_method method)
{
    return method == DISPATCH_CURVES ? "curves" : "incremental-cost";
}

/* A number that exists only when the goal was reached. */
static json_t *reached(bool goal, uint32_t value)
{
    return goal ? json_integer(value) : json_null();
}

static void print_json(const struct simulation *s, const struct sim_report *r)
{
    json_t *d = json_document();
    json_object_set_new(d, "method", json_string(method_word(s->method)));
    json_object_set_new(d, "topology", json_string(s->topology));
    json_object_set_new(d, "nodes", json_integer((json_int_t)r->boards));
    json_object_set_new(d, "seed", json_integer((json_int_t)s->seed));
    json_object_set_new(d, "loss", json_number(s->faults.loss));
    json_object_set_new(d, "diameter", json_integer(r->diameter));
    json_object_set_new(d, "optimal", json_boolean(r->optimal));
    json_object_set_new(d, "certified", json_boolean(r->certified));
    json_object_set_new(d, "iterations_to_optimum", reached(r->optimal, r->iterations_to_optimum));
    json_object_set_new(d, "iterations_to_certificate", reached(r->certified, r->iterations_to_certificate));
    json_object_set_new(d, "seconds_to_optimum",
                        r->ms_to_optimum < 0 ? json_null() : json_number((double)r->ms_to_optimum / 1e3));
    json_object_set_new(d, "seconds_to_certificate",
                        r->ms_to_certificate < 0 ? json_null()
                                                 : json_number((double)r->ms_to_certificate / 1e3));
    json_object_set_new(d, "lambda", json_number(r->lambda));
    json_object_set_new(d, "lambda_error", json_number(r->lambda_error));
    json_object_set_new(d, "max_error_kw", json_number(r->max_error_kw));
    json_object_set_new(d, "load_kw", json_number(r->load_kw));
    json_object_set_new(d, "generation_kw", json_number(r->generation_kw));
    json_object_set_new(d, "mismatch_kw", json_number(r->mismatch_kw));
    json_object_set_new(d, "bytes_per_node", json_number(r->bytes_per_node));
    json_object_set_new(d, "frames_per_node", json_number(r->frames_per_node));
    json_object_set_new(d, "copies", json_integer((json_int_t)r->copies));
    json_object_set_new(d, "lost", json_integer((json_int_t)r->lost));
    json_object_set_new(d, "duplicated", json_integer((json_int_t)r->duplicated));
    json_print(stdout, d);
}

static void print_plot(struct sim_world *world)
{
    size_t count;
    const struct sim_point *points = sim_series(world, &count);
    double *errors = calloc(count + 1, sizeof *errors);
    if (errors == NULL || count == 0) {
        free(errors);
        return;
    }
    for (size_t i = 0; i < count; i++)
        errors[i] = points[i].max_error_kw;
    plot_log(stdout, "largest distance of a board from the optimum", "kW", errors, count, 1e-3, 64, 10);
    free(errors);
}

static void print_people(const struct simulation *s, const struct sim_report *r, struct sim_world *world)
{
    printf("%s: %zu boards, %s, topology %s (diameter %d), seed %" PRIu64 "\n\n", s->scenario->name,
           r->boards, method_word(s->method), s->topology, r->diameter, s->seed);
    print_plot(world);
    if (r->optimal)
        printf("\noptimum applied after      %" PRIu32 " exchanges, %.2f s\n", r->iterations_to_optimum,
               (double)r->ms_to_optimum / 1e3);
    if (r->certified)
        printf("certificate complete after %" PRIu32 " exchanges, %.2f s\n", r->iterations_to_certificate,
               (double)r->ms_to_certificate / 1e3);
    printf("λ %.6f $/kWh, load %.6f kW, generation %.6f kW, mismatch %.6f kW\n", r->lambda, r->load_kw,
           r->generation_kw, fabs(r->mismatch_kw) < 5e-7 ? 0.0 : r->mismatch_kw);
    printf("largest error %.6f kW; %.0f bytes and %.1f frames sent per board; %" PRIu64 " of %" PRIu64
           " copies lost\n",
           r->max_error_kw, r->bytes_per_node, r->frames_per_node, r->lost, r->copies);
}

static enum exit_code simulate(const struct call *call, struct simulation *s)
{
    struct bb_reason reason;
    struct sim_world *world = NULL;
    bool json = call_flag(call, "json"), rounded = false;
    enum status status = simulation_open(s, &reason, &rounded, &world);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "%s", reason.text);
    if (rounded)
        fputs("busbar dispatch simulate: parameters with more than six decimals are rounded: boards count "
              "millionths\n",
              stderr);
    bool done = simulation_run(s, world);
    struct sim_report report = sim_report(world);
    if (json)
        print_json(s, &report);
    else
        print_people(s, &report, world);
    sim_close(world);
    return done
               ? EXIT_DONE
               : call_fail(call, EXIT_TIMEOUT, "not certified within %" PRId64 " s of virtual time (--limit)",
                           s->limit_ms / 1000);
}

enum exit_code verb_dispatch_simulate(const struct call *call)
{
    struct bb_reason reason;
    int64_t seed;
    if (call_integer(call, "seed", 0, INT64_MAX, 1, &reason, &seed) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    struct scenario *scenario = calloc(1, sizeof *scenario);
    if (scenario == NULL)
        return call_fail(call, EXIT_FAILED, "no memory");
    struct simulation s = {.scenario = scenario,
                           .seed = (uint64_t)seed,
                           .keep_series = !call_flag(call, "json"),
                           .progress = !call_flag(call, "json")};
    enum status status = take_scenario(call, s.seed, &reason, scenario);
    if (status == BB_OK)
        status = take_settings(call, &reason, &s);
    enum exit_code code =
        status == BB_OK ? simulate(call, &s) : call_fail(call, exit_of(status), "%s", reason.text);
    free(scenario);
    return code;
}

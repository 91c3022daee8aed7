/* What the boards of a world should do, what they do, and how far they are from it. */
#include "node-fw/central/optimum.h"
#include "node-fw/dispatch/clear.h"
#include "node-fw/sim/state.h"

#include <busbar/check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* incremental-cost counts as there within these; `curves` is exact. */
#define TOLERANCE_MW    50000
#define TOLERANCE_MICRO 1000

static bool is_live(const struct sim_node *n)
{
    return n->running && !n->leaving;
}

/* The live boards that `board` can reach, in ascending id. */
static size_t component_of(const struct sim_world *w, size_t board, uint16_t *out)
{
    bool alive[BB_BOARDS_MAX];
    int hops[BB_BOARDS_MAX];
    for (size_t i = 0; i < w->count; i++)
        alive[i] = is_live(&w->nodes[i]);
    (void)topology_hops(&w->now, alive, board, hops);
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (hops[i] < 0)
            continue;
        size_t at = count++;
        for (; at > 0 && w->nodes[out[at - 1]].id > w->nodes[i].id; at--)
            out[at] = out[at - 1];
        out[at] = (uint16_t)i;
    }
    return count;
}

static void answer_component(struct sim_world *w, const uint16_t *places, size_t count)
{
    struct curve curves[BB_BOARDS_MAX] = {0};
    struct optimum_node nodes[BB_BOARDS_MAX];
    struct optimum_event events[2 * BB_BOARDS_MAX];
    int64_t setpoint[BB_BOARDS_MAX];
    double power[BB_BOARDS_MAX];
    struct clearing clearing;
    struct optimum optimum;
    for (size_t i = 0; i < count; i++) {
        curves[i] = w->nodes[places[i]].curve;
        nodes[i] = optimum_node_of(&curves[i]);
    }
    clear_market(curves, count, setpoint, &clearing);
    enum status status = optimum_solve(nodes, count, 0, events, power, &optimum);
    CHECK(status == BB_OK);
    for (size_t i = 0; i < count; i++) {
        struct sim_node *n = &w->nodes[places[i]];
        n->answered = w->era;
        n->answer = (struct sim_answer){clearing.lambda, setpoint[i],
                                        (uint16_t)count, optimum.flat || optimum.load_kw == 0,
                                        power[i],        optimum.lambda};
        if (w->settings.method == DISPATCH_INCREMENTAL_COST) {
            n->answer.lambda = (uint32_t)llround(optimum.lambda * 1e6);
            n->answer.setpoint_mw = llround(power[i] * 1e6);
        }
    }
}

const struct sim_node *sim_answered(struct sim_world *w, size_t board)
{
    struct sim_node *n = &w->nodes[board];
    if (n->answered != w->era) {
        uint16_t places[BB_BOARDS_MAX];
        size_t count = component_of(w, board, places);
        answer_component(w, places, count);
    }
    return n;
}

enum status sim_answer(struct sim_world *world, size_t board, struct sim_answer *out)
{
    if (board >= world->count || !is_live(&world->nodes[board]))
        return BB_NOT_FOUND;
    *out = sim_answered(world, board)->answer;
    return BB_OK;
}

static bool is_optimal(const struct sim_world *w, const struct sim_node *n, const struct dispatch_view *v)
{
    if (w->settings.method == DISPATCH_CURVES)
        return v->lambda == n->answer.lambda && v->setpoint_mw == n->answer.setpoint_mw &&
               v->live == n->answer.live;
    return llabs(v->setpoint_mw - n->answer.setpoint_mw) <= TOLERANCE_MW &&
           (n->answer.flat || llabs((int64_t)v->lambda - n->answer.lambda) <= TOLERANCE_MICRO);
}

static void mark(struct sim_node *n, const struct dispatch_view *v)
{
    if (n->mark_count > 0 && n->marks[n->mark_count - 1].setpoint_mw == v->setpoint_mw)
        return;
    if (n->mark_count == n->mark_capacity) {
        n->mark_capacity = 2 * n->mark_capacity + 16;
        n->marks = realloc(n->marks, n->mark_capacity * sizeof *n->marks);
        CHECK(n->marks != NULL);
    }
    n->marks[n->mark_count++] = (struct sim_mark){v->depth, v->setpoint_mw};
}

void sim_judge(struct sim_world *w, size_t board)
{
    struct sim_node *n = &w->nodes[board];
    if (!is_live(n))
        return;
    struct dispatch_view v = dispatch_view(&n->core);
    if (w->settings.keep_series)
        mark(n, &v);
    (void)sim_answered(w, board);
    bool optimal = is_optimal(w, n, &v), settled = optimal && v.certified;
    if (optimal && !n->optimal) {
        n->optimal_since_ms = sim_now(w);
        n->optimal_depth = v.depth;
    }
    if (settled && !n->settled) {
        n->settled_since_ms = sim_now(w);
        n->settled_depth = v.certified_depth;
    }
    w->optimal = w->optimal - n->optimal + optimal;
    w->settled = w->settled - n->settled + settled;
    n->optimal = optimal;
    n->settled = settled;
}

static uint32_t since_base(const struct sim_world *w, uint32_t depth)
{
    return depth > w->depth_base ? depth - w->depth_base : 0;
}

static void report_board(struct sim_world *w, size_t board, struct sim_report *r)
{
    struct sim_node *n = &w->nodes[board];
    r->bytes_per_node += (double)n->bytes / (double)w->count;
    r->frames_per_node += (double)n->frames / (double)w->count;
    if (!is_live(n))
        return;
    struct dispatch_view v = dispatch_view(&n->core);
    (void)sim_answered(w, board);
    double kw = (double)v.setpoint_mw / 1e6, lambda = v.lambda / 1e6;
    /* Milliwatts for now: integers add up exactly, kilowatts do not. */
    *(n->curve.kind == CURVE_CONSUMER ? &r->load_kw : &r->generation_kw) += (double)v.setpoint_mw;
    r->lambda += lambda / (double)w->live;
    r->lambda_error = fmax(r->lambda_error, fabs(lambda - n->answer.central_lambda));
    r->max_error_kw = fmax(r->max_error_kw, fabs(kw - n->answer.central_kw));
    uint32_t optimal = since_base(w, n->optimal_depth), settled = since_base(w, n->settled_depth);
    r->iterations_to_optimum = optimal > r->iterations_to_optimum ? optimal : r->iterations_to_optimum;
    r->iterations_to_certificate =
        settled > r->iterations_to_certificate ? settled : r->iterations_to_certificate;
    int64_t optimal_ms = n->optimal_since_ms - w->changed_ms,
            settled_ms = n->settled_since_ms - w->changed_ms;
    r->ms_to_optimum = optimal_ms > r->ms_to_optimum ? optimal_ms : r->ms_to_optimum;
    r->ms_to_certificate = settled_ms > r->ms_to_certificate ? settled_ms : r->ms_to_certificate;
}

struct sim_report sim_report(struct sim_world *world)
{
    struct sim_report r = {.boards = world->count,
                           .live = world->live,
                           .optimal = world->optimal == world->live,
                           .certified = world->settled == world->live,
                           .copies = world->copies,
                           .lost = world->lost,
                           .duplicated = world->duplicated};
    bool alive[BB_BOARDS_MAX];
    for (size_t i = 0; i < world->count; i++) {
        alive[i] = is_live(&world->nodes[i]);
        report_board(world, i, &r);
    }
    r.diameter = topology_diameter(&world->now, alive);
    r.mismatch_kw = (r.load_kw - r.generation_kw) / 1e6;
    r.load_kw /= 1e6;
    r.generation_kw /= 1e6;
    if (!r.optimal) {
        r.iterations_to_optimum = 0;
        r.ms_to_optimum = -1;
    }
    if (!r.certified) {
        r.iterations_to_certificate = 0;
        r.ms_to_certificate = -1;
    }
    return r;
}

static int64_t applied_at(const struct sim_node *n, uint32_t depth)
{
    int64_t setpoint = 0;
    for (size_t i = 0; i < n->mark_count && n->marks[i].depth <= depth; i++)
        setpoint = n->marks[i].setpoint_mw;
    return setpoint;
}

const struct sim_point *sim_series(struct sim_world *world, size_t *count_out)
{
    uint32_t last = 0;
    for (size_t i = 0; i < world->count; i++) {
        const struct sim_node *n = &world->nodes[i];
        if (n->mark_count > 0 && n->marks[n->mark_count - 1].depth > last)
            last = n->marks[n->mark_count - 1].depth;
    }
    free(world->series);
    world->series = calloc((size_t)last + 1, sizeof *world->series);
    CHECK(world->series != NULL);
    for (uint32_t depth = 0; depth <= last; depth++) {
        struct sim_point *p = &world->series[depth];
        p->depth = depth;
        for (size_t i = 0; i < world->count; i++) {
            const struct sim_node *n = &world->nodes[i];
            if (!is_live(n))
                continue;
            double kw = (double)applied_at(n, depth) / 1e6;
            p->max_error_kw = fmax(p->max_error_kw, fabs(kw - sim_answered(world, i)->answer.central_kw));
            p->mismatch_kw += n->curve.kind == CURVE_CONSUMER ? kw : -kw;
        }
    }
    *count_out = (size_t)last + 1;
    return world->series;
}

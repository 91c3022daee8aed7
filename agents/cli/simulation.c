#include "agents/cli/simulation.h"

#include "agents/cli/call.h"
#include "agents/cli/format.h"

#include <stdio.h>
#include <string.h>

const char *simulation_topology(const struct scenario *scenario)
{
    return scenario->link_count > 0 ? "links" : "circulant";
}

/* The plan of the word; links[SCENARIO_LINKS_MAX] holds what it borrows. Offsets 1 and 2 are the default of
 * site files too; a handful of boards leaves them out as far as they do not exist. */
static enum status plan_of(const struct simulation *s, struct bb_reason *reason, struct topology_link *links,
                           struct topology_plan *out)
{
    struct topology_plan plan = {.offsets = {1, 2}, .offset_count = 2, .links = links};
    if (topology_of_word(s->topology, &plan.kind) != BB_OK)
        return call_reason(reason, BB_RANGE, "no topology is named \"%s\"", s->topology);
    plan.link_count = s->scenario->link_count;
    for (size_t i = 0; i < plan.link_count; i++)
        links[i] = (struct topology_link){s->scenario->links[i].a, s->scenario->links[i].b};
    *out = plan;
    return BB_OK;
}

enum status simulation_open(const struct simulation *s, struct bb_reason *reason, bool *rounded_out,
                            struct sim_world **out)
{
    struct topology_link links[SCENARIO_LINKS_MAX];
    struct sim_board boards[BB_BOARDS_MAX];
    struct sim_settings settings = {.seed = s->seed,
                                    .method = s->method,
                                    .faults = s->faults,
                                    .baud = s->baud,
                                    .keep_series = s->keep_series};
    enum status status = plan_of(s, reason, links, &settings.topology);
    for (size_t i = 0; i < s->scenario->count && status == BB_OK; i++) {
        boards[i] = (struct sim_board){.id = (uint16_t)(i + 1)};
        status = scenario_curve(&s->scenario->nodes[i], reason, rounded_out, &boards[i].curve);
    }
    if (status != BB_OK)
        return status;
    status = sim_open(&settings, boards, s->scenario->count, out);
    if (status == BB_RANGE)
        return call_reason(reason, status,
                           "%zu boards do not fit the topology %s: a board has at most %d neighbours",
                           s->scenario->count, s->topology, BB_NEIGHBOURS_MAX);
    return status == BB_OK ? BB_OK : call_reason(reason, status, "%s", bb_status_text(status));
}

bool simulation_run(const struct simulation *s, struct sim_world *world)
{
    bool reached = false;
    for (int64_t until = 0; !reached && until < s->limit_ms;) {
        until = until + 2000 < s->limit_ms ? until + 2000 : s->limit_ms;
        reached = sim_run(world, until);
        if (!s->progress || reached)
            continue;
        char note[64];
        snprintf(note, sizeof note, "%.0f s of virtual time, error %.3g kW", (double)until / 1e3,
                 sim_report(world).max_error_kw);
        format_progress("simulating", (size_t)until, (size_t)s->limit_ms, note);
    }
    if (s->progress)
        format_progress_end();
    return reached;
}

enum status simulation_report(const struct simulation *s, struct bb_reason *reason, struct sim_report *out)
{
    struct sim_world *world = NULL;
    bool rounded = false;
    enum status status = simulation_open(s, reason, &rounded, &world);
    if (status != BB_OK)
        return status;
    bool reached = simulation_run(s, world);
    *out = sim_report(world);
    sim_close(world);
    return reached ? BB_OK : call_reason(reason, BB_TIMEOUT, "the simulation was not certified in time");
}

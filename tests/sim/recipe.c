#include "tests/sim/recipe.h"

#include "tests/sim/neighbourhood.h"

#include <stdio.h>

static void draw_settings(struct chance *c, struct recipe *r, enum dispatch_method method)
{
    struct sim_settings *s = &r->settings;
    s->seed = chance_next(c);
    s->method = method;
    s->topology.kind = (enum topology_kind)chance_between(c, TOPOLOGY_RING, TOPOLOGY_COMPLETE);
    if (s->topology.kind == TOPOLOGY_COMPLETE && r->count > 16)
        s->topology.kind = TOPOLOGY_SMALL_WORLD;
    s->topology.offsets[0] = 1;
    s->topology.offsets[1] = (uint16_t)chance_between(c, 2, 5);
    s->topology.offset_count = 2;
    s->topology.degree = (uint16_t)chance_between(c, 2, 7);
    s->faults.loss = chance_is(c, 0.2) ? 0 : 0.3 * chance_unit(c);
    s->faults.duplicate = chance_is(c, 0.5) ? 0 : 0.2 * chance_unit(c);
    s->faults.reorder = chance_is(c, 0.5) ? 0 : 0.2 * chance_unit(c);
    s->faults.delay_min_ms = (uint32_t)chance_between(c, 0, 5);
    s->faults.delay_max_ms = s->faults.delay_min_ms + (uint32_t)chance_between(c, 0, 50);
    s->baud = chance_is(c, 0.1) ? 115200 : 0;
    s->start_spread_ms = (uint32_t)(chance_is(c, 0.5) ? 0 : chance_between(c, 0, 3000));
}

static void draw_event(struct chance *c, struct recipe *r, size_t i)
{
    struct sim_event *e = &r->events[i];
    e->board = (uint16_t)chance_between(c, 0, (int64_t)r->count - 1);
    r->at_ms[i] = chance_between(c, 0, 20000);
    switch (chance_between(c, 0, 5)) {
    case 0:
        e->kind = SIM_CRASH;
        return;
    case 1:
        e->kind = SIM_START;
        return;
    case 2:
        e->kind = SIM_LEAVE;
        return;
    case 3:
        e->kind = SIM_CURVE;
        e->curve = random_curve(c, r->boards[e->board].curve.kind, r->settings.method == DISPATCH_CURVES);
        return;
    default:
        e->kind = chance_is(c, 0.6) ? SIM_CUT : SIM_HEAL;
        r->splits[i] = true;
        return;
    }
}

struct recipe recipe_draw(uint64_t seed, enum dispatch_method method)
{
    struct chance c = {seed};
    struct recipe r = {0};
    /* incremental-cost is slow where the graph is long and thin, as rings of forty are. */
    bool large = method == DISPATCH_CURVES && chance_is(&c, 0.15);
    r.count = (size_t)chance_between(&c, 2, large ? BOARDS_MAX : 16);
    random_boards(&c, r.boards, r.count, method == DISPATCH_CURVES);
    draw_settings(&c, &r, method);
    for (size_t i = 0; i < r.count; i++)
        r.boards[i].absent = chance_is(&c, 0.05);
    r.event_count = (size_t)chance_between(&c, 0, EVENTS_MAX);
    for (size_t i = 0; i < r.event_count; i++)
        draw_event(&c, &r, i);
    return r;
}

/* All links between the places below `middle` and the others. */
static void schedule_split(struct sim_world *world, const struct recipe *r, size_t i)
{
    for (uint16_t a = 0; a < r->events[i].board; a++) {
        for (uint16_t b = r->events[i].board; b < r->count; b++) {
            if (!topology_linked(sim_topology(world), a, b))
                continue;
            struct sim_event cut = {.kind = r->events[i].kind, .board = a, .other = b};
            CHECK(sim_schedule(world, r->at_ms[i], &cut) == BB_OK);
        }
    }
}

void recipe_schedule(const struct recipe *r, struct sim_world *world)
{
    for (size_t i = 0; i < r->event_count; i++) {
        if (r->splits[i])
            schedule_split(world, r, i);
        else
            CHECK(sim_schedule(world, r->at_ms[i], &r->events[i]) == BB_OK);
    }
}

void recipe_foresee(const struct recipe *r, const struct sim_world *world,
                    struct topology moved_out[EVENTS_MAX])
{
    const struct topology *whole = sim_topology(world);
    struct topology now = *whole;
    bool done[EVENTS_MAX] = {false};
    for (size_t round = 0; round < r->event_count; round++) {
        size_t next = EVENTS_MAX;
        for (size_t i = 0; i < r->event_count; i++) {
            if (!done[i] && (next == EVENTS_MAX || r->at_ms[i] < r->at_ms[next]))
                next = i;
        }
        done[next] = true;
        bool heals = r->events[next].kind == SIM_HEAL;
        for (size_t a = 0; r->splits[next] && a < r->events[next].board; a++) {
            for (size_t b = r->events[next].board; b < r->count; b++) {
                if (!topology_linked(whole, a, b))
                    continue;
                topology_link(&moved_out[next], a, b, heals != topology_linked(&now, a, b));
                topology_link(&now, a, b, heals);
            }
        }
    }
}

void recipe_describe(const struct recipe *r)
{
    static const char *const words[] = {"start", "crash", "leave", "curve", "cut", "heal"};
    const struct sim_faults *f = &r->settings.faults;
    printf("%zu boards, %s, loss %.2f, duplicates %.2f, reordered %.2f, delay %u-%u ms, baud %u\n", r->count,
           topology_word(r->settings.topology.kind), f->loss, f->duplicate, f->reorder, f->delay_min_ms,
           f->delay_max_ms, r->settings.baud);
    for (size_t i = 0; i < r->event_count; i++)
        printf("%6lld ms: %s%s %u\n", (long long)r->at_ms[i], words[r->events[i].kind],
               r->splits[i] ? " all links across" : "", r->events[i].board);
}

/* Neighbourhoods for the simulator's tests: Table 1, and random ones. */
#ifndef TESTS_SIM_NEIGHBOURHOOD_H
#define TESTS_SIM_NEIGHBOURHOOD_H

#include "node-fw/sim/world.h"
#include "tests/central/table1.h"

#include <busbar/check.h>
#include <math.h>

/* The boards of Table 1, ids 1 … 16, to boards[TABLE1_COUNT]. */
static inline void table1_boards(struct sim_board *boards)
{
    for (size_t i = 0; i < TABLE1_COUNT; i++) {
        struct curve_parameters p = {table1[i].kind, (uint32_t)lround(table1[i].slope * 1e6),
                                     (uint32_t)lround(table1[i].intercept * 1e6),
                                     (uint32_t)lround(table1[i].pmax_kw * 1e6)};
        boards[i] = (struct sim_board){.id = (uint16_t)(i + 1)};
        enum status status = curve_of(&p, &boards[i].curve);
        CHECK(status == BB_OK);
    }
}

/* A household's or a generator's curve. `steps`: now and then one that is all or nothing. */
static inline struct curve random_curve(struct chance *c, enum curve_kind kind, bool steps)
{
    struct curve_parameters p = {.kind = kind, .pmax = (uint32_t)chance_between(c, 5000, 200000) * 1000};
    bool consumer = kind == CURVE_CONSUMER;
    p.intercept =
        (uint32_t)(consumer ? chance_between(c, 6000000, 20000000) : chance_between(c, 2000000, 10000000));
    p.slope = (uint32_t)(consumer ? chance_between(c, 30000, 150000) : chance_between(c, 2000, 12000));
    if (steps && chance_is(c, 0.1))
        p.slope = 0;
    struct curve curve;
    enum status status = curve_of(&p, &curve);
    CHECK(status == BB_OK);
    return curve;
}

/* `count` boards with random curves and scattered ids; of both kinds when there are two or more. */
static inline void random_boards(struct chance *c, struct sim_board *boards, size_t count, bool steps)
{
    uint16_t id = 0;
    for (size_t i = 0; i < count; i++) {
        id = (uint16_t)(id + chance_between(c, 1, 20));
        enum curve_kind kind = i < 2 ? (enum curve_kind)i : (enum curve_kind)chance_between(c, 0, 1);
        boards[i] = (struct sim_board){.id = id, .curve = random_curve(c, kind, steps)};
    }
    for (size_t i = count; i > 1; i--) {
        size_t k = (size_t)chance_between(c, 0, (int64_t)i - 1);
        struct sim_board kept = boards[k];
        boards[k] = boards[i - 1];
        boards[i - 1] = kept;
    }
}

#endif

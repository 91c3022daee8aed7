/* What a random world is made of, drawn from its seed: the boards, the links' faults and a script. */
#ifndef TESTS_SIM_RECIPE_H
#define TESTS_SIM_RECIPE_H

#include "node-fw/sim/world.h"

#define BOARDS_MAX 40
#define EVENTS_MAX 8

struct recipe {
    struct sim_settings settings;
    struct sim_board boards[BOARDS_MAX];
    size_t count;
    struct sim_event events[EVENTS_MAX];
    int64_t at_ms[EVENTS_MAX];
    bool splits[EVENTS_MAX]; /* cut (or heal) all links between the boards below and from event.board on */
    size_t event_count;
};

/* The recipe of the world `seed`. */
struct recipe recipe_draw(uint64_t seed, enum dispatch_method method);

/* Gives the script to a world that has just been opened. */
void recipe_schedule(const struct recipe *r, struct sim_world *world);

/* Which links each cut really takes, and each merge brings back: those across it that are there, or not.
 * Before the first of them. */
void recipe_foresee(const struct recipe *r, const struct sim_world *world,
                    struct topology moved_out[EVENTS_MAX]);

/* Prints it. */
void recipe_describe(const struct recipe *r);

#endif

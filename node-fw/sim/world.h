/* A neighbourhood in one process: dispatch cores, lossy links and a virtual clock. One seed is one world: the
 * same settings give the same run, byte for byte. Idle time costs nothing. The world allocates (it runs on
 * the host); the cores inside are the firmware's own.
 *
 *   sim_open → [sim_schedule …] → sim_run | sim_step … → sim_report, sim_series, sim_board → sim_close */
#ifndef NODE_FW_SIM_WORLD_H
#define NODE_FW_SIM_WORLD_H

#include "node-fw/dispatch/dispatch.h"
#include "node-fw/sim/topology.h"

struct sim_board {
    uint16_t id; /* unique, 1 … 65535 */
    struct curve curve;
    bool absent; /* not there at the start: SIM_START brings it in */
};

/* How links treat broadcasts: each neighbour's copy meets its own fate. */
struct sim_faults {
    double loss;      /* 0 … 1: a copy is lost */
    double duplicate; /* 0 … 1: a copy comes twice, each with a delay of its own */
    double reorder; /* 0 … 1: a copy is held back by up to four times delay_max_ms (at least 4 × 25 ms) */
    uint32_t delay_min_ms, delay_max_ms; /* from one board to the next, the wires not included */
};

struct sim_settings {
    uint64_t seed;
    enum dispatch_method method;
    struct topology_plan topology;
    struct sim_faults faults;
    uint32_t baud; /* of each board's UART, 8N1: frames queue on the sender's and on the receiver's wire, both
                      ways at once; 0: wires cost no time */
    uint16_t exchange_ms;     /* 0 means 150 */
    uint16_t heartbeat_ms;    /* 0 means 1000 */
    uint16_t expiry_ms;       /* 0 means 4000 */
    uint32_t start_spread_ms; /* boards start at random times from 0 to this */
    bool keep_series;         /* remember what sim_series gives */
};

enum sim_event_kind {
    SIM_START, /* an absent, crashed or left board boots, with the next incarnation */
    SIM_CRASH, /* gone without a word, its memory lost but the boot counter */
    SIM_LEAVE, /* a graceful leave; the board stays a second to say so, then it is off */
    SIM_CURVE, /* a parameter change */
    SIM_CUT,   /* the link between board and other carries nothing */
    SIM_HEAL   /* it carries again */
};

struct sim_event {
    enum sim_event_kind kind;
    uint16_t board;     /* its place in the list of boards */
    uint16_t other;     /* SIM_CUT, SIM_HEAL: the other end */
    struct curve curve; /* SIM_CURVE */
};

/* The answer that a board should have: the optimum of the live boards that it can reach. For `curves` it is
 * clear_market's, in integers; for incremental-cost it is the centralised one. */
struct sim_answer {
    uint32_t lambda;
    int64_t setpoint_mw;
    uint16_t live; /* boards in its part of the graph, itself included */
    bool
        flat; /* other prices are as good (an interval balances, or nothing is traded): the power is unique */
    double central_kw; /* the centralised optimum in doubles: power and price */
    double central_lambda;
};

/* What was reached by now. "Optimum": every live board applies its component's optimum (`curves`: the exact
 * integers; incremental-cost: within 0.05 kW and 0.001 $/kWh) and has not left it since. */
struct sim_report {
    size_t boards, live;
    int diameter; /* of the live graph */
    bool optimal, certified;
    uint32_t iterations_to_optimum;     /* the largest causal depth at which a board applied it */
    uint32_t iterations_to_certificate; /* the largest causal depth at which a board became certified */
    int64_t ms_to_optimum; /* virtual ms since the last event of the script (or the start); −1: not yet */
    int64_t ms_to_certificate;
    double lambda;       /* $/kWh: the mean of the live boards' */
    double lambda_error; /* $/kWh: the largest distance from the centralised price */
    double max_error_kw; /* the largest distance of a live board from the centralised optimum */
    double load_kw, generation_kw, mismatch_kw; /* mismatch: load − generation of the live boards */
    double bytes_per_node, frames_per_node;     /* sent per board, payloads with the link's framing */
    uint64_t copies, lost, duplicated;          /* copies of broadcasts on links */
};

/* One exchange of the convergence: what every board applied when it had counted causal depth `depth`. */
struct sim_point {
    uint32_t depth;
    double max_error_kw; /* max |P − centralised optimum| over the live boards */
    double mismatch_kw;  /* Σload − Σgeneration */
};

struct sim_world;

/* Called after everything that happens in the world: board `board` (place in the list) has taken a broadcast
 * or sent one. */
typedef void sim_observer(struct sim_world *world, size_t board, void *context);

/* A world of `count` boards (1 … BB_BOARDS_MAX) at virtual time 0, started boards included. Everything is
 * copied. BB_RANGE: count, ids not unique, an invalid curve, a probability outside 0 … 1, or the topology's
 * reasons. BB_FULL: no memory. */
BB_MUST_CHECK enum status sim_open(const struct sim_settings *settings, const struct sim_board *boards,
                                   size_t count, struct sim_world **out);

/* Accepts NULL. */
void sim_close(struct sim_world *world);

/* Lets `event` happen at virtual time `at_ms` ≥ now. Nonsense (a crash of an absent board, a cut of what is
 * no link) is ignored when its time comes. BB_RANGE: a board out of range, an invalid curve, the past.
 * BB_FULL: no memory. */
BB_MUST_CHECK enum status sim_schedule(struct sim_world *world, int64_t at_ms, const struct sim_event *event);

/* Calls `observer` from now on; NULL ends it. */
void sim_observe(struct sim_world *world, sim_observer *observer, void *context);

/* Advances to `until_ms`: everything that is due by then happens. */
void sim_step(struct sim_world *world, int64_t until_ms);

/* Advances until the script is over and every live board is certified at its optimum, or until `until_ms`.
 * Returns true for the former. */
bool sim_run(struct sim_world *world, int64_t until_ms);

/* Virtual time, ms. */
int64_t sim_now(const struct sim_world *world);

/* The core of board `board` (place in the list), for reading; NULL while it is not running. */
const struct dispatch *sim_core(const struct sim_world *world, size_t board);

/* What that board should apply now. BB_NOT_FOUND while it is not running. */
BB_MUST_CHECK enum status sim_answer(struct sim_world *world, size_t board, struct sim_answer *out);

/* The graph as it is now, cut links taken out. */
const struct topology *sim_topology(const struct sim_world *world);

/* What was reached by now. */
struct sim_report sim_report(struct sim_world *world);

/* The convergence by causal depth, from 0 on, since the start: *count_out points, valid until the next call
 * on the world. Needs keep_series; the centralised optimum is that of now. */
const struct sim_point *sim_series(struct sim_world *world, size_t *count_out);

#endif

/* The inside of a world, for world.c and report.c alone. */
#ifndef NODE_FW_SIM_STATE_H
#define NODE_FW_SIM_STATE_H

#include "node-fw/sim/queue.h"
#include "node-fw/sim/world.h"

/* What a board applied from causal depth `depth` on. */
struct sim_mark {
    uint32_t depth;
    int64_t setpoint_mw;
};

struct sim_node {
    struct dispatch core;
    uint16_t id, incarnation;
    struct curve curve;
    bool running, leaving;
    int64_t wake_us;                  /* the only wake-up in the queue that counts; −1: none */
    int64_t up_free_us, down_free_us; /* when the two wires are free again */
    uint64_t bytes, frames;
    /* How it stands against its answer, kept up to date after everything that happens. */
    bool optimal, settled;
    int64_t optimal_since_ms, settled_since_ms;
    uint32_t optimal_depth, settled_depth;
    struct sim_mark *marks; /* keep_series */
    size_t mark_count, mark_capacity;
    /* The answer, valid while answered == the world's era. */
    struct sim_answer answer;
    uint64_t answered;
};

struct sim_world {
    struct sim_settings settings;
    struct chance chance;
    struct topology whole, now; /* as built, and without the cut links */
    size_t count;
    struct sim_node *nodes;
    struct queue queue;
    struct sim_event *script;
    size_t script_count, script_capacity, script_left;
    int64_t now_us;
    int64_t changed_ms;            /* the last event of the script, or the start of the last board */
    uint64_t era;                  /* grows whenever an answer may change */
    uint32_t depth, depth_base;    /* the largest causal depth sent, and what it was at changed_ms */
    size_t live, optimal, settled; /* boards */
    uint64_t copies, lost, duplicated;
    sim_observer *observer;
    void *observer_context;
    struct sim_point *series;
};

/* The answer of a running board, worked out when the last one is out of date. */
const struct sim_node *sim_answered(struct sim_world *w, size_t board);

/* Compares a board with its answer and keeps the counts; after everything that happens to it. */
void sim_judge(struct sim_world *w, size_t board);

#endif

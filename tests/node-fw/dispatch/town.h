/* A neighbourhood of boards in one process, for tests: a graph, a virtual clock, and links that lose, delay,
 * repeat and pace broadcasts under one seed. */
#ifndef TESTS_NODE_FW_DISPATCH_TOWN_H
#define TESTS_NODE_FW_DISPATCH_TOWN_H

#include "node-fw/dispatch/dispatch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOWN_MAX   64
#define TOWN_QUEUE 65536

struct town_frame {
    int64_t at;
    uint16_t to; /* index of the board */
    uint16_t size;
    uint8_t data[BB_LINK_PAYLOAD_MAX];
};

struct town {
    uint64_t seed;
    size_t count;
    bool edge[TOWN_MAX][TOWN_MAX];
    bool cut[TOWN_MAX][TOWN_MAX]; /* the neighbours are configured, but nothing passes */
    bool up[TOWN_MAX], left[TOWN_MAX];
    uint16_t ids[TOWN_MAX]; /* board i has id i + 1 unless the test says otherwise */
    struct dispatch boards[TOWN_MAX];
    struct curve curves[TOWN_MAX];
    uint16_t incarnation[TOWN_MAX];
    int64_t now; /* ms */
    /* What the links do. */
    unsigned loss_percent, repeat_percent;
    int64_t delay_least, delay_most;
    bool wire; /* 115 200 baud each way to every board, 16 bytes of framing */
    int64_t up_free_us[TOWN_MAX], down_free_us[TOWN_MAX];
    int64_t bytes_heard[TOWN_MAX];
    bool lawless; /* forged broadcasts are about: parameters may go back */
    /* The newest (incarnation, version) of every id that every board has known: it never goes back. */
    uint32_t newest[TOWN_MAX][TOWN_MAX + 1];
    struct town_frame queue[TOWN_QUEUE];
    size_t queued;
};

/* A pseudo-random number below `below` (> 0), from *seed. */
uint64_t town_random(uint64_t *seed, uint64_t below);

/* The seed of a test: BUSBAR_SEED, or `usual`; printed. */
uint64_t town_seed(uint64_t usual);

/* The sixteen boards of Table 1: L1 … L10 are 0 … 9, DG1 … DG6 are 10 … 15. */
extern const struct curve_parameters town_table1[16];
/* Their printed set-points, 0.1 kW. */
extern const int town_table1_printed[16];

/* A random valid curve: ramps, steps, small caps and ties. */
struct curve town_random_curve(uint64_t *seed);

/* An empty town of `count` boards without edges, with curves of Table 1 (repeated), all down, delay 1 ms. */
void town_clear(struct town *t, size_t count, uint64_t seed);

/* Graphs: circulant with offsets 1 … `reach` (reach 1: a ring), a star around board 0, a line, all with all,
 * a random connected one with `extra` chords. */
void town_circulant(struct town *t, size_t reach);
void town_star(struct town *t);
void town_line(struct town *t);
void town_random_graph(struct town *t, size_t extra);

/* The graph's diameter. */
unsigned town_diameter(const struct town *t);

/* Starts board i with the next incarnation; stops it without a word. */
void town_start(struct town *t, size_t i);
void town_stop(struct town *t, size_t i);
void town_start_all(struct town *t);

/* Lets boards run until `until`, checking after every event that the audit's local identity holds and that no
 * board goes back to older parameters of another; stops early, and
 * returns true, when `done` says so. */
bool town_run(struct town *t, int64_t until, bool (*done)(const struct town *t));

/* Says goodbye for board i: it stays up, to be heard. */
void town_leave(struct town *t, size_t i);

/* Gives the boards that are up the neighbours that the graph has now. */
void town_configure(struct town *t);

/* Every board that is up and has not left holds a certificate / applies the exact optimum of those that it
 * can reach. */
bool town_certified(const struct town *t);
bool town_solved(const struct town *t);
bool town_settled(const struct town *t); /* both */

/* Asserts Σx + Σ(given − taken) = Σv over the boards that are up: true while membership does not change. */
void town_check_audit(const struct town *t);

#endif

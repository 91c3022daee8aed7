/* A neighbourhood in a file: who is there, with which curves, and who is whose neighbour.
 *
 *   {"nodes":[{"id":"L1","kind":"consumer","omega":17.17,"sigma":0.0935,"pmax_kw":91.79},
 *             {"id":"DG1","kind":"generator","alpha":0.0031,"beta":6.71,"gamma":0,"pmax_kw":113.23}],
 *    "links":[["L1","DG1"]]}
 *
 * Optional beside them: name, source, and what a publication printed for the case: lambda, iterations,
 * total_generation_kw, total_load_kw_printed, total_load_kw_sum_of_column, and table_kw of each node. */
#ifndef AGENTS_CLI_SCENARIO_H
#define AGENTS_CLI_SCENARIO_H

#include "node-fw/dispatch/curve.h"

#include <busbar/limits.h>
#include <busbar/reason.h>
#include <busbar/status.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCENARIO_LINKS_MAX 1024
#define SCENARIO_NAME_MAX  64

struct scenario_node {
    char id[BB_NAME_MAX];
    enum curve_kind kind;
    double slope;     /* sigma or alpha, $/kWh/kW */
    double intercept; /* omega or beta, $/kWh */
    double gamma;     /* moves no set-point */
    double pmax_kw;
    double table_kw; /* what the publication printed; NAN when it says nothing */
};

struct scenario_link {
    uint16_t a, b; /* places in nodes */
};

struct scenario {
    char name[SCENARIO_NAME_MAX];
    struct scenario_node nodes[BB_BOARDS_MAX];
    size_t count; /* 1 … BB_BOARDS_MAX */
    struct scenario_link links[SCENARIO_LINKS_MAX];
    size_t link_count; /* 0: the file says nothing of neighbours */
    /* What the publication printed; NAN (or 0 iterations) when it says nothing. */
    double lambda, total_generation_kw, total_load_kw, total_load_kw_sum;
    int64_t iterations;
};

/* Reads the file, "-" for standard input. BB_NOT_FOUND, BB_IO; BB_MALFORMED with file, line and column;
 * BB_RANGE with file and JSON path: an unknown key, a wrong type, a value out of range, an id twice. */
BB_MUST_CHECK enum status scenario_read(const char *path, struct bb_reason *reason, struct scenario *out);

/* The case that comes with the program (configs/table1.json). BB_MALFORMED or BB_RANGE when that is broken.
 */
BB_MUST_CHECK enum status scenario_shipped(struct bb_reason *reason, struct scenario *out);

/* Takes it from a parsed document; `from` names it in reasons. BB_RANGE. */
BB_MUST_CHECK enum status scenario_of_json(const json_t *document, const char *from, struct bb_reason *reason,
                                           struct scenario *out);

/* `count` random nodes (1 … BB_BOARDS_MAX) from a seed, consumers and generators mixed, in the ranges of the
 * shipped case; six decimals at most. */
void scenario_random(size_t count, uint64_t seed, struct scenario *out);

/* The ramp of a node in a board's integers. *rounded_out becomes true when a parameter has more than six
 * decimals: it is then carried rounded. BB_RANGE with the reason: outside of what a board can hold. */
BB_MUST_CHECK enum status scenario_curve(const struct scenario_node *node, struct bb_reason *reason,
                                         bool *rounded_out, struct curve *out);

/* The names that people and files use: "consumer" or "generator". */
const char *scenario_kind_word(enum curve_kind kind);

#endif

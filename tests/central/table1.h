/* Table 1 of the thesis, with the reconstructed parameters: ten consumers, then six generators. */
#ifndef TESTS_CENTRAL_TABLE1_H
#define TESTS_CENTRAL_TABLE1_H

#include "node-fw/dispatch/curve.h"

#define TABLE1_COUNT  16
#define TABLE1_LAMBDA 7.371025

struct table1_row {
    const char *name;
    enum curve_kind kind;
    double slope, intercept, pmax_kw;
    double optimum_kw; /* to a tenth of a watt */
    double printed_kw; /* as the thesis prints it */
};

static const struct table1_row table1[TABLE1_COUNT] = {
    {"L1", CURVE_CONSUMER, 0.0935, 17.17, 91.79, 52.4009, 52.4},
    {"L2", CURVE_CONSUMER, 0.0417, 12.28, 147.29, 58.8606, 58.9},
    {"L3", CURVE_CONSUMER, 0.1007, 18.42, 91.41, 54.8609, 54.9},
    {"L4", CURVE_CONSUMER, 0.0561, 7.06, 62.96, 0, 0},
    {"L5", CURVE_CONSUMER, 0.0540, 10.85, 100.53, 32.2127, 32.2},
    {"L6", CURVE_CONSUMER, 0.1414, 18.91, 66.88, 40.8026, 40.8},
    {"L7", CURVE_CONSUMER, 0.0793, 18.76, 118.35, 71.8094, 71.8},
    {"L8", CURVE_CONSUMER, 0.1064, 15.70, 73.81, 39.1399, 39.1},
    {"L9", CURVE_CONSUMER, 0.0850, 14.28, 84.00, 40.6410, 40.6},
    {"L10", CURVE_CONSUMER, 0.0460, 10.15, 110.32, 30.2063, 30.2},
    {"DG1", CURVE_GENERATOR, 0.0031, 6.71, 113.23, 106.6169, 106.6},
    {"DG2", CURVE_GENERATOR, 0.0074, 5.53, 179.10, 124.3936, 124.4},
    {"DG3", CURVE_GENERATOR, 0.0066, 7.58, 90.03, 0, 0},
    {"DG4", CURVE_GENERATOR, 0.0063, 6.24, 106.41, 89.7639, 89.8},
    {"DG5", CURVE_GENERATOR, 0.0069, 8.53, 193.80, 0, 0},
    {"DG6", CURVE_GENERATOR, 0.0032, 6.73, 143.41, 100.1601, 100.2},
};

#endif

/* Aggregates of readings over periods, and how periods are written. Pure. */
#ifndef AGENTS_HISTORIAN_AGGREGATE_H
#define AGENTS_HISTORIAN_AGGREGATE_H

#include "agents/historian/reading.h"

/* The periods whose aggregates are kept: each divides the next, the last is a day. */
#define AGGREGATE_PERIODS 4
extern const int64_t AGGREGATE_PERIOD_US[AGGREGATE_PERIODS]; /* 1m, 15m, 1h, 1d */

enum aggregate_kind {
    AGGREGATE_AVG,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_SUM,
    AGGREGATE_COUNT,
    AGGREGATE_FIRST,
    AGGREGATE_LAST,
    AGGREGATE_KINDS
};

/* Of the readings of one series with start_us ≤ time < start_us + period. */
struct aggregate {
    int64_t start_us;
    uint64_t count;
    double sum, min, max, first, last;
};

/* The start of the period that holds `us` ≥ 0. */
int64_t aggregate_start(int64_t us, int64_t period_us);

/* The reading as a number: true is 1; false for a text. */
bool aggregate_number(const struct value *value, double *out);

/* Adds a reading's number, in the order of time. Empty: a zeroed aggregate with its start. */
void aggregate_add(struct aggregate *aggregate, double number);

/* What is asked of an aggregate that is not empty. */
double aggregate_of(const struct aggregate *aggregate, enum aggregate_kind kind);

/* Reads "avg", … (also "average", "mean"), in any case. */
bool aggregate_kind_parse(const char *text, enum aggregate_kind *out);
const char *aggregate_kind_word(enum aggregate_kind kind);

/* Reads "30s", "1m", "15m", "2h", "30d", "2w", from 1 s to 100 years; also VOLTTRON's "15min", "1hour". */
bool aggregate_span_parse(const char *text, int64_t *us_out);

/* Its place in AGGREGATE_PERIOD_US; -1: it is not kept. */
int aggregate_period_index(int64_t period_us);

/* "1m", "15m", "1h", "1d". */
const char *aggregate_period_word(int index);

#endif

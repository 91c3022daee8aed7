/* What is kept of which series: for how long, and aggregated over which periods. */
#ifndef AGENTS_HISTORIAN_RULES_H
#define AGENTS_HISTORIAN_RULES_H

#include "agents/historian/aggregate.h"

#include <busbar/reason.h>
#include <busbar/status.h>

#define RULES_MAX        64
#define RULES_PREFIX_MAX 255

/* For the series whose names begin with the prefix. */
struct rule {
    char prefix[RULES_PREFIX_MAX + 1];
    int64_t keep_us;  /* of a retention: 0 is for ever */
    unsigned periods; /* of an aggregation: a bit for each of AGGREGATE_PERIOD_US */
};

struct rules {
    struct rule retention[RULES_MAX], aggregation[RULES_MAX];
    size_t retention_count, aggregation_count;
};

/* Adds "PREFIX 30d" ("*": all series, "forever": no end) to the retentions, or "PREFIX 1m 15m 1h 1d" to the
 * aggregations. BB_MALFORMED, BB_FULL; the reason says what is wrong. */
BB_MUST_CHECK enum status rules_retention(struct rules *rules, const char *line, struct bb_reason *reason);
BB_MUST_CHECK enum status rules_aggregation(struct rules *rules, const char *line, struct bb_reason *reason);

/* For how long readings of the series are kept, µs; 0: for ever. The longest prefix counts. */
int64_t rules_keep_us(const struct rules *rules, struct bytes series);

/* The periods of its aggregates, as bits. The longest prefix counts. */
unsigned rules_periods(const struct rules *rules, struct bytes series);

#endif

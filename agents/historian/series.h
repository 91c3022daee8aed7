/* The series that are known: their names, what is said of them, and their numbers at the target. A table by
 * name, bounded. */
#ifndef AGENTS_HISTORIAN_SERIES_H
#define AGENTS_HISTORIAN_SERIES_H

#include "agents/historian/rules.h"

struct series {
    char *name, *meta; /* malloc'd; meta: a JSON object, "" when nothing is known */
    size_t name_size;
    uint64_t hash;
    int64_t id;       /* at the target; 0: not there yet */
    unsigned periods; /* that are aggregated, as bits */
    int64_t keep_us;
    int64_t trimmed_us;                  /* what is older has been removed */
    int64_t position[AGGREGATE_PERIODS]; /* the old readings are marked for aggregation up to here */
    bool changed;                        /* meta is to be written */
};

/* A position: all are marked. And: nobody has looked yet. */
#define SERIES_COVERED   INT64_MAX
#define SERIES_UNCOVERED (-1)

struct series_table {
    struct series **all; /* in the order of their coming */
    size_t count, capacity, max;
    struct series **slots;
    size_t slot_count;
    uint64_t seed;
};

/* An empty table for at most `max` series. `seed`: unpredictable, against crafted collisions. */
void series_init(struct series_table *table, size_t max, uint64_t seed);
void series_free(struct series_table *table);

/* The series of a name; NULL: it is not known. */
struct series *series_find(const struct series_table *table, struct bytes name);

/* The same, made when it is not known (covered, id 0); NULL: the table is full. */
struct series *series_make(struct series_table *table, struct bytes name);

/* Sets what is said of it, when that is new. Empty: nothing is said, what is known stays. */
void series_describe(struct series *series, struct bytes meta);

/* Forgets all numbers at the target. */
void series_forget(struct series_table *table);

/* Names of the table that begin with `prefix`, sorted by their bytes: pointers into it, malloc'd. */
const struct series **series_sorted(const struct series_table *table, struct bytes prefix, size_t *count_out);

#endif

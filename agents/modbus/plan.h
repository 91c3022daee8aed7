/* How to read the points of a device with few reads: neighbours are read together, up to READ_MAX registers,
 * and over a gap of registers that nobody asked for when it is small enough. */
#ifndef AGENTS_MODBUS_PLAN_H
#define AGENTS_MODBUS_PLAN_H

#include "agents/modbus/point.h"

struct plan_read {
    enum point_table table;
    uint16_t address, count; /* 1 … READ_MAX */
    size_t first, points;    /* of its points in `order` */
};

struct plan {
    size_t *order; /* the points' places, by table and address; as many as there are points */
    struct plan_read *reads;
    size_t count;
};

/* Plans the reads for all points, over gaps of at most `gap` registers. BB_FULL: no memory. */
BB_MUST_CHECK enum status plan_make(const struct points *points, unsigned gap, struct plan *out);

/* Frees what a plan holds; a zeroed one is fine. */
void plan_free(struct plan *plan);

#endif

#include "agents/modbus/plan.h"

#include <stdlib.h>

static int compare(const void *a, const void *b, void *context)
{
    const struct point *list = context, *p = &list[*(const size_t *)a], *q = &list[*(const size_t *)b];
    if (p->table != q->table)
        return p->table < q->table ? -1 : 1;
    if (p->address != q->address)
        return p->address < q->address ? -1 : 1;
    return (p->count > q->count) - (p->count < q->count);
}

/* True when the point goes into the read, which then grows. */
static bool join(struct plan_read *read, const struct point *p, unsigned gap)
{
    unsigned end = (unsigned)read->address + read->count, point_end = (unsigned)p->address + p->count;
    if (p->table != read->table || p->address > end + gap || point_end - read->address > READ_MAX)
        return false;
    if (point_end > end)
        read->count = (uint16_t)(point_end - read->address);
    read->points++;
    return true;
}

enum status plan_make(const struct points *points, unsigned gap, struct plan *out)
{
    struct plan plan = {calloc(points->count + 1, sizeof *plan.order),
                        calloc(points->count + 1, sizeof *plan.reads), 0};
    if (plan.order == NULL || plan.reads == NULL) {
        plan_free(&plan);
        return BB_FULL;
    }
    for (size_t i = 0; i < points->count; i++)
        plan.order[i] = i;
    qsort_r(plan.order, points->count, sizeof *plan.order, compare, points->list);
    for (size_t i = 0; i < points->count; i++) {
        const struct point *p = &points->list[plan.order[i]];
        if (plan.count == 0 || !join(&plan.reads[plan.count - 1], p, gap))
            plan.reads[plan.count++] = (struct plan_read){p->table, p->address, p->count, i, 1};
    }
    *out = plan;
    return BB_OK;
}

void plan_free(struct plan *plan)
{
    free(plan->order);
    free(plan->reads);
    *plan = (struct plan){NULL, NULL, 0};
}

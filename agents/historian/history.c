#include "agents/historian/history.h"

#include "agents/historian/batch.h"

#include <busbar/check.h>
#include <stdlib.h>

/* Marks of one statement. */
#define MARKS_AT_ONCE 256
#define DAY_US        AGGREGATE_PERIOD_US[AGGREGATE_PERIODS - 1]

void history_init(struct history *h, const struct target_ops *ops, const struct target_settings *settings,
                  const struct rules *rules, size_t series_max, uint64_t seed)
{
    *h = (struct history){.ops = ops, .settings = settings, .rules = rules};
    series_init(&h->series, series_max, seed);
}

void history_disconnect(struct history *h)
{
    if (h->target != NULL)
        h->ops->close(h->target);
    h->target = NULL;
}

void history_free(struct history *h)
{
    history_disconnect(h);
    series_free(&h->series);
    free(h->points);
    h->points = NULL;
}

/* -- connecting ----------------------------------------------------------------------------------------- */

static void apply_rules(const struct history *h, struct series *s)
{
    struct bytes name = {(const uint8_t *)s->name, s->name_size};
    s->keep_us = rules_keep_us(h->rules, name);
    s->periods = h->ops->marks_put == NULL ? 0 : rules_periods(h->rules, name);
}

/* The series that the target has, in the order of their numbers. */
struct loading {
    struct history *history;
    struct series **by_id;
    size_t count, capacity;
};

static void on_series(void *context, int64_t id, const char *name, const char *meta)
{
    struct loading *l = context;
    struct series *s = series_make(&l->history->series, bytes_of(name));
    if (s == NULL || id <= 0)
        return;
    s->id = id;
    series_describe(s, bytes_of(meta));
    s->changed = false;
    apply_rules(l->history, s);
    for (int i = 0; i < AGGREGATE_PERIODS; i++)
        s->position[i] = SERIES_UNCOVERED;
    if (l->count == l->capacity) {
        l->capacity = l->capacity == 0 ? 1024 : l->capacity * 2;
        l->by_id = realloc(l->by_id, l->capacity * sizeof(struct series *));
        CHECK(l->by_id != NULL);
    }
    l->by_id[l->count++] = s;
}

static int by_id(const void *key, const void *entry)
{
    const int64_t *id = key;
    const struct series *const *s = entry;
    return *id < (*s)->id ? -1 : *id > (*s)->id;
}

static void on_position(void *context, int64_t series, int period, int64_t position)
{
    const struct loading *l = context;
    struct series **found =
        l->count == 0 ? NULL : bsearch(&series, l->by_id, l->count, sizeof(struct series *), by_id);
    if (found != NULL && period >= 0 && period < AGGREGATE_PERIODS)
        (*found)->position[period] = position;
}

enum status history_connect(struct history *h, struct bb_reason *reason)
{
    struct loading loading = {.history = h};
    enum status status = h->ops->open(h->settings, &h->target, reason);
    if (status != BB_OK)
        return status;
    series_forget(&h->series);
    h->backfill = h->trim = 0;
    if (h->ops->series_all != NULL) {
        status = h->ops->series_all(h->target, on_series, &loading, reason);
        if (status == BB_OK)
            status = h->ops->positions_all(h->target, on_position, &loading, reason);
    }
    free(loading.by_id);
    if (status != BB_OK)
        history_disconnect(h);
    return status;
}

/* -- writing -------------------------------------------------------------------------------------------- */

int64_t history_horizon(const struct series *series, int64_t now_us)
{
    if (series->keep_us == 0 || series->keep_us >= now_us)
        return 0;
    return aggregate_start(now_us - series->keep_us, DAY_US);
}

/* The batches on their way into points. */
struct unpacking {
    struct history *history;
    struct series **local; /* by the number in the batch; NULL: not taken */
    size_t local_capacity, local_count;
    size_t points;
    uint64_t too_old, too_many;
    int64_t now_us;
};

static void learn_series(struct unpacking *u, const struct batch_entry *entry)
{
    struct history *h = u->history;
    if (u->local_count == u->local_capacity) {
        u->local_capacity = u->local_capacity == 0 ? 256 : u->local_capacity * 2;
        u->local = realloc(u->local, u->local_capacity * sizeof(struct series *));
        CHECK(u->local != NULL);
    }
    size_t before = h->series.count;
    struct series *s = series_make(&h->series, entry->name);
    if (s != NULL && h->series.count > before)
        apply_rules(h, s);
    if (s != NULL)
        series_describe(s, entry->meta);
    u->local[u->local_count++] = s;
}

static void take_point(struct unpacking *u, const struct batch_entry *entry)
{
    struct history *h = u->history;
    struct series *s = u->local[entry->series];
    if (s == NULL) {
        u->too_many++;
        return;
    }
    if (s->keep_us != 0 && entry->time_us < history_horizon(s, u->now_us)) {
        u->too_old++;
        return;
    }
    if (u->points == h->point_capacity) {
        h->point_capacity = h->point_capacity == 0 ? 4096 : h->point_capacity * 2;
        h->points = realloc(h->points, h->point_capacity * sizeof *h->points);
        CHECK(h->points != NULL);
    }
    h->points[u->points] = (struct point){s, entry->time_us, u->points, entry->value};
    u->points++;
}

static enum status unpack(struct unpacking *u, struct bytes batch)
{
    struct batch_reader reader;
    struct batch_entry entry;
    enum status status = batch_open(batch, &reader);
    u->local_count = 0;
    while (status == BB_OK && (status = batch_next(&reader, &entry)) == BB_OK) {
        if (entry.is_series)
            learn_series(u, &entry);
        else
            take_point(u, &entry);
    }
    return status == BB_NOT_FOUND ? BB_OK : status;
}

/* By series, then time, then their coming. A series without a number has its place by its address. */
static int by_place(const void *a, const void *b)
{
    const struct point *left = a, *right = b;
    if (left->series->id != right->series->id)
        return left->series->id < right->series->id ? -1 : 1;
    if (left->series != right->series)
        return left->series < right->series ? -1 : 1;
    if (left->time_us != right->time_us)
        return left->time_us < right->time_us ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

/* Sorts the points, and keeps the last of those with the same series and time. */
static size_t arrange(struct point *points, size_t count)
{
    size_t kept = 0;
    qsort(points, count, sizeof *points, by_place);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || points[i].series != points[i + 1].series ||
            points[i].time_us != points[i + 1].time_us)
            points[kept++] = points[i];
    return kept;
}

/* Makes the series of points[count] that the target does not know, and tells it what is new of others. */
static enum status put_series(struct history *h, size_t count, struct bb_reason *reason)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < count && status == BB_OK; i++) {
        struct series *s = h->points[i].series;
        bool fresh = s->id == 0;
        if (!fresh && !s->changed)
            continue;
        status = h->ops->series_put(h->target, s, &s->id, reason);
        s->changed = status != BB_OK;
        for (int p = 0; p < AGGREGATE_PERIODS && fresh && status == BB_OK; p++)
            if ((s->periods >> p & 1) != 0) {
                s->position[p] = SERIES_COVERED;
                status = h->ops->position_put(h->target, s->id, p, SERIES_COVERED, reason);
            }
    }
    return status;
}

/* Marks on their way to the target. */
struct marking {
    struct mark marks[MARKS_AT_ONCE];
    size_t count;
};

static enum status put_mark(struct history *h, struct marking *m, const struct mark *mark,
                            struct bb_reason *reason)
{
    enum status status = BB_OK;
    if (m->count == MARKS_AT_ONCE) {
        status = h->ops->marks_put(h->target, m->marks, m->count, reason);
        m->count = 0;
    }
    m->marks[m->count++] = *mark;
    return status;
}

/* Marks the periods of points[count], which are sorted: each once. */
static enum status put_marks(struct history *h, size_t count, struct bb_reason *reason)
{
    enum status status = BB_OK;
    struct mark last[AGGREGATE_PERIODS] = {{0}};
    struct marking marking = {.count = 0};
    for (size_t i = 0; i < count && status == BB_OK; i++) {
        const struct point *point = &h->points[i];
        for (int p = 0; p < AGGREGATE_PERIODS && status == BB_OK; p++) {
            struct mark mark = {point->series->id, p,
                                aggregate_start(point->time_us, AGGREGATE_PERIOD_US[p])};
            bool same = mark.series == last[p].series && mark.start_us == last[p].start_us;
            if ((point->series->periods >> p & 1) == 0 || same)
                continue;
            last[p] = mark;
            status = put_mark(h, &marking, &mark, reason);
        }
    }
    return status == BB_OK ? h->ops->marks_put(h->target, marking.marks, marking.count, reason) : status;
}

static enum status write_points(struct history *h, size_t count, struct bb_reason *reason)
{
    enum status status = h->ops->begin(h->target, reason);
    if (status == BB_OK && h->ops->series_put != NULL)
        status = put_series(h, count, reason);
    if (status == BB_OK)
        count = arrange(h->points, count);
    if (status == BB_OK)
        status = h->ops->readings_put(h->target, h->points, count, reason);
    if (status == BB_OK && h->ops->marks_put != NULL)
        status = put_marks(h, count, reason);
    if (status == BB_OK)
        status = h->ops->commit(h->target, reason);
    if (status == BB_OK)
        h->written += count;
    else
        h->ops->rollback(h->target);
    return status;
}

enum status history_write(struct history *h, const struct bytes *batches, size_t count, int64_t now_us,
                          struct bb_reason *reason)
{
    struct unpacking u = {.history = h, .now_us = now_us};
    enum status status = BB_OK;
    for (size_t i = 0; i < count && status == BB_OK; i++)
        status = unpack(&u, batches[i]);
    free(u.local);
    if (status != BB_OK)
        bb_reason_say(reason, "a batch of the spool is damaged");
    else if (u.points > 0)
        status = write_points(h, u.points, reason);
    if (status == BB_OK) {
        h->too_old += u.too_old;
        h->too_many += u.too_many;
    }
    return status;
}

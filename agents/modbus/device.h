/* One device: read at its interval, published, lost and found again. */
#ifndef AGENTS_MODBUS_DEVICE_H
#define AGENTS_MODBUS_DEVICE_H

#include "agents/modbus/answer.h"
#include "agents/modbus/line.h"
#include "agents/modbus/plan.h"
#include "agents/modbus/settings.h"
#include "agents/modbus/sunspec.h"

#include <busbar/limits.h>

struct agent;
struct hold;

enum device_state { DEVICE_NEW, DEVICE_UP, DEVICE_LOST };

struct device {
    struct agent *agent;
    size_t index;
    const struct settings_device *settings;
    struct line *line; /* borrowed */
    struct points points;
    struct plan plan;
    unsigned gap;
    uint32_t generation;              /* of points and plan: answers to older ones mean nothing */
    struct sunspec_walk walk, walked; /* on its way; the last one that was taken */
    bool unknown;                     /* its models are to be walked over first */
    enum device_state state;
    char reason[256]; /* why it is lost */
    bool busy;        /* a scrape is under way */
    int timer;
    int64_t due_ms, backoff_ms;
    struct hold **holds; /* by point; NULL: nothing set */
    bool reverting;
    int64_t reverted_ms;                        /* when putting back was tried last */
    char task[256], owner[BB_IDENTITY_MAX + 1]; /* who holds it, as far as is announced */
    uint64_t scrapes, failures, skipped, refused;
};

/* Reads its registry and plans; the device is at rest. `device` has agent, index, settings and line. */
BB_MUST_CHECK enum status device_open(struct device *device, struct bb_reason *reason);

/* Begins to scrape. */
void device_start(struct device *device);

/* Ends that. */
void device_stop(struct device *device);

/* Frees what it holds; its line is closed already. */
void device_close(struct device *device);

/* Reads all of it now, for an answer. */
void device_read(struct device *device, struct answer *answer);

/* A job for it, with room for `count` steps. NULL: no memory. */
struct job *device_job(struct device *device, size_t count);

/* Writes {"units","tz","type"} of a point. */
void device_meta(const struct device *device, const struct point *point, FILE *to);

/* Its state as JSON: the answer of `status`. */
void device_status(const struct device *device, FILE *to);

#endif

/* The state behind durable_service.h, shared by its two halves: holding publishes (durable_service.c) and the
 * methods (durable_methods.c). */
#ifndef BUS_DURABLE_STATE_H
#define BUS_DURABLE_STATE_H

#include "bus/durable/reader.h"
#include "bus/durable_service.h"

/* Who waits for a message: one call for each name. */
struct durable_waiting {
    uint64_t ticket; /* 0: free */
    struct durable_name name;
    uint64_t after;
    uint32_t max;
    int64_t until_ms;
    bool due; /* a message for it has come */
};

struct durable {
    struct broker *broker;
    struct durable_policy policies[DURABLE_POLICIES_MAX];
    size_t policy_count;
    struct durable_writer *writer;
    struct durable_reader *reader;
    uint32_t held;
    size_t held_bytes;
    uint64_t kept, refused;
    bool failing; /* the last batch could not be written */
    struct durable_waiting waiting[DURABLE_NAMES_MAX];
    uint32_t waiting_count;
};

/* Answers a call that changed a name, and frees it. */
void durable_methods_done(struct durable *durable, struct durable_job *job);

/* Answers whoever waits and is due, or has waited long enough. */
void durable_methods_wake(struct durable *durable);

#endif

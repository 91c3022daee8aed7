/* The durable messages in a SQLite file: appended in batches, each on the disk when its commit returns; read
 * by offset; let go by the bounds of their policy. An offset is given once and never again. The bus's other
 * place that knows SQLite is bus/configs.
 *
 * A log is used by one thread; a reader by one thread, which may be another. */
#ifndef BUS_DURABLE_LOG_H
#define BUS_DURABLE_LOG_H

#include "bus/durable/policy.h"

/* Rows that one trim takes at most. */
#define DURABLE_TRIM_MAX 1000

struct durable_log;
struct durable_reader;

/* Headers and message are JSON texts. */
struct durable_message {
    uint64_t offset;
    int64_t time_ms;
    struct bytes topic, sender, headers, message;
};

/* What is kept of one policy. */
struct durable_stream {
    int64_t id;
    struct durable_policy policy;
    uint64_t messages, bytes, trimmed;
};

/* Where a named subscriber is to begin. */
enum durable_from {
    DURABLE_FROM_HERE,
    DURABLE_FROM_START,
    DURABLE_FROM_NOW,
    DURABLE_FROM_OFFSET,
    DURABLE_FROM_TIME
};

/* Opens or makes the file, mode 0600. BB_IO, BB_MALFORMED (no such database, or damaged), BB_VERSION (of a
 * newer Busbar), BB_FULL; the reason names the file. */
BB_MUST_CHECK enum status durable_log_open(const char *path, const struct durable_policy *policies,
                                           size_t count, struct durable_log **out, struct bb_reason *reason);

/* Accepts NULL. */
void durable_log_close(struct durable_log *log);

/* Begins a batch; durable_log_end makes it durable. Everything below happens in a batch. BB_IO, BB_FULL. */
BB_MUST_CHECK enum status durable_log_begin(struct durable_log *log, struct bb_reason *reason);

/* Ends the batch: on the disk when it returns BB_OK. Otherwise (and when `keep` is false) nothing of it
 * happened. */
BB_MUST_CHECK enum status durable_log_end(struct durable_log *log, bool keep, struct bb_reason *reason);

/* Appends a message, whose offset is given here; its time never runs backwards. BB_NOT_FOUND: no policy. */
BB_MUST_CHECK enum status durable_log_append(struct durable_log *log, struct durable_message *message,
                                             struct bb_reason *reason);

/* Makes `name` (name, key, prefixes, created_ms) or changes its prefixes, and moves it as `from` and `value`
 * (an offset, or milliseconds since 1970) say. BB_RANGE: too many names. */
BB_MUST_CHECK enum status durable_log_register(struct durable_log *log, const struct durable_name *name,
                                               enum durable_from from, int64_t value,
                                               struct bb_reason *reason);

/* `name` has everything up to `offset`. BB_NOT_FOUND: no such name. BB_RANGE: no such offset yet. */
BB_MUST_CHECK enum status durable_log_acknowledge(struct durable_log *log, const char *name, uint64_t offset,
                                                  struct bb_reason *reason);

/* Forgets a name. BB_NOT_FOUND. */
BB_MUST_CHECK enum status durable_log_drop(struct durable_log *log, const char *name,
                                           struct bb_reason *reason);

/* Lets go what is beyond its policy's bounds, at most DURABLE_TRIM_MAX messages; *trimmed_out: how many. What
 * a name had not acknowledged is counted as lost to it. */
BB_MUST_CHECK enum status durable_log_trim(struct durable_log *log, int64_t now_ms, uint32_t *trimmed_out,
                                           struct bb_reason *reason);

/* The names and streams as they are, and the last offset given; borrowed until the next call. */
const struct durable_name *durable_log_names(const struct durable_log *log, size_t *count_out);
const struct durable_stream *durable_log_streams(const struct durable_log *log, size_t *count_out);
uint64_t durable_log_last(const struct durable_log *log);

#endif

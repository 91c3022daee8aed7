/* The configuration of historian-agent, checked as a whole. */
#ifndef AGENTS_HISTORIAN_SETTINGS_H
#define AGENTS_HISTORIAN_SETTINGS_H

#include "agents/historian/target.h"
#include "bus/client/config.h"

struct settings {
    char *identity, *address, *home;
    int64_t heartbeat_ms;
    struct setting_list topics;
    char *durable, *durable_from;
    int target; /* the place in SETTINGS_TARGETS */
    char *database;
    char *connection, *url, *influx_database, *bucket, *organisation, *username, *secret_file;
    int64_t timeout_ms, retry_min_ms, retry_max_ms;
    int64_t batch_readings, batch_ms;
    char *cache;
    int64_t cache_bytes, memory_bytes, series_max;
    struct setting_list retention, aggregation;
};

extern const struct config settings_config;

/* The targets, in the order of the words of `target`. */
extern const struct target_ops *const SETTINGS_TARGETS[];

/* Reads the rules, refuses settings that do not go together, and makes the paths of files absolute (relative
 * ones are below the home). BB_MALFORMED, BB_RANGE, BB_NOT_FOUND. */
BB_MUST_CHECK enum status settings_check(struct settings *settings, struct rules *rules_out,
                                         struct bb_reason *reason);

/* The first line of the secret file, malloc'd; "" when there is none. BB_NOT_FOUND, BB_IO, BB_DENIED (others
 * can read it), BB_RANGE (empty, or longer than 1000 bytes). */
BB_MUST_CHECK enum status settings_secret(const struct settings *settings, struct bb_reason *reason,
                                          char **out);

/* How the target is found; all is borrowed. */
struct target_settings settings_target(const struct settings *settings, const char *secret);

#endif

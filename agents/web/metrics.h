/* The metrics as text for Prometheus. Source: OpenMetrics 1.0. */
#ifndef AGENTS_WEB_METRICS_H
#define AGENTS_WEB_METRICS_H

#include "agents/web/model/overview.h"
#include "agents/web/server.h"
#include "agents/web/stream_client.h"

#define METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* What is told. */
struct metrics {
    struct server_counts server;
    struct stream_counts stream;
    struct overview overview;
    double uptime_s, cpu_s;
    int64_t resident_bytes;
};

/* The text, malloc'd; NULL: the memory ran out. */
char *metrics_text(const struct metrics *metrics);

#endif

/* The HTTP server: a listening socket, libmicrohttpd in the loop of the process, and what holds for every
 * request: limits, roles, headers. */
#ifndef AGENTS_WEB_SERVER_H
#define AGENTS_WEB_SERVER_H

#include "agents/web/gate.h"
#include "agents/web/router.h"

#include <busbar/loop.h>
#include <busbar/reason.h>

struct server;

#define SERVER_TABLES_MAX 4

struct server_options {
    struct bb_loop *loop;
    int socket; /* listening; closed by the server */
    struct gate *gate;
    struct router_table tables[SERVER_TABLES_MAX];
    size_t table_count;
    exchange_handler *otherwise; /* GET of a path that is in no table: files */
    unsigned connections, connections_per_address;
    unsigned header_ms, idle_ms;   /* until the headers are there; until something moves */
    const char *certificate, *key; /* PEM; NULL: no TLS */
};

struct server_counts {
    uint64_t requests, refused, answers[6]; /* by hundreds of the status; 0: cut */
    uint64_t connections, cut;              /* so far; cut: for being slow */
    unsigned open;                          /* connections now */
};

/* Begins to serve; the options' tables are copied. BB_IO, BB_FULL, BB_MALFORMED (certificate or key). */
BB_MUST_CHECK enum status server_open(const struct server_options *options, struct bb_reason *reason,
                                      struct server **out);

/* Answers what waits with 503, cuts what streams, and ends. Handlers that have not answered must not do so
 * any more. Accepts NULL. */
void server_close(struct server *server);

/* What it has done so far. */
struct server_counts server_counts(const struct server *server);

/* For exchange.c: an exchange whose client has gone has been answered. */
void server_forget(struct exchange *exchange);

#endif

/* Which route a request is for. Pure. */
#ifndef AGENTS_WEB_ROUTER_H
#define AGENTS_WEB_ROUTER_H

#include "agents/web/exchange.h"
#include "agents/web/request.h"

#define ROUTER_PARTS_MAX 4
/* Room for "GET, HEAD, POST". */
#define ROUTER_ALLOW_SIZE 32

/* Routes whose handlers get one context. */
struct router_table {
    const struct route *routes;
    size_t count;
    void *context;
};

enum router_verdict {
    ROUTER_FOUND,
    ROUTER_NO_PATH,  /* 404 */
    ROUTER_NO_METHOD /* 405: allow_out says what there is */
};

struct router_match {
    const struct route *route;
    void *context;
    const char *parts[ROUTER_PARTS_MAX]; /* borrowed from the request */
    size_t part_count;
    char allow[ROUTER_ALLOW_SIZE]; /* with ROUTER_NO_METHOD: the value of the header Allow */
};

/* Looks in all tables, in their order; the first route of the path and the method wins. HEAD is served by the
 * routes for GET. */
enum router_verdict router_find(const struct router_table *tables, size_t count, const char *method,
                                const struct request *request, struct router_match *out);

#endif

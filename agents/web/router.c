#include "agents/web/router.h"

/* True when the request's path is of the pattern; the placeholders go to `match`. */
static bool fits(const char *pattern, const struct request *request, struct router_match *match)
{
    size_t at = 0;
    match->part_count = 0;
    for (const char *p = pattern + 1; *p != '\0'; at++) {
        size_t length = strcspn(p, "/");
        if (at == request->segment_count)
            return false;
        const char *segment = request->segments[at];
        if (*p == '{') {
            if (*segment == '\0' || match->part_count == ROUTER_PARTS_MAX)
                return false;
            match->parts[match->part_count++] = segment;
        } else if (strlen(segment) != length || memcmp(segment, p, length) != 0) {
            return false;
        }
        p += length + (p[length] == '/');
    }
    return at == request->segment_count;
}

static void allow(struct router_match *match, bool get, bool post)
{
    const char *text = get && post ? "GET, HEAD, POST" : get ? "GET, HEAD" : "POST";
    memcpy(match->allow, text, strlen(text) + 1);
}

enum router_verdict router_find(const struct router_table *tables, size_t count, const char *method,
                                const struct request *request, struct router_match *out)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    bool get = false, post = false;
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++) {
            const struct route *route = &tables[t].routes[i];
            if (!fits(route->pattern, request, out))
                continue;
            if (strcmp(route->method, wanted) == 0) {
                out->route = route;
                out->context = tables[t].context;
                return ROUTER_FOUND;
            }
            get = get || strcmp(route->method, "GET") == 0;
            post = post || strcmp(route->method, "POST") == 0;
        }
    if (!get && !post)
        return ROUTER_NO_PATH;
    allow(out, get, post);
    return ROUTER_NO_METHOD;
}

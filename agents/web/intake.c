/* Requests as they come in: what they must be like before a handler sees them. */
#include "agents/web/intake.h"

#include "agents/web/server_state.h"

#include "bus/client/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* A client reads its answer within this time; streams are excepted. */
#define ANSWER_MS 120000

void *intake_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct server *server = context;
    struct exchange *x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    *x = (struct exchange){.server = server, .connection = connection, .next = server->exchanges};
    if (strnlen(target, REQUEST_TARGET_MAX + 1) <= REQUEST_TARGET_MAX)
        x->target = strdup(target);
    if (x->next != NULL)
        x->next->previous = x;
    server->exchanges = x;
    return x;
}

static const char *header(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

static void client_address(const struct exchange *x, char *text, size_t size)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info == NULL ? NULL : info->client_addr;
    *text = '\0';
    if (address != NULL && address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, text,
                  (socklen_t)size);
    else if (address != NULL && address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, text,
                  (socklen_t)size);
}

static void refuse(struct exchange *x, const struct gate_answer *answer)
{
    char seconds[16];
    exchange_fail(x, answer->http_status, answer->code, "%s", answer->text);
    if (answer->http_status == 401)
        exchange_header(x->response, "WWW-Authenticate", "Bearer realm=\"busbar\"");
    snprintf(seconds, sizeof seconds, "%u", answer->retry_s);
    if (answer->retry_s > 0)
        exchange_header(x->response, "Retry-After", seconds);
}

/* Takes the target apart. */
static bool parse(struct exchange *x)
{
    x->request = malloc(sizeof *x->request);
    enum request_fault fault = x->target == NULL    ? REQUEST_LONG
                               : x->request == NULL ? REQUEST_FORM
                                                    : request_parse(bytes_of(x->target), x->request);
    if (fault == REQUEST_FINE)
        return true;
    exchange_fail(x, fault == REQUEST_LONG ? 414 : 400, "bad-address", "%s", request_fault_text(fault));
    return false;
}

static bool find_route(struct exchange *x, const char *method)
{
    static const struct route files = {"GET", "/", ROLE_NONE, NULL, ""};
    const struct server_options *o = &x->server->options;
    bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    switch (router_find(o->tables, o->table_count, method, x->request, &x->match)) {
    case ROUTER_FOUND:
        return true;
    case ROUTER_NO_METHOD:
        exchange_fail(x, 405, "method", "%s does not take %.32s, but %s", exchange_path(x), method,
                      x->match.allow);
        exchange_header(x->response, "Allow", x->match.allow);
        return false;
    case ROUTER_NO_PATH:
        break;
    }
    if (reads && strcmp(x->request->segment_count > 0 ? x->request->segments[0] : "", "api") != 0) {
        x->match.route = &files;
        return true;
    }
    exchange_fail(x, 404, "not-found", "there is no %.200s here", exchange_path(x));
    return false;
}

static bool type_is_json(const char *type)
{
    static const char json[] = "application/json";
    if (type == NULL || strncasecmp(type, json, sizeof json - 1) != 0)
        return false;
    const char *rest = type + sizeof json - 1;
    rest += strspn(rest, " ");
    return *rest == '\0' || strcasecmp(rest, ";charset=utf-8") == 0 ||
           strcasecmp(rest, "; charset=utf-8") == 0;
}

static bool body_fits(struct exchange *x, bool post)
{
    const char *length = header(x, "Content-Length"), *coding = header(x, "Transfer-Encoding");
    unsigned long long size = length == NULL ? 0 : strtoull(length, NULL, 10);
    if (!post && (size > 0 || coding != NULL))
        exchange_fail(x, 400, "body", "only a POST has a body");
    else if (post && (length == NULL || coding != NULL))
        exchange_fail(x, 411, "length",
                      "a POST says how long it is: Content-Length, and no Transfer-Encoding");
    else if (post && size > EXCHANGE_BODY_MAX)
        exchange_fail(x, 413, "too-large", "a body has at most %d bytes", EXCHANGE_BODY_MAX);
    else if (post && !type_is_json(header(x, "Content-Type")))
        exchange_fail(x, 415, "type", "a body is of the type application/json");
    else
        return true;
    return false;
}

/* Headers that say who is asked, by whom, and where the request ends: others on the way may believe another
 * one of two. */
static const char *const singles[] = {"Host",         "Content-Length", "Transfer-Encoding",
                                      "Content-Type", "Origin",         "Authorization"};
#define SINGLES (sizeof singles / sizeof *singles)

struct headers_seen {
    const char *twice; /* NULL: none */
    bool seen[SINGLES];
};

static enum MHD_Result see_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct headers_seen *headers = context;
    (void)kind;
    (void)value;
    for (size_t i = 0; i < SINGLES; i++) {
        if (strcasecmp(name, singles[i]) != 0)
            continue;
        if (headers->seen[i])
            headers->twice = singles[i];
        headers->seen[i] = true;
    }
    return headers->twice == NULL ? MHD_YES : MHD_NO;
}

static bool headers_fit(struct exchange *x)
{
    struct headers_seen headers = {.twice = NULL};
    (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, see_header, &headers);
    if (headers.twice == NULL)
        return true;
    exchange_fail(x, 400, "headers", "the header %s is there twice", headers.twice);
    return false;
}

/* Everything that can be said of a request when its headers are there. */
static void examine(struct exchange *x, const char *method)
{
    bool post = strcmp(method, "POST") == 0;
    char address[INET6_ADDRSTRLEN];
    x->head = strcmp(method, "HEAD") == 0;
    client_address(x, address, sizeof address);
    if (!headers_fit(x) || !parse(x) || !find_route(x, method))
        return;
    struct gate_question question = {
        .address = address,
        .host = header(x, "Host"),
        /* A wallet is of another origin; there it can only read. */
        .origin = strcmp(exchange_path(x), "/rpc") == 0 ? NULL : header(x, "Origin"),
        .authorization = header(x, "Authorization"),
        .ticket = strcmp(exchange_path(x), "/api/v1/events") == 0 ? exchange_query(x, "ticket") : NULL,
        .post = post,
        .role = x->match.route->role};
    struct gate_answer answer = gate_ask(x->server->options.gate, &question, bb_loop_mono_ms());
    if (answer.http_status != 0) {
        refuse(x, &answer);
        return;
    }
    x->role = answer.role;
    memcpy(x->user, answer.user, sizeof x->user);
    (void)body_fits(x, post);
}

static enum MHD_Result take_body(struct exchange *x, const char *data, size_t *size)
{
    if (*size > EXCHANGE_BODY_MAX - x->body_size)
        return MHD_NO;
    if (x->body_size + *size > x->body_room) {
        size_t room = x->body_size + *size > 4096 ? EXCHANGE_BODY_MAX : 4096;
        uint8_t *grown = realloc(x->body, room);
        if (grown == NULL)
            return MHD_NO;
        x->body = grown;
        x->body_room = room;
    }
    memcpy(x->body + x->body_size, data, *size);
    x->body_size += *size;
    *size = 0;
    return MHD_YES;
}

static void handle(struct exchange *x)
{
    exchange_handler *otherwise = x->server->options.otherwise;
    exchange_handler *handler = x->match.route->handler;
    x->phase = EXCHANGE_HANDLING;
    if (x->server->stopping)
        exchange_fail(x, 503, "stopping", "the server is being stopped");
    else if (!request_is_text(exchange_body(x)))
        exchange_fail(x, 400, "letters", "the body is not UTF-8, or holds a control character");
    else if (handler != NULL)
        handler(x->match.context, x);
    else
        otherwise(NULL, x);
}

static enum MHD_Result queue(struct exchange *x)
{
    struct server *server = x->server;
    struct MHD_Response *response = x->response;
    x->response = NULL;
    x->phase = EXCHANGE_QUEUED;
    server->counts.answers[response == NULL || x->status > 599 ? 0 : x->status / 100]++;
    server_deadline(x, x->streaming ? 0 : ANSWER_MS);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(x->connection, x->status, response);
    MHD_destroy_response(response);
    return result;
}

/* Who did what: everything that acts is in the log. */
static void tell(const struct exchange *x, const char *method)
{
    if (strcmp(method, "POST") == 0 && x->match.route != NULL)
        log_info("request", LOG_TEXT("path", x->request->path),
                 LOG_TEXT("user", x->user[0] == '\0' ? NULL : x->user), LOG_INT("status", x->status));
    else if (log_wants(LOG_LEVEL_DEBUG) && x->target != NULL)
        log_debug("request", LOG_TEXT("method", method), LOG_TEXT("target", x->target),
                  LOG_INT("status", x->status));
}

enum MHD_Result intake_request(void *context, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *data, size_t *size,
                               void **exchange)
{
    struct exchange *x = *exchange;
    (void)url;
    (void)version;
    (void)connection;
    (void)context;
    if (x == NULL)
        return MHD_NO;
    if (x->phase == EXCHANGE_NEW) {
        x->server->counts.requests++;
        server_deadline(x, x->server->options.header_ms);
        examine(x, method);
        if (x->phase == EXCHANGE_ANSWERED)
            x->server->counts.refused++;
        else
            x->phase = EXCHANGE_READING;
    } else if (x->phase == EXCHANGE_READING && *size > 0) {
        return take_body(x, data, size);
    } else if (x->phase == EXCHANGE_READING) {
        server_deadline(x, 0);
        handle(x);
        if (x->phase == EXCHANGE_HANDLING) {
            x->phase = EXCHANGE_WAITING;
            MHD_suspend_connection(x->connection);
        }
    }
    if (x->phase != EXCHANGE_ANSWERED)
        return MHD_YES;
    tell(x, method);
    return queue(x);
}

void intake_completed(void *context, struct MHD_Connection *connection, void **exchange,
                      enum MHD_RequestTerminationCode why)
{
    struct exchange *x = *exchange;
    (void)context;
    (void)connection;
    (void)why;
    *exchange = NULL;
    if (x == NULL)
        return;
    server_deadline(x, x->server->options.idle_ms);
    x->connection = NULL;
    if (x->phase != EXCHANGE_HANDLING && x->phase != EXCHANGE_WAITING)
        server_forget(x);
}

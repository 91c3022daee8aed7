/* One request and its answer, as the handlers of routes see them: no library's types, no sockets.
 *
 * A handler answers exactly once, in the call or later (a question to a peer takes its time); whether the
 * client is still there then is not its affair. What a handler gets has been checked: the path and the query
 * are UTF-8 without control characters, the body of a POST is UTF-8 of the type application/json, at most
 * EXCHANGE_BODY_MAX bytes, and the client may do what the route's role says. */
#ifndef AGENTS_WEB_EXCHANGE_H
#define AGENTS_WEB_EXCHANGE_H

#include <busbar/bytes.h>

#define EXCHANGE_BODY_MAX 65536

struct exchange;

/* What a token allows; each role may do what those before it may. */
enum role { ROLE_NONE, ROLE_VIEWER, ROLE_OPERATOR };

typedef void exchange_handler(void *context, struct exchange *exchange);

/* A row of the server's table. `role` ROLE_NONE: anybody who reaches the server. */
struct route {
    const char *method;  /* "GET" (HEAD follows from it) or "POST" */
    const char *pattern; /* "/api/v1/agents/{name}/start"; a placeholder stands for one whole segment */
    enum role role;
    exchange_handler *handler;
    const char *help; /* one sentence, for docs/http-api.md */
};

/* The decoded path, without the query. */
const char *exchange_path(const struct exchange *exchange);

/* The first value of a parameter of the query, decoded; NULL: not there. */
const char *exchange_query(const struct exchange *exchange, const char *name);

/* The n-th placeholder of the route's pattern, from 0, decoded. */
const char *exchange_part(const struct exchange *exchange, unsigned n);

/* The body of a POST; empty otherwise. */
struct bytes exchange_body(const struct exchange *exchange);

/* The name of the client's token, for the log and the alarms; "" without one. */
const char *exchange_user(const struct exchange *exchange);

/* Answers with a JSON document (malloc'd, taken). NULL: the memory ran out, 500. */
void exchange_json(struct exchange *exchange, unsigned http_status, char *json);

/* Answers with a text of another type (malloc'd, taken), `content_type` of static storage. */
void exchange_text(struct exchange *exchange, unsigned http_status, const char *content_type, char *text);

/* Answers {"error":{"code","text"}}; the text is printf-like and is cut at 511 bytes. */
void exchange_fail(struct exchange *exchange, unsigned http_status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif

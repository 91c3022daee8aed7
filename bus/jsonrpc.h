/* JSON-RPC 2.0 as VOLTTRON's agents speak it: reading what came, writing what goes, and giving a method's
 * arguments their names. Parameters come as a list, as an object, or as both in
 * {"*args":[…],"**kwargs":{…}}. Nothing is sent here. Source: JSON-RPC 2.0; VOLTTRON's dispatcher. */
#ifndef BUS_JSONRPC_H
#define BUS_JSONRPC_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <jansson.h>
#include <stdbool.h>

/* Parameters of one method. */
#define JSONRPC_PARAMETERS_MAX 8

enum jsonrpc_code {
    JSONRPC_PARSE_ERROR = -32700,
    JSONRPC_INVALID_REQUEST = -32600,
    JSONRPC_NO_METHOD = -32601,
    JSONRPC_INVALID_PARAMS = -32602,
    JSONRPC_FAILED = -32000,      /* the method itself: VOLTTRON's "unhandled exception" */
    JSONRPC_UNAUTHORIZED = -32001 /* VOLTTRON's number */
};

enum jsonrpc_kind { JSONRPC_REQUEST, JSONRPC_RESULT, JSONRPC_ERROR, JSONRPC_INVALID };

/* A message that was read. All is borrowed from it. */
struct jsonrpc_message {
    enum jsonrpc_kind kind;
    json_t *id; /* NULL: a notification, or an answer to nothing */
    const char *method;
    json_t *params;  /* NULL: none */
    json_t *answer;  /* the result, or the error object */
    const char *why; /* JSONRPC_INVALID: what is wrong */
};

enum jsonrpc_type { JSONRPC_TEXT, JSONRPC_BOOL, JSONRPC_INTEGER, JSONRPC_OBJECT, JSONRPC_LIST, JSONRPC_ANY };

/* One parameter of a method; an optional one may also be null. A table ends with a NULL name. */
struct jsonrpc_parameter {
    const char *name;
    enum jsonrpc_type type;
    bool optional;
};

/* Takes one message apart. */
struct jsonrpc_message jsonrpc_read(json_t *message);

/* Puts the values of `params` (NULL: none) at the places of their parameters:
 * arguments[JSONRPC_PARAMETERS_MAX], borrowed, NULL where nothing or null was given for an optional one.
 * BB_RANGE: too many, unknown, given twice, missing or of another type; the reason says which. */
BB_MUST_CHECK enum status jsonrpc_bind(const struct jsonrpc_parameter *parameters, json_t *params,
                                       json_t **arguments_out, struct bb_reason *reason);

/* What VOLTTRON's `<method>.inspect` answers, new. */
json_t *jsonrpc_inspect(const struct jsonrpc_parameter *parameters);

/* The texts of messages, malloc'd. `id` may be NULL (null); `result`, `params` and `data` are taken over and
 * may be NULL: null, none, none. NULL when a value cannot be written. */
char *jsonrpc_result_text(json_t *id, json_t *result);
char *jsonrpc_error_text(json_t *id, int code, const char *message, json_t *data);
char *jsonrpc_request_text(const char *id, const char *method, json_t *params);

#endif

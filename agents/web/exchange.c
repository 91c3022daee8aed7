#include "agents/web/exchange_state.h"

#include "agents/web/server_state.h"

#include <busbar/check.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Of all answers that are on their way; small ones go in any case. */
#define CARRIED_BYTES (64u << 20)
#define SMALL_BYTES   65536

const char *exchange_path(const struct exchange *exchange)
{
    return exchange->request->path;
}

const char *exchange_query(const struct exchange *exchange, const char *name)
{
    return request_param(exchange->request, name);
}

const char *exchange_part(const struct exchange *exchange, unsigned n)
{
    CHECK(n < exchange->match.part_count);
    return exchange->match.parts[n];
}

struct bytes exchange_body(const struct exchange *exchange)
{
    return (struct bytes){exchange->body, exchange->body_size};
}

const char *exchange_user(const struct exchange *exchange)
{
    return exchange->user;
}

void exchange_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (response != NULL)
        (void)!MHD_add_response_header(response, name, value);
}

/* What every answer says: nothing of another origin is loaded, nobody frames it, nobody guesses its type. */
static void add_headers(struct MHD_Response *response)
{
    static const char *const headers[][2] = {
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
         "font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
         "frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        exchange_header(response, headers[i][0], headers[i][1]);
    if (MHD_get_response_header(response, "Cache-Control") == NULL)
        exchange_header(response, "Cache-Control", "no-store");
}

void exchange_answer(struct exchange *exchange, unsigned http_status, struct MHD_Response *response)
{
    CHECK(exchange->phase < EXCHANGE_ANSWERED);
    bool waiting = exchange->phase == EXCHANGE_WAITING;
    exchange->phase = EXCHANGE_ANSWERED;
    exchange->status = http_status;
    exchange->response = response;
    if (response != NULL)
        add_headers(response);
    if (exchange->connection == NULL) {
        server_forget(exchange);
    } else if (waiting) {
        MHD_resume_connection(exchange->connection);
        server_stir(exchange->server);
    }
}

/* A text on its way to a client: its bytes count among the server's until the last has left. */
struct load {
    uint64_t *carried;
    size_t size;
    char *text;
};

static void put_down(void *context)
{
    struct load *load = context;
    *load->carried -= load->size;
    free(load->text);
    free(load);
}

/* A response with this text (malloc'd, taken). NULL: the memory ran out. */
static struct MHD_Response *make_response(struct exchange *exchange, const char *content_type, char *text)
{
    struct load *load = text == NULL ? NULL : malloc(sizeof *load);
    if (load == NULL) {
        free(text);
        return NULL;
    }
    *load = (struct load){&exchange->server->carried, strlen(text), text};
    *load->carried += load->size;
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback_cls(load->size, text, put_down, load);
    if (response == NULL)
        put_down(load);
    exchange_header(response, "Content-Type", content_type);
    return response;
}

/* Clients that ask for much and read nothing could hold any amount of memory otherwise. */
static bool can_carry(const struct exchange *exchange, size_t size)
{
    return size <= SMALL_BYTES || exchange->server->carried + size <= CARRIED_BYTES;
}

void exchange_text(struct exchange *exchange, unsigned http_status, const char *content_type, char *text)
{
    if (text == NULL) {
        exchange_fail(exchange, 500, "memory", "the memory ran out");
    } else if (can_carry(exchange, strlen(text))) {
        exchange_answer(exchange, http_status, make_response(exchange, content_type, text));
    } else {
        free(text);
        exchange_fail(exchange, 503, "full", "too many large answers are on their way; try again");
    }
}

void exchange_json(struct exchange *exchange, unsigned http_status, char *json)
{
    exchange_text(exchange, http_status, "application/json", json);
}

void exchange_fail(struct exchange *exchange, unsigned http_status, const char *code, const char *format, ...)
{
    char text[512];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    /* A text that was cut within a letter, or quotes bytes that are none. */
    json_t *document = json_pack("{s:{s:s,s:s?}}", "error", "code", code, "text", text);
    if (document == NULL)
        document = json_pack("{s:{s:s,s:s}}", "error", "code", code, "text", code);
    char *json = document == NULL ? NULL : json_dumps(document, JSON_COMPACT);
    json_decref(document);
    struct MHD_Response *response = make_response(exchange, "application/json", json);
    /* Without memory for an answer the connection is cut. */
    exchange_answer(exchange, http_status, response);
}

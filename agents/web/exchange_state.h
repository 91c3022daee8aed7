/* The private members of an exchange, shared by exchange.c (the handlers' side), server.c and events.c. */
#ifndef AGENTS_WEB_EXCHANGE_STATE_H
#define AGENTS_WEB_EXCHANGE_STATE_H

#include "agents/web/exchange.h"
#include "agents/web/router.h"

#include <microhttpd.h>
#include <stdbool.h>

#define EXCHANGE_USER_SIZE 64

enum exchange_phase {
    EXCHANGE_NEW,      /* its headers are being read, or have just come */
    EXCHANGE_READING,  /* the body comes */
    EXCHANGE_HANDLING, /* the handler is at work; it has not returned */
    EXCHANGE_WAITING,  /* the connection is suspended until the answer is there */
    EXCHANGE_ANSWERED, /* the answer is made */
    EXCHANGE_QUEUED    /* and given to the library */
};

struct exchange {
    struct server *server;
    struct exchange *previous, *next;  /* in the server's list */
    struct MHD_Connection *connection; /* NULL: it is over, but the handler has not answered */
    enum exchange_phase phase;
    bool streaming; /* the answer is a stream of events */
    bool suspended; /* by its stream, which waits for news */
    bool head;      /* HEAD: the answer has no body */
    char *target;   /* as it came; NULL: too long */
    struct request *request;
    struct router_match match;
    enum role role;
    char user[EXCHANGE_USER_SIZE];
    uint8_t *body;
    size_t body_size, body_room;
    struct MHD_Response *response;
    unsigned status;
};

/* Puts an answer in place, with the headers that every answer has, and lets a suspended connection go on. */
void exchange_answer(struct exchange *exchange, unsigned http_status, struct MHD_Response *response);

/* Adds a header. The response may be NULL. */
void exchange_header(struct MHD_Response *response, const char *name, const char *value);

#endif

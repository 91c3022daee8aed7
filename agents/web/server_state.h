/* The server's private members, shared by server.c (its life), intake.c (requests) and events.c (streams). */
#ifndef AGENTS_WEB_SERVER_STATE_H
#define AGENTS_WEB_SERVER_STATE_H

#include "agents/web/exchange_state.h"
#include "agents/web/server.h"

/* A connection, and until when what is going on with it must have ended. */
struct line {
    struct line *previous, *next;
    int fd;
    int64_t deadline_ms; /* 0: none */
};

struct server {
    struct server_options options;
    struct MHD_Daemon *daemon;
    int epoll_fd;
    int watchman; /* timer */
    int again;    /* timer, 0: none */
    bool stopping;
    struct exchange *exchanges;
    struct line *lines;
    struct server_counts counts;
    uint64_t carried; /* bytes of answers that are on their way */
};

/* Gives the connection of an exchange another deadline; 0: none. */
void server_deadline(struct exchange *exchange, unsigned in_ms);

/* Lets the daemon look at its connections soon. */
void server_stir(struct server *server);

#endif

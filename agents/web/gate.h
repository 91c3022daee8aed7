/* Who may do what: hosts, origins, tokens, tickets, and how often. No sockets; the server gives the time. */
#ifndef AGENTS_WEB_GATE_H
#define AGENTS_WEB_GATE_H

#include "agents/web/exchange.h"
#include "agents/web/limits.h"

#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdint.h>

struct gate;

struct gate_options {
    const char *tokens; /* the file; it is read again whenever it has changed */
    bool viewer_open;   /* reading needs no token */
    const char *host;   /* under which the server listens: an address or a name */
    char *const *hosts; /* further names under which it is known; borrowed */
    size_t host_count;
    unsigned posts_per_s; /* of one address, on average; bursts of five seconds' */
};

/* What a request brings. Texts may be NULL: not there. */
struct gate_question {
    const char *address; /* the client's, in text */
    const char *host, *origin, *authorization, *ticket;
    bool post;
    enum role role; /* that the route asks for */
};

/* What the gate says: 0, or an HTTP status with the code and the sentence of an error. */
struct gate_answer {
    unsigned http_status;
    const char *code, *text;
    unsigned retry_s; /* for 429: when again */
    enum role role;
    char user[64];
};

/* BB_FULL; a tokens file that is wrong is told in the log, and then nobody has a token. */
BB_MUST_CHECK enum status gate_open(const struct gate_options *options, struct gate **out);
void gate_close(struct gate *gate);

/* Whether a request may be served, and as whose. `now_ms` is of the monotonic clock, here and below. */
struct gate_answer gate_ask(struct gate *gate, const struct gate_question *question, int64_t now_ms);

/* A ticket, for one stream within a minute, to ticket_out[GATE_TICKET_SIZE]. BB_IO: no randomness. */
#define GATE_TICKET_SIZE 44
BB_MUST_CHECK enum status gate_ticket(struct gate *gate, const char *user, enum role role, int64_t now_ms,
                                      char *ticket_out);

/* True for a name or an address that is this machine alone. */
bool gate_is_loopback(const char *host);

#endif

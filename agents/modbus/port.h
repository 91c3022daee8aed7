/* One Modbus connection, TCP or RTU: the only user of libmodbus. Its calls block; a line (line.h) makes them
 * in a thread of its own. */
#ifndef AGENTS_MODBUS_PORT_H
#define AGENTS_MODBUS_PORT_H

#include "agents/modbus/job.h"

#include <busbar/status.h>

enum port_kind { PORT_NONE, PORT_TCP, PORT_RTU };

struct port_place {
    enum port_kind kind;
    char target[256]; /* a host, or the path of a port */
    char service[8];  /* the TCP port */
    int baud, stop;
    char parity; /* N, E or O */
};

struct port;

/* True when both are the same connection. */
bool port_same(const struct port_place *a, const struct port_place *b);

/* "host:port" or the path, for people. text_out[size]. */
void port_text(const struct port_place *place, char *text_out, size_t size);

/* A connection that is not made yet. NULL: no memory. */
struct port *port_new(const struct port_place *place);

/* Accepts NULL. */
void port_free(struct port *port);

/* Tries one step of a job once; connects when it has to. Sets the step's result, and the job's text when it
 * is not done. */
void port_step(struct port *port, struct job *job, struct step *step);

#endif

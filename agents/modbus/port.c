#include "agents/modbus/port.h"

#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct port {
    struct port_place place;
    modbus_t *modbus; /* NULL: not connected */
};

bool port_same(const struct port_place *a, const struct port_place *b)
{
    return a->kind == b->kind && strcmp(a->target, b->target) == 0 && strcmp(a->service, b->service) == 0 &&
           a->baud == b->baud && a->stop == b->stop && a->parity == b->parity;
}

void port_text(const struct port_place *place, char *text_out, size_t size)
{
    snprintf(text_out, size, "%s%s%s", place->target, place->kind == PORT_TCP ? ":" : "", place->service);
}

struct port *port_new(const struct port_place *place)
{
    struct port *port = calloc(1, sizeof *port);
    if (port != NULL)
        port->place = *place;
    return port;
}

static void disconnect(struct port *port)
{
    if (port->modbus == NULL)
        return;
    modbus_close(port->modbus);
    modbus_free(port->modbus);
    port->modbus = NULL;
}

void port_free(struct port *port)
{
    if (port == NULL)
        return;
    disconnect(port);
    free(port);
}

static const char *why(int error)
{
    switch (error) {
    case ETIMEDOUT:
        return "no answer in time";
    case ECONNRESET:
        return "it closed the connection";
    case EMBBADCRC:
        return "an answer with a wrong checksum";
    case EMBBADDATA:
        return "an answer that does not fit";
    case EMBBADSLAVE:
        return "an answer of another unit";
    default:
        return modbus_strerror(error);
    }
}

static bool connect_wire(struct port *port, struct job *job)
{
    const struct port_place *p = &port->place;
    if (port->modbus != NULL)
        return true;
    port->modbus = p->kind == PORT_TCP ? modbus_new_tcp_pi(p->target, p->service)
                                       : modbus_new_rtu(p->target, p->baud, p->parity, 8, p->stop);
    if (port->modbus != NULL)
        (void)modbus_set_response_timeout(port->modbus, job->timeout_ms / 1000,
                                          job->timeout_ms % 1000 * 1000);
    if (port->modbus != NULL && modbus_connect(port->modbus) == 0)
        return true;
    int error = errno;
    char place[300];
    port_text(p, place, sizeof place);
    snprintf(job->text, sizeof job->text, "%.200s: %.50s", place, why(error));
    if (port->modbus != NULL)
        modbus_free(port->modbus);
    port->modbus = NULL;
    return false;
}

static int read_table(modbus_t *modbus, struct step *s)
{
    uint8_t bits[READ_MAX];
    if (s->table == TABLE_INPUT)
        return modbus_read_input_registers(modbus, s->address, s->count, s->data);
    if (s->table == TABLE_HOLDING)
        return modbus_read_registers(modbus, s->address, s->count, s->data);
    int got = s->table == TABLE_COIL ? modbus_read_bits(modbus, s->address, s->count, bits)
                                     : modbus_read_input_bits(modbus, s->address, s->count, bits);
    for (int i = 0; i < got && i < s->count; i++)
        s->data[i] = bits[i] != 0;
    return got;
}

/* Single registers and coils by the calls for one, which every device has. */
static int write_table(modbus_t *modbus, const struct step *s)
{
    if (s->table == TABLE_COIL)
        return modbus_write_bit(modbus, s->address, s->data[0] != 0);
    if (s->count == 1)
        return modbus_write_register(modbus, s->address, s->data[0]);
    return modbus_write_registers(modbus, s->address, s->count, s->data);
}

static bool is_exception(int error)
{
    return error >= EMBXILFUN && error <= EMBXNACK;
}

/* A connection that failed is not used again, so that a late answer is nobody's. */
void port_step(struct port *port, struct job *job, struct step *step)
{
    step->result = STEP_FAILED;
    if (!connect_wire(port, job))
        return;
    (void)modbus_set_response_timeout(port->modbus, job->timeout_ms / 1000, job->timeout_ms % 1000 * 1000);
    (void)modbus_set_slave(port->modbus, job->unit);
    errno = 0;
    int got = step->kind == STEP_READ ? read_table(port->modbus, step) : write_table(port->modbus, step);
    int error = errno;
    if (got == step->count || (step->kind == STEP_WRITE && got > 0)) {
        step->result = STEP_DONE;
        return;
    }
    bool gateway = error == EMBXGPATH || error == EMBXGTAR;
    step->result = is_exception(error) || error == EMBUNKEXC ? STEP_REFUSED : STEP_FAILED;
    step->exception = is_exception(error) ? error - MODBUS_ENOBASE : 0;
    snprintf(job->text, sizeof job->text, "unit %d: %.100s (%s %d)", job->unit, why(error),
             step->kind == STEP_READ ? "reading" : "writing", step->address);
    if (step->result == STEP_FAILED && !gateway) {
        if (port->place.kind == PORT_RTU)
            (void)modbus_flush(port->modbus);
        disconnect(port);
    }
}

/* A board as a machine, whatever it does in the neighbourhood: firmware, slots, its own file, its log. Boards
 * of the site have one, and so has every line with a board that is not enrolled. What is asked of a machine
 * and takes its time is a job (jobs.h); an image on its way is a transfer (updates.h). */
#ifndef AGENTS_UART_MACHINE_H
#define AGENTS_UART_MACHINE_H

#include "agents/uart/images.h"
#include "agents/uart/line.h"
#include "agents/uart/transfer.h"

#include <busbar/limits.h>

enum job_kind { JOB_NONE, JOB_RESET, JOB_SETTINGS, JOB_LOG };

struct job {
    enum job_kind kind;
    struct bb_pending *pending; /* the call that waits */
    const struct line *line;    /* where the board was when it began */
    uint32_t session;           /* of the board then: it has restarted when it says another */
    bool sent;                  /* all of it is with the link */
    int64_t deadline_ms;
    int64_t quiet_ms; /* when it counts as complete: the log, or the restart */
    uint8_t what;     /* JOB_RESET: as RESET has it */
    uint8_t running;  /* the other slot: what it ran before */
    bool restarted;   /* it is back, and has not told its slots yet, or not decided about another image */
    uint16_t expects; /* the id with which the board is to come back */
    char *text;       /* JOB_SETTINGS, malloc'd */
    size_t size, offset;
    uint8_t wanted;       /* JOB_LOG: lines */
    struct json_t *lines; /* JOB_LOG */
};

struct machine {
    const char *name;  /* borrowed from the site; NULL: not enrolled */
    const char *kind;  /* "consumer", "generator"; NULL: not enrolled */
    struct line *line; /* NULL: away */
    bool seen;         /* it has said HELLO since the agent's start */
    struct link_hello hello;
    bool has_slots;
    struct link_slots slots;
    unsigned awaited;  /* commands that wait for its acknowledgements */
    uint32_t refusals; /* REFUSE messages so far, and the last one's text */
    char refusal[LINK_TEXT_MAX + 1];
    struct transfer transfer;
    struct image *image; /* that the transfer sends; NULL: it has ended */
    enum transfer_phase told_phase;
    uint32_t told_offset;
    int64_t told_ms;
    struct job job;
};

struct agent;

/* Its HELLO has come on `line`. */
void machine_up(struct agent *agent, struct machine *m, struct line *line, const struct link_hello *hello);

/* Its link is lost. */
void machine_down(struct machine *m);

/* Takes SLOTS, LOG and REFUSE. */
void machine_take(struct agent *agent, struct machine *m, const struct link_message *message);

/* Sends what is due. `held`: the board is owed something that goes first, so that an image waits. */
void machine_pump(struct agent *agent, struct machine *m, bool held);

/* Frees what it holds; calls that wait for it are not answered any more. */
void machine_drop(struct machine *m);

/* When machine_pump has something to do although nothing came in; INT64_MAX: never. */
int64_t machine_due(const struct machine *m);

/* The machine of a board that is not enrolled and answers on this line; NULL: none. */
struct machine *machine_on(const struct line *line);

#endif

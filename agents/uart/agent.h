/* The uart agent: the lines that it polls, the boards that it serves, and the bus. One agent serves the
 * boards of the site file that name its identity; consumer-agent and dg-agent are this program with two
 * configurations. Source: thesis §2.4.2, §2.4.3. */
#ifndef AGENTS_UART_AGENT_H
#define AGENTS_UART_AGENT_H

#include "agents/uart/machine.h"
#include "agents/uart/site.h"
#include "bus/client/config.h"
#include "node-fw/dispatch/dispatch.h"

#include <busbar/client.h>
#include <busbar/limits.h>

#define AGENT_LINES_MAX 512
/* After this long without a HELLO a port is let go for a moment: another agent may be waiting for it. */
#define AGENT_SILENT_MS  5000
#define AGENT_RELEASE_MS 3000

struct agent_settings {
    char *identity, *address, *home, *site;
    struct setting_list ports;
    int64_t scan_ms, heartbeat_ms, update_s;
};

/* What the dispatch of a board believes and what the board does, whoever runs the dispatch. */
struct board {
    const struct site_board *site;
    struct line *line; /* NULL: offline */
    bool online;
    struct machine machine;
    char last_port[PORT_SPEC_MAX];
    struct link_status status; /* of the board itself, the last one */
    bool has_status;
    uint32_t measured_mw;
    uint32_t limit_mw; /* the end of its curve, when it has told it */
    bool has_limit;
    bool config_owed, setpoint_owed;
    struct link_setpoint setpoint; /* the last one sent, when the agent runs the dispatch */
    bool certified;                /* as the bus was told last */
    uint64_t certified_digest;
    bool duplicate_told;
    uint32_t forged;              /* broadcasts under another board's id, dropped */
    struct dispatch *core;        /* NULL: the board runs its own */
    bool core_runs;               /* the board has sent its curve and is online */
    bool core_stirred;            /* something came in since the last core_poll */
    struct link_status core_said; /* what was published of the core last */
};

/* Whose topic a subscription is for. */
struct carried {
    struct agent *agent;
    const struct site_board *board;
};

struct agent {
    const struct agent_settings *settings;
    struct bb_loop *loop;
    struct bb_client *client;
    struct site site;
    struct board boards[BB_BOARDS_MAX];
    size_t board_count;
    struct line *lines[AGENT_LINES_MAX];
    size_t line_count;
    struct carried carried[BB_BOARDS_MAX];
    struct line_owner owner;
    struct images images; /* on their way to boards */
    int timer;
    int64_t complained_ms; /* of refused publishes: not too often */
};

/* The board that is served under this name, or this id; NULL when there is none. */
struct board *agent_board_by_name(struct agent *agent, const char *name);
struct board *agent_board_by_id(struct agent *agent, uint16_t id);

/* Lets time pass on every line and for every board. */
void agent_tick(struct agent *agent);

/* After anything has come in: lets the dispatch cores say what follows from it, until they are quiet, and
 * sets the loop's timer to the next time at which a line or a core has something to do. */
void agent_settle(struct agent *agent);

/* Opens everything, runs until a signal, closes everything. The reason says why it failed. */
BB_MUST_CHECK enum status agent_run(const struct agent_settings *settings, struct bb_reason *reason);

#endif

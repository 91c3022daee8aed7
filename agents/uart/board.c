#include "agents/uart/board.h"

#include "agents/uart/carrier.h"
#include "agents/uart/core.h"
#include "agents/uart/jobs.h"
#include "agents/uart/limit.h"
#include "agents/uart/publisher.h"
#include "bus/client/log.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

/* The same complaint about the same port comes no sooner again. */
#define TOLD_MS 60000
/* Longer than a line needs to know that its board is gone. */
#define DOUBT_MS (LINK_DEAD_MS + 500)

/* -- who it is -- */

static void send_refuse(struct line *line, const char *text)
{
    struct link_message m = {.type = LINK_REFUSE, .refuse.code = LINK_REFUSE_BOARD};
    link_set_text(m.refuse.text, sizeof m.refuse.text, text);
    (void)!line_send(line, &m); /* a datagram: the alert has told people */
}

/* Not one of ours to serve. The port is let go for a while: its board may be another agent's. */
static void turn_away(struct agent *agent, struct line *line, uint16_t id, const char *name,
                      const char *alert, const char *text)
{
    int64_t now = bb_loop_mono_ms();
    bool told = line->told_ms != 0 && line->told_board == id && now - line->told_ms < TOLD_MS;
    if (!told && alert != NULL)
        publisher_alert(agent, name, alert, text);
    else if (!told)
        log_info("port-released", LOG_TEXT("port", line->spec), LOG_TEXT("reason", text));
    if (!told) {
        line->told_board = id;
        line->told_ms = now;
    }
    send_refuse(line, text);
    line_close(line, text, AGENT_RELEASE_MS);
}

/* A board that is on another line, too. It may just have been moved there or away, and the other line does
 * not know yet: that is waited for once. */
static void turn_away_double(struct agent *agent, struct line *line, const struct board *board)
{
    char text[256];
    snprintf(text, sizeof text, "board %u is on %.100s and on %.100s", board->site->id, board->line->spec,
             line->spec);
    if (line->doubted_board == board->site->id) {
        turn_away(agent, line, board->site->id, board->site->name, "duplicate-board-id", text);
        return;
    }
    line->doubted_board = board->site->id;
    line_close(line, text, DOUBT_MS);
}

static uint8_t role_of(const struct site_board *board)
{
    return board->kind == SITE_CONSUMER ? LINK_ROLE_CONSUMER : LINK_ROLE_GENERATOR;
}

/* The board's place in the site; NULL when it has none here, and the line is then closed. */
static struct board *recognise(struct agent *agent, struct line *line, const struct link_hello *hello)
{
    const struct site_board *site = site_by_id(&agent->site, hello->board);
    char text[256];
    if (site == NULL) {
        snprintf(text, sizeof text, "board %u (%.15s) on %.100s is not in the site file", hello->board,
                 hello->name, line->spec);
        turn_away(agent, line, hello->board, hello->name[0] != '\0' ? "unknown" : "nameless", "wrong-board",
                  text);
        return NULL;
    }
    if (strcmp(site->name, hello->name) != 0 || role_of(site) != hello->role) {
        snprintf(text, sizeof text,
                 "board %u on %.100s says that it is %.15s, a %s; the site file knows it as %s, a %s",
                 hello->board, line->spec, hello->name,
                 hello->role == LINK_ROLE_CONSUMER ? "consumer" : "generator", site->name,
                 site->kind == SITE_CONSUMER ? "consumer" : "generator");
        turn_away(agent, line, hello->board, site->name, "wrong-board", text);
        return NULL;
    }
    if (strcmp(site->agent, agent->settings->identity) != 0) {
        snprintf(text, sizeof text, "%s is served by %s", site->name, site->agent);
        turn_away(agent, line, hello->board, site->name, NULL, text);
        return NULL;
    }
    struct board *board = agent_board_by_id(agent, hello->board);
    if (board->line != NULL && board->line != line) {
        turn_away_double(agent, line, board);
        return NULL;
    }
    line->doubted_board = 0;
    return board;
}

static void send_time(struct line *line)
{
    struct link_message m = {.type = LINK_TIME, .time.unix_ms = (uint64_t)bb_loop_wall_ms()};
    (void)!line_send(line, &m); /* a datagram, and for the board's log only */
}

static void send_config(struct agent *agent, struct board *board)
{
    const struct site_board *site = board->site;
    struct link_message m = {.type = LINK_CONFIG};
    m.config.method = agent->site.method;
    m.config.where = site->agent_runs ? LINK_WHERE_AGENT : LINK_WHERE_BOARD;
    m.config.size = (uint16_t)agent->site.count;
    m.config.exchange_ms = agent->site.exchange_ms;
    m.config.heartbeat_ms = agent->site.heartbeat_ms;
    m.config.expiry_ms = agent->site.expiry_ms;
    m.config.neighbours.count = (uint8_t)site->neighbour_count;
    memcpy(m.config.neighbours.id, site->neighbours, site->neighbour_count * sizeof *site->neighbours);
    board->config_owed = line_send(board->line, &m) != BB_OK;
}

void board_forget_stranger(struct line *line)
{
    struct machine *m = line->stranger;
    if (m != NULL)
        machine_drop(m);
    free(m);
    line->stranger = NULL;
}

/* Jobs that wait for a restart on this line: the board may come back under another name, or without one. */
static void tell_jobs(struct agent *agent, struct line *line, const struct link_hello *hello)
{
    for (size_t i = 0; i < agent->board_count; i++)
        jobs_hello(&agent->boards[i].machine, line, hello);
    if (machine_on(line) != NULL)
        jobs_hello(machine_on(line), line, hello);
}

/* A board without a place in any neighbourhood: it is kept and listed, until somebody enrolls it. */
static void take_stranger(struct agent *agent, struct line *line, const struct link_hello *hello)
{
    if (line->peer != NULL)
        board_lose(agent, line, "a board that is not enrolled answers on its port");
    if (line->stranger == NULL)
        line->stranger = calloc(1, sizeof(struct machine));
    CHECK(line->stranger != NULL);
    line->seen_board = hello->board;
    machine_up(agent, line->stranger, line, hello);
    log_info("board-not-enrolled", LOG_TEXT("port", line->spec), LOG_INT("session", hello->session));
    send_time(line);
}

static void take_hello(struct agent *agent, struct line *line, const struct link_message *m)
{
    char text[256];
    if (link_state(&line->link) == LINK_REFUSED) {
        snprintf(text, sizeof text, "a board on %.100s speaks version %u of the link protocol, this agent %d",
                 line->spec, m->hello.major, LINK_MAJOR);
        publisher_alert(agent, "unknown", "link-refused", text);
        line_close(line, text, AGENT_RELEASE_MS);
        return;
    }
    tell_jobs(agent, line, &m->hello);
    if (m->hello.board == LINK_BOARD_NEW) {
        take_stranger(agent, line, &m->hello);
        return;
    }
    if (line->seen_board == LINK_BOARD_NEW)
        line->seen_board = 0; /* that it has a name now is no exchange of boards */
    board_forget_stranger(line);
    struct board *before = line->peer, *board = recognise(agent, line, &m->hello);
    if (board == NULL)
        return;
    if (before != NULL && before != board)
        board_lose(agent, line, "another board answers on its port");
    if (line->seen_board != 0 && line->seen_board != m->hello.board) {
        snprintf(text, sizeof text, "%.100s had board %u and has %s now", line->spec, line->seen_board,
                 board->site->name);
        publisher_alert(agent, board->site->name, "wrong-board", text);
    }
    if (board->online && board->core != NULL)
        core_stop(board); /* it has restarted */
    line->peer = board;
    line->seen_board = m->hello.board;
    board->line = line;
    board->online = true;
    board->has_status = false;
    snprintf(board->last_port, sizeof board->last_port, "%s", line->spec);
    log_info("board-online", LOG_TEXT("board", board->site->name), LOG_TEXT("port", line->spec),
             LOG_INT("session", m->hello.session), LOG_INT("firmware", m->hello.firmware));
    send_config(agent, board);
    machine_up(agent, &board->machine, line, &m->hello);
    send_time(line);
}

void board_lose(struct agent *agent, struct line *line, const char *why)
{
    struct board *board = line->peer;
    line->peer = NULL;
    if (machine_on(line) != NULL)
        machine_down(machine_on(line));
    if (board == NULL || board->line != line)
        return;
    machine_down(&board->machine);
    board->line = NULL;
    board->online = false;
    board->config_owed = board->setpoint_owed = false;
    if (board->core != NULL)
        core_stop(board);
    char text[256];
    snprintf(text, sizeof text, "%s on %.100s: %.100s", board->site->name, line->spec, why);
    publisher_alert(agent, board->site->name, "link-lost", text);
    publisher_board(agent, board, (struct bytes){NULL, 0});
}

/* -- what it says -- */

static void take_dispatch(struct agent *agent, struct board *board, const struct link_message *m)
{
    uint16_t source = 0, incarnation, depth;
    if (board->core != NULL || dispatch_peek(m->dispatch.payload, &source, &incarnation, &depth) != BB_OK ||
        source != board->site->id) {
        board->forged++;
        log_debug("broadcast-dropped", LOG_TEXT("board", board->site->name), LOG_INT("source", source));
        return;
    }
    /* Neighbours first: they wait for it, the bus does not. */
    carrier_spread(agent, source, m->dispatch.payload);
    limit_overhear(board, m->dispatch.payload);
    publisher_board(agent, board, m->dispatch.payload);
}

static void take_status(struct agent *agent, struct board *board, const struct link_message *m)
{
    bool duplicate = (m->status.flags & LINK_FLAG_DUPLICATE) != 0;
    board->status = m->status;
    board->has_status = true;
    if (board->core != NULL)
        core_take_measured(board, m->status.power);
    if (duplicate && !board->duplicate_told)
        publisher_alert(agent, board->site->name, "duplicate-board-id",
                        "the board keeps hearing its own id from somewhere else: two boards share it");
    board->duplicate_told = duplicate;
    publisher_board(agent, board, (struct bytes){NULL, 0});
}

static void take_measured(struct agent *agent, struct board *board, const struct link_message *m)
{
    (void)agent;
    board->measured_mw = m->measured.power;
    if (board->core != NULL)
        core_take_measured(board, m->measured.power);
}

static void take_curve(struct agent *agent, struct board *board, const struct link_message *m)
{
    core_take_curve(agent, board, &m->curve);
}

static void take_leave(struct agent *agent, struct board *board, const struct link_message *m)
{
    log_info("board-leaves", LOG_TEXT("board", board->site->name), LOG_INT("reason", m->leave.reason));
    if (board->core_runs) {
        dispatch_leave(board->core, (struct mono){bb_loop_mono_ms()});
        core_poll(agent, board);
    }
}

static void take_log(struct agent *agent, struct board *board, const struct link_message *m)
{
    enum log_level level = m->log.severity <= LOG_LEVEL_ERROR     ? LOG_LEVEL_ERROR
                           : m->log.severity <= LOG_LEVEL_WARNING ? LOG_LEVEL_WARNING
                           : m->log.severity <= LOG_LEVEL_INFO    ? LOG_LEVEL_INFO
                                                                  : LOG_LEVEL_DEBUG;
    log_event(level, LOG_TEXT("event", "board-log"), LOG_TEXT("board", board->site->name),
              LOG_TEXT("text", m->log.text));
    machine_take(agent, &board->machine, m);
}

static void take_slots(struct agent *agent, struct board *board, const struct link_message *m)
{
    machine_take(agent, &board->machine, m);
}

static void take_refuse(struct agent *agent, struct board *board, const struct link_message *m)
{
    machine_take(agent, &board->machine, m);
    if (m->refuse.code == LINK_REFUSE_BOARD || strncmp(m->refuse.text, "CONFIG", 6) == 0)
        publisher_alert(agent, board->site->name, "bad-config", m->refuse.text);
    else
        log_warning("board-refuses", LOG_TEXT("board", board->site->name), LOG_TEXT("text", m->refuse.text));
}

typedef void take(struct agent *agent, struct board *board, const struct link_message *m);

static take *const takers[] = {
    [LINK_DISPATCH] = take_dispatch, [LINK_STATUS] = take_status, [LINK_MEASURED] = take_measured,
    [LINK_CURVE] = take_curve,       [LINK_LEAVE] = take_leave,   [LINK_LOG] = take_log,
    [LINK_REFUSE] = take_refuse,     [LINK_SLOTS] = take_slots,
};

void board_take(struct agent *agent, struct line *line, const struct link_message *message)
{
    size_t type = message->type;
    struct board *board = line->peer;
    if (type == LINK_HELLO)
        take_hello(agent, line, message);
    else if (board != NULL && type < sizeof takers / sizeof *takers && takers[type] != NULL)
        takers[type](agent, board, message);
    else if (machine_on(line) != NULL)
        machine_take(agent, machine_on(line), message);
}

void board_tick(struct agent *agent, struct board *board)
{
    if (board->online && board->config_owed)
        send_config(agent, board);
}

#include "agents/uart/agent.h"

#include "agents/uart/board.h"
#include "agents/uart/core.h"

#include <busbar/check.h>
#include <string.h>

/* Rounds of answers among the cores in one turn; what is left goes on in the next. */
#define SETTLE_ROUNDS 32

struct board *agent_board_by_name(struct agent *agent, const char *name)
{
    for (size_t i = 0; i < agent->board_count; i++)
        if (strcmp(agent->boards[i].site->name, name) == 0)
            return &agent->boards[i];
    return NULL;
}

struct board *agent_board_by_id(struct agent *agent, uint16_t id)
{
    for (size_t i = 0; i < agent->board_count; i++)
        if (agent->boards[i].site->id == id)
            return &agent->boards[i];
    return NULL;
}

/* A port that says nothing may belong to a board of another agent, which cannot take it while it is held
 * here. */
static void let_silent_go(struct line *line, int64_t now)
{
    if (line->port.fd >= 0 && !line->up && line->seen_board == 0 && now - line->opened_ms >= AGENT_SILENT_MS)
        line_close(line, "no board answers", AGENT_RELEASE_MS / 2 + (uint32_t)(now % AGENT_RELEASE_MS));
}

void agent_tick(struct agent *agent)
{
    int64_t now = bb_loop_mono_ms();
    for (size_t i = 0; i < agent->line_count; i++) {
        let_silent_go(agent->lines[i], now);
        line_tick(agent->lines[i], now);
    }
    for (size_t i = 0; i < agent->board_count; i++)
        board_tick(agent, &agent->boards[i]);
    agent_settle(agent);
}

static void on_timer(void *context)
{
    struct agent *agent = context;
    agent->timer = 0;
    agent_tick(agent);
}

/* A set-point waits for the link to fall idle, and it has. */
static bool can_pay(const struct board *board)
{
    return board->core_runs && board->setpoint_owed && board->line != NULL && link_idle(&board->line->link);
}

static bool poll_cores(struct agent *agent, int64_t now)
{
    bool polled = false;
    for (size_t i = 0; i < agent->board_count; i++) {
        struct board *board = &agent->boards[i];
        if (board->core_stirred || core_due(board) <= now || can_pay(board)) {
            core_poll(agent, board);
            polled = true;
        }
    }
    return polled;
}

/* What goes to the boards as machines, after all that the dispatch has to say to them. */
static void pump_machines(struct agent *agent)
{
    for (size_t i = 0; i < agent->board_count; i++) {
        struct board *board = &agent->boards[i];
        machine_pump(agent, &board->machine, board->config_owed || board->setpoint_owed);
    }
    for (size_t i = 0; i < agent->line_count; i++)
        if (machine_on(agent->lines[i]) != NULL)
            machine_pump(agent, machine_on(agent->lines[i]), false);
}

/* When a line or the machine behind it has something to do. */
static int64_t line_or_machine_due(const struct line *line)
{
    int64_t due = line_due(line);
    int64_t machine = machine_on(line) != NULL ? machine_due(machine_on(line)) : INT64_MAX;
    return machine < due ? machine : due;
}

static int64_t board_due(const struct board *board)
{
    int64_t core = core_due(board), machine = machine_due(&board->machine);
    return core < machine ? core : machine;
}

void agent_settle(struct agent *agent)
{
    int64_t now = bb_loop_mono_ms(), due = now + agent->settings->scan_ms;
    for (int i = 0; i < SETTLE_ROUNDS && poll_cores(agent, now); i++)
        continue;
    pump_machines(agent);
    for (size_t i = 0; i < agent->line_count; i++)
        if (line_or_machine_due(agent->lines[i]) < due)
            due = line_or_machine_due(agent->lines[i]);
    for (size_t i = 0; i < agent->board_count; i++)
        if (board_due(&agent->boards[i]) < due)
            due = board_due(&agent->boards[i]);
    bb_loop_cancel(agent->loop, agent->timer);
    agent->timer = 0;
    /* At least a millisecond: what is due now and cannot be done, as on a full port, must not spin. */
    uint32_t wait = due > now ? (uint32_t)(due - now) : 1;
    CHECK(bb_loop_after(agent->loop, wait, on_timer, agent, &agent->timer) == BB_OK);
}

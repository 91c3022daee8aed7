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

static bool poll_cores(struct agent *agent, int64_t now)
{
    bool polled = false;
    for (size_t i = 0; i < agent->board_count; i++) {
        struct board *board = &agent->boards[i];
        if (board->core_stirred || core_due(board) <= now) {
            core_poll(agent, board);
            polled = true;
        }
    }
    return polled;
}

void agent_settle(struct agent *agent)
{
    int64_t now = bb_loop_mono_ms(), due = now + agent->settings->scan_ms;
    for (int i = 0; i < SETTLE_ROUNDS && poll_cores(agent, now); i++)
        continue;
    for (size_t i = 0; i < agent->line_count; i++)
        if (line_due(agent->lines[i]) < due)
            due = line_due(agent->lines[i]);
    for (size_t i = 0; i < agent->board_count; i++)
        if (core_due(&agent->boards[i]) < due)
            due = core_due(&agent->boards[i]);
    bb_loop_cancel(agent->loop, agent->timer);
    agent->timer = 0;
    /* At least a millisecond: what is due now and cannot be done, as on a full port, must not spin. */
    uint32_t wait = due > now ? (uint32_t)(due - now) : 1;
    CHECK(bb_loop_after(agent->loop, wait, on_timer, agent, &agent->timer) == BB_OK);
}

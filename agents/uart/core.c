#include "agents/uart/core.h"

#include "agents/uart/carrier.h"
#include "agents/uart/publisher.h"

#include <string.h>

static struct mono now_mono(void)
{
    return (struct mono){bb_loop_mono_ms()};
}

static enum status start(struct agent *agent, struct board *board, const struct link_curve *c)
{
    const struct site_board *site = board->site;
    struct dispatch_settings s = {.id = site->id,
                                  .incarnation = c->incarnation,
                                  .method = (enum dispatch_method)agent->site.method,
                                  .curve = {(enum curve_kind)c->kind, c->lo, c->hi, c->pmax},
                                  .size = (uint16_t)agent->site.count,
                                  .neighbour_count = site->neighbour_count,
                                  .exchange_ms = agent->site.exchange_ms,
                                  .heartbeat_ms = agent->site.heartbeat_ms,
                                  .expiry_ms = agent->site.expiry_ms};
    memcpy(s.neighbours, site->neighbours, site->neighbour_count * sizeof *s.neighbours);
    enum status status = dispatch_init(board->core, &s, now_mono());
    if (status == BB_OK)
        dispatch_set_applied(board->core, board->measured_mw);
    return status;
}

void core_take_curve(struct agent *agent, struct board *board, const struct link_curve *c)
{
    struct curve curve = {(enum curve_kind)c->kind, c->lo, c->hi, c->pmax};
    enum status status;
    board->limit_mw = c->pmax;
    board->has_limit = true;
    if (board->core == NULL)
        return;
    if (board->core_runs && dispatch_view(board->core).incarnation >= c->incarnation) {
        status = dispatch_set_curve(board->core, &curve, now_mono());
    } else {
        status = start(agent, board, c);
        board->core_runs = status == BB_OK;
        board->setpoint_owed = board->core_runs;
    }
    if (status != BB_OK)
        publisher_alert(agent, board->site->name, "bad-config", "the board's curve is not valid");
    board->core_stirred = true;
}

void core_take_measured(struct board *board, uint32_t power_mw)
{
    board->measured_mw = power_mw;
    if (!board->core_runs)
        return;
    dispatch_set_applied(board->core, power_mw);
    board->core_stirred = true;
}

void core_receive(struct board *board, struct bytes payload)
{
    if (!board->core_runs)
        return;
    (void)!dispatch_receive(board->core, payload, now_mono()); /* refusals are counted there */
    board->core_stirred = true;
}

/* The newest set-point only: while one waits for its acknowledgement, later ones wait for the last of them.
 */
static void send_setpoint(struct board *board)
{
    struct dispatch_view v = dispatch_view(board->core);
    struct link_message m = {.type = LINK_SETPOINT};
    m.setpoint.power = (uint32_t)v.setpoint_mw;
    m.setpoint.lambda = v.lambda;
    m.setpoint.depth = v.depth;
    bool same = m.setpoint.power == board->setpoint.power && m.setpoint.lambda == board->setpoint.lambda &&
                m.setpoint.depth == board->setpoint.depth;
    if ((same && !board->setpoint_owed) || board->line == NULL)
        return;
    board->setpoint_owed = true;
    if (link_idle(&board->line->link) && line_send(board->line, &m) == BB_OK) {
        board->setpoint = m.setpoint;
        board->setpoint_owed = false;
    }
}

/* As on a board: a change is told at once, what moves all the time waits for the heartbeat. */
static bool news(const struct link_status *a, const struct link_status *b)
{
    return a->lambda != b->lambda || a->setpoint != b->setpoint || a->power != b->power ||
           a->residual != b->residual || a->digest != b->digest || a->depth != b->depth ||
           a->certified_depth != b->certified_depth || a->incarnation != b->incarnation ||
           a->live != b->live || a->neighbours_live != b->neighbours_live || a->mode != b->mode ||
           a->flags != b->flags;
}

static void tell(struct agent *agent, struct board *board)
{
    struct link_status now = publisher_status(board);
    if (!news(&now, &board->core_said))
        return;
    board->core_said = now;
    publisher_board(agent, board, (struct bytes){NULL, 0});
}

void core_poll(struct agent *agent, struct board *board)
{
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    size_t size;
    board->core_stirred = false;
    while (board->core_runs && (size = dispatch_poll(board->core, now_mono(), payload)) > 0) {
        publisher_board(agent, board, (struct bytes){payload, size});
        carrier_spread(agent, board->site->id, (struct bytes){payload, size});
    }
    if (!board->core_runs)
        return;
    send_setpoint(board);
    tell(agent, board);
}

void core_stop(struct board *board)
{
    board->core_runs = false;
    memset(&board->setpoint, 0, sizeof board->setpoint);
    memset(&board->core_said, 0, sizeof board->core_said);
}

int64_t core_due(const struct board *board)
{
    if (!board->core_runs)
        return INT64_MAX;
    return board->core_stirred ? 0 : dispatch_due(board->core).ms;
}

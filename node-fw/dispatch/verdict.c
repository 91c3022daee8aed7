#include "node-fw/dispatch/verdict.h"

#include "node-fw/dispatch/clear.h"
#include "node-fw/dispatch/method.h"
#include "node-fw/dispatch/neighbours.h"
#include "node-fw/dispatch/roster.h"

uint32_t verdict_vote(uint64_t digest)
{
    uint32_t low = (uint32_t)digest;
    return low == 0 ? 1 : low;
}

/* News of far boards needs longer where answers take longer than an exchange should. */
static int64_t delay(const struct dispatch *d, const struct dispatch_board *board)
{
    return board->entry.hops * (dispatch_patience(d) - d->settings.exchange_ms);
}

int64_t verdict_expiry(const struct dispatch *d, const struct dispatch_board *board)
{
    return dispatch_expiry(d) + delay(d, board);
}

int64_t verdict_freshness(const struct dispatch *d, const struct dispatch_board *board)
{
    int64_t half = dispatch_expiry(d) / 2;
    int64_t beats = dispatch_expiry(d) - dispatch_beat_period(d);
    return (beats > half ? beats : half) + delay(d, board);
}

static void solve(struct dispatch *d)
{
    struct curve curves[BB_BOARDS_MAX] = {{.kind = CURVE_GENERATOR}};
    int64_t powers[BB_BOARDS_MAX] = {0};
    size_t count = 0;
    size_t own = BB_BOARDS_MAX;
    uint8_t depth = 0;
    for (size_t i = 0; i < d->curves.count; i++) {
        const struct dispatch_board *board = &d->curves.boards[i];
        if (board->state != BOARD_LIVE)
            continue;
        if (board->entry.id == d->settings.id)
            own = count;
        if (board->entry.hops > depth)
            depth = board->entry.hops;
        curves[count++] = board->entry.curve;
    }
    struct clearing clearing;
    clear_market(curves, count, powers, &clearing);
    d->view.lambda = clearing.lambda;
    d->view.residual_mw = clearing.residual_mw;
    d->view.setpoint_mw = own < count ? powers[own] : 0;
    d->view.depth = depth;
    d->view.certified = false;
    d->view.certified_depth = 0;
    dispatch_setpoint_changed(d);
}

void verdict_refresh(struct dispatch *d)
{
    uint64_t digest = roster_digest(&d->curves, &d->view.live);
    if (digest == d->view.digest)
        return;
    d->view.digest = digest;
    solve(d);
    dispatch_digest_changed(d);
}

/* The vote says: every configured neighbour that is not silent has shown this digest. */
static void revote(struct dispatch *d)
{
    struct dispatch_board *own = roster_find(&d->curves, d->settings.id);
    uint16_t depth = d->view.depth;
    bool agreed = !d->left;
    for (size_t i = 0; i < d->neighbour_count; i++) {
        const struct dispatch_neighbour *n = &d->neighbours[i];
        if (neighbours_silent(d, i))
            continue;
        agreed = agreed && n->heard && n->digest == d->view.digest;
        if (n->depth > depth)
            depth = n->depth;
    }
    uint32_t vote = agreed ? verdict_vote(d->view.digest) : 0;
    if (vote == own->entry.vote)
        return;
    own->entry.vote = vote;
    own->entry.heartbeat++;
    own->vote_depth = depth;
    roster_renew(own, agreed, neighbours_mask(d), d->now);
}

static void certify(struct dispatch *d)
{
    uint32_t vote = verdict_vote(d->view.digest);
    uint16_t depth = d->view.depth;
    bool certified = !d->left;
    for (size_t i = 0; i < d->curves.count; i++) {
        const struct dispatch_board *board = &d->curves.boards[i];
        if (board->state != BOARD_LIVE)
            continue;
        bool fresh =
            board->entry.id == d->settings.id || d->now - board->seen_at <= verdict_freshness(d, board);
        certified = certified && fresh && board->entry.vote == vote;
        if (board->vote_depth > depth)
            depth = board->vote_depth;
    }
    if (certified && !d->view.certified)
        d->view.certified_depth = depth;
    if (!certified)
        d->view.certified_depth = 0;
    d->view.certified = certified;
}

/* A neighbour that said good-bye, to us or to others, is not waited for, however long it can still be heard.
 */
static void note_leavers(struct dispatch *d)
{
    for (size_t i = 0; i < d->neighbour_count; i++) {
        const struct dispatch_board *board = roster_find(&d->curves, d->neighbours[i].id);
        d->neighbours[i].gone = board != NULL && board->entry.dead;
    }
}

void verdict_settle(struct dispatch *d)
{
    note_leavers(d);
    verdict_refresh(d);
    revote(d);
    certify(d);
    d->curves.full = roster_full(&d->curves);
}

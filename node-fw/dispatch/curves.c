/* The method `curves`: every board floods its curve, and clears the market of all that it knows by itself. */
#include "node-fw/dispatch/entry.h"
#include "node-fw/dispatch/method.h"
#include "node-fw/dispatch/neighbours.h"
#include "node-fw/dispatch/roster.h"
#include "node-fw/dispatch/verdict.h"

/* A heartbeat waits this long for company. */
#define COMPANY_MS 100
/* On crowded wires longer, so that boards that only beat leave most of the wire free. */
#define COMPANY_MS_PER_EAR 35
#define COMPANY_MS_MOST    600
/* And this long when it needs a whole entry: while boards change their minds, newer keys soon replace it. */
#define COMPANY_LONG_MS 600
/* After this many beats were not acknowledged, the whole entry is sent: something in it is not known. */
#define SHORT_SENDS 6
/* A grave is kept for a quarter of the heartbeats that serial-number arithmetic can tell apart. */
#define GRAVE_BEATS 8192
/* Own ids seen under other keys before two boards are suspected of sharing it. */
#define REFUTATIONS_SUSPECT 3

static struct dispatch_board *own_board(struct dispatch *d)
{
    return roster_find(&d->curves, d->settings.id);
}

static uint64_t bit(size_t neighbour)
{
    return UINT64_C(1) << neighbour;
}

/* The neighbours of the mask have the board's key. */
static void told(struct dispatch_board *board, uint64_t neighbours)
{
    board->has |= neighbours;
    board->has_curve |= neighbours;
}

/* -- taking ------------------------------------------------------------------------------------ */

static size_t body_size(const struct broadcast *b)
{
    return (size_t)b->beats * ENTRY_BEAT_SIZE + (size_t)b->entries * ENTRY_SIZE;
}

static bool valid(const struct broadcast *b)
{
    struct reader r = reader_at(b->body);
    struct entry_beat beat;
    struct entry entry;
    for (int i = 0; i < b->beats; i++) {
        if (!entry_read_beat(&r, &beat))
            return false;
    }
    for (int i = 0; i < b->entries; i++) {
        if (!entry_read(&r, &entry))
            return false;
    }
    return true;
}

/* Somebody speaks for this board under a newer key or with another curve: an earlier life whose boot counter
 * was lost since, or a second board with the same id. Outbid it; but when that never ends, no more than once
 * a heartbeat. */
static void refute(struct dispatch *d, struct dispatch_board *own, uint16_t incarnation)
{
    struct dispatch_curves *c = &d->curves;
    if (d->left || (d->view.duplicate_suspected && d->now - c->refuted_at < dispatch_beat_period(d)))
        return;
    c->refuted_at = d->now;
    if (c->refutations < REFUTATIONS_SUSPECT)
        c->refutations++;
    d->view.duplicate_suspected = c->refutations == REFUTATIONS_SUSPECT;
    own->entry.incarnation = (uint16_t)(incarnation + 1);
    own->has_curve = 0;
    roster_renew(own, true, neighbours_mask(d), d->now);
    dispatch_begin_life(d, own->entry.incarnation);
}

/* The neighbour has an older key than ours. A grave is worth telling only to the board that lies in it. */
static void behind(struct dispatch *d, struct dispatch_board *board, size_t neighbour)
{
    bool had = (board->has & bit(neighbour)) != 0;
    if (!had || (board->state == BOARD_GRAVE && d->neighbours[neighbour].id != board->entry.id))
        return;
    board->has &= ~bit(neighbour);
    board->has_curve &= ~bit(neighbour);
    board->urgent = true;
    board->sends = 0;
}

/* Makes `e`, which is newer than what is known, the entry of the board. */
static void adopt(struct dispatch *d, struct dispatch_board *board, const struct entry *e, uint16_t depth)
{
    struct entry *old = &board->entry;
    enum dispatch_board_state state = e->dead ? BOARD_LEFT : BOARD_LIVE;
    bool another = entry_hash(old) != entry_hash(e);
    bool moved = another || board->state != state;
    bool voted = e->vote != old->vote && e->vote != 0;
    uint8_t hops = old->hops;
    if (moved)
        hops = e->hops < UINT8_MAX ? (uint8_t)(e->hops + 1) : UINT8_MAX;
    if (moved || voted)
        board->vote_depth = depth;
    if (another)
        board->has_curve = 0;
    *old = *e;
    old->hops = hops;
    board->state = state;
    roster_renew(board, moved || voted, neighbours_mask(d), d->now);
}

/* True when two entries that should be the same are not: no board says both. */
static bool contradicts(const struct entry *a, const struct entry *b)
{
    return a->incarnation == b->incarnation && a->version == b->version && entry_hash(a) != entry_hash(b);
}

/* Takes one entry that neighbour `from` sent in `b`. */
static void merge(struct dispatch *d, size_t from, const struct entry *e, const struct broadcast *b,
                  bool late)
{
    struct dispatch_board *board = roster_find(&d->curves, e->id);
    int order = board != NULL ? entry_order(e, &board->entry) : 1;
    if (e->id == d->settings.id && (order > 0 || contradicts(e, &board->entry))) {
        refute(d, board, e->incarnation);
        return;
    }
    if (board == NULL)
        board = roster_add(&d->curves, e->id);
    if (board == NULL)
        return;
    if (order > 0) {
        adopt(d, board, e, b->depth);
        board->source = (uint8_t)from;
        board->told_in = b->sequence;
    }
    if (order >= 0)
        told(board, bit(from));
    else if (!late)
        behind(d, board, from);
}

/* Takes one beat; false when it speaks of an incarnation, version or curve that is not known. */
static bool merge_beat(struct dispatch *d, size_t from, const struct entry_beat *beat,
                       const struct broadcast *b, bool late)
{
    const struct dispatch_board *board = roster_find(&d->curves, beat->id);
    if (board == NULL || (uint16_t)entry_hash(&board->entry) != beat->check)
        return false;
    struct entry e = board->entry;
    uint16_t ahead = (beat->heartbeat - e.heartbeat) & 0x7fff;
    e.heartbeat = (uint16_t)(e.heartbeat + (ahead < 0x4000 ? ahead : ahead - 0x8000));
    e.vote = beat->voted ? verdict_vote(b->digest) : 0;
    merge(d, from, &e, b, late);
    return true;
}

static bool take(struct dispatch *d, size_t from, const struct broadcast *b, bool late)
{
    struct reader beats = reader_at(b->body);
    struct reader entries = beats;
    read_bytes(&entries, (size_t)b->beats * ENTRY_BEAT_SIZE);
    struct entry e;
    for (int i = 0; i < b->entries && entry_read(&entries, &e); i++)
        merge(d, from, &e, b, late);
    verdict_refresh(d);
    bool whole = true;
    struct entry_beat beat;
    for (int i = 0; i < b->beats && entry_read_beat(&beats, &beat); i++)
        whole = merge_beat(d, from, &beat, b, late) && whole;
    verdict_settle(d);
    if (!late && b->full == d->curves.full && b->digest == d->view.digest) {
        for (size_t i = 0; i < d->curves.count; i++) {
            if (d->curves.boards[i].state == BOARD_LIVE)
                told(&d->curves.boards[i], bit(from));
        }
    }
    return whole;
}

static void acknowledged(struct dispatch *d, size_t neighbour, const struct broadcast_ack *ack)
{
    /* The newest broadcast was heard, that much is sure: if it was not taken, some beat in it was not
     * understood. */
    const struct broadcast_ack unused = {ack->neighbour, ack->sequence, ~ack->taken & 1};
    for (size_t i = 0; i < d->curves.count; i++) {
        struct dispatch_board *board = &d->curves.boards[i];
        if (broadcast_acknowledges(ack, board->sequence, board->carried))
            told(board, bit(neighbour));
        else if (broadcast_acknowledges(&unused, board->sequence, board->carried))
            board->has_curve &= ~bit(neighbour);
    }
}

static void overheard(struct dispatch *d, size_t neighbour, size_t of, const struct broadcast_ack *ack)
{
    for (size_t i = 0; i < d->curves.count; i++) {
        struct dispatch_board *board = &d->curves.boards[i];
        if (board->source == of && broadcast_acknowledges(ack, board->told_in, 1))
            told(board, bit(neighbour));
    }
}

static void outdated(struct dispatch *d, size_t neighbour)
{
    struct dispatch_board *board = roster_find(&d->curves, d->neighbours[neighbour].id);
    if (board != NULL)
        behind(d, board, neighbour);
}

/* -- changes ----------------------------------------------------------------------------------- */

static void forget(struct dispatch *d, size_t neighbour)
{
    for (size_t i = 0; i < d->curves.count; i++) {
        struct dispatch_board *board = &d->curves.boards[i];
        board->has_curve &= ~bit(neighbour);
        if (board->state == BOARD_GRAVE)
            continue;
        board->has &= ~bit(neighbour);
        if (board->source == neighbour)
            board->source = BB_NEIGHBOURS_MAX;
        board->urgent = true;
        if (board->sends > 1)
            board->sends = 1;
    }
}

static uint64_t moved(uint64_t mask, const uint8_t moved_to[BB_NEIGHBOURS_MAX])
{
    uint64_t result = 0;
    for (size_t k = 0; k < BB_NEIGHBOURS_MAX; k++) {
        if ((mask & bit(k)) != 0 && moved_to[k] < BB_NEIGHBOURS_MAX)
            result |= bit(moved_to[k]);
    }
    return result;
}

static void renumber(struct dispatch *d, const uint8_t moved_to[BB_NEIGHBOURS_MAX])
{
    for (size_t i = 0; i < d->curves.count; i++) {
        struct dispatch_board *board = &d->curves.boards[i];
        board->has = board->state == BOARD_GRAVE ? UINT64_MAX : moved(board->has, moved_to);
        board->has_curve = moved(board->has_curve, moved_to);
        if (board->source < BB_NEIGHBOURS_MAX)
            board->source = moved_to[board->source];
    }
}

static void start(struct dispatch *d)
{
    struct dispatch_board *own = roster_add(&d->curves, d->settings.id);
    own->state = BOARD_LIVE;
    own->entry.incarnation = d->settings.incarnation;
    own->entry.curve = d->settings.curve;
    roster_renew(own, true, 0, d->now);
    verdict_settle(d);
}

static void beat(struct dispatch *d)
{
    struct dispatch_board *own = own_board(d);
    own->entry.heartbeat++;
    roster_renew(own, false, neighbours_mask(d), d->now);
    roster_clean(&d->curves, d->now - GRAVE_BEATS * dispatch_beat_period(d));
}

/* True when neighbour `i` has every curve, as far as is known, and shows another digest all the same. */
static bool inconsistent(const struct dispatch *d, size_t i)
{
    const struct dispatch_neighbour *n = &d->neighbours[i];
    if (!neighbours_live(n) || n->differs_since == INT64_MAX ||
        d->now - n->differs_since <= 2 * dispatch_beat_period(d))
        return false;
    for (size_t k = 0; k < d->curves.count; k++) {
        if (d->curves.boards[k].state == BOARD_LIVE && (d->curves.boards[k].has_curve & bit(i)) == 0)
            return false;
    }
    return true;
}

static void pass_time(struct dispatch *d)
{
    for (size_t i = 0; i < d->neighbour_count; i++) {
        if (!inconsistent(d, i))
            continue;
        /* What it is believed to know cannot all be true: tell it everything again. */
        d->neighbours[i].differs_since = d->now;
        forget(d, i);
    }
    for (size_t i = 0; i < d->curves.count; i++) {
        struct dispatch_board *board = &d->curves.boards[i];
        bool expires = board->state != BOARD_GRAVE && board->entry.id != d->settings.id;
        if (!expires || d->now - board->seen_at <= verdict_expiry(d, board))
            continue;
        board->state = BOARD_GRAVE;
        board->has = UINT64_MAX;
    }
    verdict_settle(d);
}

static int64_t pass_at(const struct dispatch *d)
{
    int64_t at = INT64_MAX;
    for (size_t i = 0; i < d->curves.count; i++) {
        const struct dispatch_board *board = &d->curves.boards[i];
        if (board->state == BOARD_GRAVE || board->entry.id == d->settings.id)
            continue;
        int64_t patience = d->view.certified ? verdict_freshness(d, board) : verdict_expiry(d, board);
        if (board->seen_at + patience + 1 < at)
            at = board->seen_at + patience + 1;
    }
    for (size_t i = 0; i < d->neighbour_count; i++) {
        const struct dispatch_neighbour *n = &d->neighbours[i];
        if (!n->heard && n->awaited_until > d->now && n->awaited_until < at)
            at = n->awaited_until;
    }
    return at;
}

static void curve_changed(struct dispatch *d)
{
    struct dispatch_board *own = own_board(d);
    own->entry.curve = d->settings.curve;
    own->entry.version++;
    own->has_curve = 0;
    roster_renew(own, true, neighbours_mask(d), d->now);
    verdict_settle(d);
}

static void leave(struct dispatch *d)
{
    struct dispatch_board *own = own_board(d);
    own->entry.version++;
    own->has_curve = 0;
    own->entry.vote = 0;
    own->entry.dead = true;
    own->state = BOARD_LEFT;
    roster_renew(own, true, neighbours_mask(d), d->now);
    verdict_settle(d);
}

/* -- sending ----------------------------------------------------------------------------------- */

/* True when the board is still to be told to somebody. Its own first words need no listener. */
static bool lacking(const struct dispatch *d, const struct dispatch_board *board, uint64_t live)
{
    bool own = board->entry.id == d->settings.id;
    if (own && board->sends == 0)
        return true;
    return (own || !d->left) && (board->has & live) != live;
}

/* True when a beat says all that the live neighbours do not know of the board. */
static bool beat_suffices(const struct dispatch *d, const struct dispatch_board *board, uint64_t live)
{
    uint32_t vote = board->entry.vote;
    return board->state == BOARD_LIVE && board->sends < SHORT_SENDS && live != 0 &&
           (board->has_curve & live) == live && (vote == 0 || vote == verdict_vote(d->view.digest));
}

static int64_t company(const struct dispatch *d)
{
    return neighbours_pause(d, COMPANY_MS, COMPANY_MS_PER_EAR, COMPANY_MS_MOST);
}

/* When a lacking board is to be sent (again). */
static int64_t send_at(const struct dispatch *d, const struct dispatch_board *board, uint64_t live)
{
    if (board->sends == 0 && board->urgent)
        return INT64_MIN;
    if (board->sends == 0 && live == 0)
        return board->seen_at;
    if (board->sends == 0)
        return board->seen_at + (beat_suffices(d, board, live) ? company(d) : COMPANY_LONG_MS);
    return board->sent_at + dispatch_retry(d, board->sends);
}

static struct dispatch_news news(const struct dispatch *d)
{
    struct dispatch_news news = {INT64_MAX, INT64_MAX};
    uint64_t live = neighbours_mask(d);
    for (size_t i = 0; i < d->curves.count; i++) {
        const struct dispatch_board *board = &d->curves.boards[i];
        if (!lacking(d, board, live))
            continue;
        int64_t *at = board->urgent ? &news.urgent_at : &news.calm_at;
        int64_t when = send_at(d, board, live);
        if (when < *at)
            *at = when;
    }
    return news;
}

static void note_sent(struct dispatch *d, struct dispatch_board *board, struct broadcast *b)
{
    uint32_t since = b->sequence - board->sequence;
    board->carried = (uint16_t)((since < 16 ? board->carried << since : 0) | 1);
    board->sequence = b->sequence;
    board->sent_at = d->now;
    if (board->sends < UINT8_MAX)
        board->sends++;
    uint16_t depth = board->entry.hops;
    if (board->entry.vote != 0 && board->vote_depth > depth)
        depth = board->vote_depth;
    if (b->depth < depth + 1)
        b->depth = (uint16_t)(depth + 1);
}

/* Appends beats: they are short, so they go along with whatever is sent until they are acknowledged. */
static void fill_beats(struct dispatch *d, struct broadcast *b, struct writer *w, uint64_t live)
{
    for (size_t i = 0; i < d->curves.count && w->capacity - w->size >= ENTRY_BEAT_SIZE; i++) {
        struct dispatch_board *board = &d->curves.boards[i];
        const struct entry *e = &board->entry;
        if (!lacking(d, board, live) || !beat_suffices(d, board, live))
            continue;
        if (board->sends > 0 &&
            (d->now - board->sent_at < company(d) || (d->now - board->sent_at) * 1000 < d->answer_us))
            continue;
        entry_write_beat(w, &(struct entry_beat){e->id, e->heartbeat, e->vote != 0, (uint16_t)entry_hash(e)});
        note_sent(d, board, b);
        b->beats++;
    }
}

/* Appends entries that were sent `sends` times, or that often and more when `upwards`. */
static void fill_entries(struct dispatch *d, struct broadcast *b, struct writer *w, uint64_t live,
                         uint8_t sends, bool upwards)
{
    for (size_t i = 0; i < d->curves.count && w->capacity - w->size >= ENTRY_SIZE; i++) {
        struct dispatch_board *board = &d->curves.boards[i];
        bool turn = board->sends == sends || (upwards && board->sends > sends);
        if (!turn || !lacking(d, board, live) || send_at(d, board, live) > d->now)
            continue;
        struct entry e = board->entry;
        e.dead = board->state != BOARD_LIVE;
        entry_write(w, &e);
        note_sent(d, board, b);
        b->entries++;
    }
}

static void fill(struct dispatch *d, struct broadcast *b, struct writer *w)
{
    uint64_t live = neighbours_mask(d);
    b->digest = d->view.digest;
    b->full = d->curves.full;
    b->depth = (uint16_t)(d->view.depth + 1);
    fill_beats(d, b, w, live);
    /* Fewest sends first. What was sent in this very broadcast is not due again. */
    fill_entries(d, b, w, live, 0, false);
    fill_entries(d, b, w, live, 1, false);
    fill_entries(d, b, w, live, 2, true);
}

const struct dispatch_method_table dispatch_curves_method = {
    .floods = true,
    .body_size = body_size,
    .valid = valid,
    .start = start,
    .take = take,
    .acknowledged = acknowledged,
    .overheard = overheard,
    .outdated = outdated,
    .forget = forget,
    .renumber = renumber,
    .beat = beat,
    .pass = pass_time,
    .pass_at = pass_at,
    .news = news,
    .fill = fill,
    .curve_changed = curve_changed,
    .leave = leave,
};

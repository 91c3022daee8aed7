#include "node-fw/dispatch/dispatch.h"

#include "node-fw/dispatch/answers.h"
#include "node-fw/dispatch/audit.h"
#include "node-fw/dispatch/broadcast.h"
#include "node-fw/dispatch/method.h"
#include "node-fw/dispatch/neighbours.h"

#define EXCHANGE_MS  150
#define HEARTBEAT_MS 1000
#define EXPIRY_MS    4000
/* Milliseconds between heartbeats for each board of the neighbourhood. */
#define BEAT_MS_PER_BOARD 20
/* Broadcasts in one exchange: 12 of 256 bytes are what a link queues with room to spare (LINK_OUTPUT_MAX). */
#define BURST_MAX 12
/* On a wire of 115 200 baud a broadcast takes up to 22 ms, and its answer too. */
#define PATIENCE_MS_PER_EAR 35
/* After this many sends without an answer the pause doubles, up to a heartbeat's. */
#define EAGER_SENDS 2
/* Acknowledgements and shares in one broadcast; what has no room waits for the next. */
#define ANSWERS_MAX      4
#define ANSWERS_CALM_MAX 16
#define SHARES_MAX       4
/* Shares go along this often, and less often once the mismatch looks settled (10 W a board). */
#define SHARE_MS         150
#define SHARE_SETTLED_MS 600
#define SHARE_MS_PER_EAR 40
#define SHARE_MS_MOST    2000
#define SETTLED_MW       10000

/* The table of methods, by enum dispatch_method. */
static const struct dispatch_method_table *const methods[] = {
    [DISPATCH_CURVES] = &dispatch_curves_method,
    [DISPATCH_INCREMENTAL_COST] = &dispatch_incremental_method,
};

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void advance(struct dispatch *d, struct mono now)
{
    d->now = later(d->now, now.ms);
}

/* -- what the methods call --------------------------------------------------------------------- */

void dispatch_digest_changed(struct dispatch *d)
{
    d->shown_at = INT64_MIN;
    for (size_t i = 0; i < d->neighbour_count; i++) {
        d->neighbours[i].knows = false;
        d->neighbours[i].showings = 0;
    }
}

void dispatch_begin_life(struct dispatch *d, uint16_t incarnation)
{
    d->view.incarnation = incarnation;
    d->view.incarnation_changed = true;
    d->sequence = (uint32_t)incarnation << 16;
    dispatch_digest_changed(d);
}

void dispatch_setpoint_changed(struct dispatch *d)
{
    int64_t power = d->applied_given ? d->applied_mw : d->view.setpoint_mw;
    audit_set(&d->audit, d->settings.curve.kind == CURVE_CONSUMER ? power : -power);
}

int64_t dispatch_beat_period(const struct dispatch *d)
{
    int64_t boards = later(d->settings.size, d->view.live);
    return later(d->settings.heartbeat_ms, boards * BEAT_MS_PER_BOARD);
}

int64_t dispatch_expiry(const struct dispatch *d)
{
    return later(d->settings.expiry_ms, 4 * dispatch_beat_period(d));
}

int64_t dispatch_patience(const struct dispatch *d)
{
    int64_t beat = dispatch_beat_period(d);
    int64_t least = neighbours_pause(d, d->settings.exchange_ms, PATIENCE_MS_PER_EAR, beat);
    return later(least, earlier(2 * d->answer_us / 1000, dispatch_expiry(d)));
}

int64_t dispatch_retry(const struct dispatch *d, uint8_t sends)
{
    int64_t patience = dispatch_patience(d);
    int doublings = sends <= EAGER_SENDS ? 0 : sends - EAGER_SENDS;
    return later(patience, earlier(patience << (doublings < 4 ? doublings : 4), dispatch_beat_period(d)));
}

/* -- starting and changing --------------------------------------------------------------------- */

static bool settings_valid(const struct dispatch_settings *s)
{
    return s->id != 0 && s->size >= 1 && s->size <= BB_BOARDS_MAX && curve_valid(&s->curve) &&
           (size_t)s->method < sizeof methods / sizeof *methods &&
           neighbours_valid(s->id, s->neighbours, s->neighbour_count);
}

enum status dispatch_init(struct dispatch *d, const struct dispatch_settings *settings, struct mono now)
{
    if (!settings_valid(settings))
        return BB_RANGE;
    memset(d, 0, sizeof *d);
    d->settings = *settings;
    if (d->settings.exchange_ms == 0)
        d->settings.exchange_ms = EXCHANGE_MS;
    if (d->settings.heartbeat_ms == 0)
        d->settings.heartbeat_ms = HEARTBEAT_MS;
    if (d->settings.expiry_ms == 0)
        d->settings.expiry_ms = EXPIRY_MS;
    d->method = methods[settings->method];
    d->now = d->started = now.ms;
    d->exchanged_at = d->shown_at = INT64_MIN;
    for (size_t i = 0; i < DISPATCH_ASKED; i++)
        d->asked_at[i] = INT64_MAX;
    d->view.incarnation = settings->incarnation;
    d->sequence = (uint32_t)settings->incarnation << 16;
    uint8_t moved_to[BB_NEIGHBOURS_MAX];
    neighbours_set(d, settings->neighbours, settings->neighbour_count, moved_to);
    audit_start(&d->audit);
    d->method->start(d);
    d->beat_at = d->now + 2 * (int64_t)d->settings.exchange_ms;
    return BB_OK;
}

enum status dispatch_set_curve(struct dispatch *d, const struct curve *curve, struct mono now)
{
    if (!curve_valid(curve))
        return BB_RANGE;
    advance(d, now);
    const struct curve *old = &d->settings.curve;
    if (old->kind == curve->kind && old->lo == curve->lo && old->hi == curve->hi && old->pmax == curve->pmax)
        return BB_OK;
    d->settings.curve = *curve;
    d->method->curve_changed(d);
    dispatch_setpoint_changed(d);
    return BB_OK;
}

/* Whatever was told to neighbour `i` and shared with it counts no more. */
static void part_from(struct dispatch *d, size_t i)
{
    audit_reset(&d->audit, &d->neighbours[i]);
    d->method->forget(d, i);
}

enum status dispatch_set_neighbours(struct dispatch *d, const uint16_t *ids, size_t count, struct mono now)
{
    if (!neighbours_valid(d->settings.id, ids, count))
        return BB_RANGE;
    advance(d, now);
    for (size_t i = 0; i < d->neighbour_count; i++) {
        bool stays = false;
        for (size_t k = 0; k < count; k++)
            stays = stays || ids[k] == d->neighbours[i].id;
        if (!stays)
            part_from(d, i);
    }
    uint8_t moved_to[BB_NEIGHBOURS_MAX];
    neighbours_set(d, ids, count, moved_to);
    d->method->renumber(d, moved_to);
    d->method->pass(d);
    return BB_OK;
}

void dispatch_set_applied(struct dispatch *d, int64_t power_mw)
{
    d->applied_given = true;
    d->applied_mw = earlier(later(power_mw, 0), UINT32_MAX);
    if (d->method->applied != NULL)
        d->method->applied(d);
    dispatch_setpoint_changed(d);
}

void dispatch_leave(struct dispatch *d, struct mono now)
{
    advance(d, now);
    if (d->left)
        return;
    d->left = true;
    d->method->leave(d);
    dispatch_setpoint_changed(d);
}

/* -- receiving --------------------------------------------------------------------------------- */

/* Reads and validates the whole payload before anything of it is used. */
static bool read_whole(const struct dispatch *d, struct bytes payload, struct broadcast *out)
{
    return payload.size <= BB_LINK_PAYLOAD_MAX && broadcast_read(payload, out) == BB_OK &&
           out->method == d->settings.method && broadcast_cut(out, d->method->body_size(out)) &&
           d->method->valid(out);
}

/* Measures how long the answer to the newest broadcast that the neighbour names has taken. */
static void note_answer(struct dispatch *d, struct dispatch_neighbour *n, uint32_t sequence)
{
    uint32_t back = (d->sequence - 1 - sequence) & 0xffffff;
    bool named = n->answered == sequence;
    n->answered = sequence;
    if (named || back >= DISPATCH_ASKED)
        return;
    int64_t asked = d->asked_at[(d->sequence - 1 - back) % DISPATCH_ASKED];
    if (asked > d->now)
        return;
    int64_t more = (d->now - asked) * 1000 - d->answer_us;
    /* The slow neighbours count most: it is their wires that are full. */
    d->answer_us += more > 0 ? more / 4 : more / 16;
}

static void take_answers(struct dispatch *d, size_t i, const struct broadcast *b)
{
    struct dispatch_neighbour *n = &d->neighbours[i];
    struct reader r = reader_at(b->ack_bytes);
    for (int k = 0; k < b->acks; k++) {
        struct broadcast_ack ack = broadcast_read_ack(&r);
        if (ack.neighbour != d->settings.id) {
            size_t of = neighbours_find(d, ack.neighbour);
            if (of < d->neighbour_count && d->method->overheard != NULL)
                d->method->overheard(d, i, of, &ack);
            continue;
        }
        d->method->acknowledged(d, i, &ack);
        note_answer(d, n, ack.sequence);
        /* Whatever it heard since the digest was first shown has shown it. */
        if (d->shown_at != INT64_MIN && ((ack.sequence - d->shown) & 0xffffff) < 0x10000)
            n->knows = true;
    }
}

static void take_shares(struct dispatch *d, size_t i, const struct broadcast *b)
{
    struct reader r = reader_at(b->share_bytes);
    for (int k = 0; k < b->shares; k++) {
        struct broadcast_share share = broadcast_read_share(&r);
        if (share.neighbour == d->settings.id)
            audit_take(&d->audit, &d->neighbours[i], &share);
    }
}

static void take(struct dispatch *d, size_t i, const struct broadcast *b)
{
    bool fresh;
    enum hearing hearing = neighbours_hear(d, i, b, &fresh);
    if (fresh)
        part_from(d, i);
    if (hearing == HEARD_OUTDATED)
        d->method->outdated(d, i);
    if (hearing == HEARD_OUTDATED || hearing == HEARD_REPEATED) {
        d->counters.stale++;
        return;
    }
    take_answers(d, i, b);
    bool whole = d->method->take(d, i, b, hearing == HEARD_LATE);
    neighbours_took(d, i, b, whole);
    if (hearing == HEARD_NEW)
        take_shares(d, i, b);
}

enum status dispatch_receive(struct dispatch *d, struct bytes payload, struct mono now)
{
    advance(d, now);
    d->counters.received++;
    struct broadcast b;
    if (!read_whole(d, payload, &b)) {
        d->counters.malformed++;
        return BB_MALFORMED;
    }
    size_t i = neighbours_find(d, b.source);
    if (i == d->neighbour_count) {
        d->counters.foreign++;
        return BB_NOT_FOUND;
    }
    take(d, i, &b);
    return BB_OK;
}

enum status dispatch_peek(struct bytes payload, uint16_t *source_out, uint16_t *incarnation_out,
                          uint16_t *depth_out)
{
    struct broadcast b;
    if (payload.size > BB_LINK_PAYLOAD_MAX || broadcast_read(payload, &b) != BB_OK)
        return BB_MALFORMED;
    *source_out = b.source;
    *incarnation_out = b.incarnation;
    *depth_out = b.depth;
    return BB_OK;
}

/* -- pacing ------------------------------------------------------------------------------------ */

/* True while exchange d->exchange of the neighbour is still to come. At the start those that were never heard
 * are waited for a little, so that boards that start together keep step. */
static bool awaited(const struct dispatch *d, const struct dispatch_neighbour *n)
{
    if (!n->heard)
        return d->now - d->started < 2 * (int64_t)d->settings.exchange_ms;
    return !n->gone && (int16_t)(uint16_t)(n->exchange - d->exchange) < 0;
}

/* The earliest time for the next exchange: at once when every live neighbour has been heard with this one, or
 * when nobody was asked to answer it. */
static int64_t pace_at(const struct dispatch *d)
{
    if (d->burst > 0 || d->exchanged_at == INT64_MIN || !d->asked)
        return INT64_MIN;
    for (size_t i = 0; i < d->neighbour_count; i++) {
        if (awaited(d, &d->neighbours[i]))
            return d->exchanged_at + dispatch_patience(d);
    }
    return INT64_MIN;
}

/* The time at which the digest must be shown (again): until every live neighbour has answered. */
static int64_t show_at(const struct dispatch *d)
{
    int64_t at = INT64_MAX;
    for (size_t i = 0; i < d->neighbour_count && d->method->floods && !d->left; i++) {
        const struct dispatch_neighbour *n = &d->neighbours[i];
        if (!neighbours_live(n) || n->knows)
            continue;
        if (d->shown_at == INT64_MIN)
            return INT64_MIN;
        int64_t pause = dispatch_retry(d, n->showings);
        at = earlier(at, d->shown_at + pause);
    }
    return at;
}

/* At once when a neighbour that is an exchange ahead wants an answer: it waits for this board's exchange even
 * if there is nothing in it. */
static int64_t follow_at(const struct dispatch *d)
{
    for (size_t i = 0; i < d->neighbour_count; i++) {
        const struct dispatch_neighbour *n = &d->neighbours[i];
        if (neighbours_live(n) && n->owed && (int16_t)(uint16_t)(n->exchange - d->exchange) > 0)
            return INT64_MIN;
    }
    return INT64_MAX;
}

/* When the next broadcast is to go out, and whether it belongs to an exchange. */
static int64_t send_at(const struct dispatch *d, bool *exchange_out)
{
    struct dispatch_news news = d->method->news(d);
    int64_t urgent = earlier(earlier(news.urgent_at, show_at(d)), follow_at(d));
    int64_t calm = earlier(news.calm_at, answers_at(d));
    if (urgent < INT64_MAX)
        urgent = later(urgent, pace_at(d));
    *exchange_out = urgent <= d->now || urgent <= calm;
    return earlier(urgent, calm);
}

/* Lets neighbours that were not heard for the expiry time fall silent. */
static void pass_neighbours(struct dispatch *d)
{
    for (size_t i = 0; i < d->neighbour_count; i++) {
        struct dispatch_neighbour *n = &d->neighbours[i];
        if (!n->heard)
            continue;
        if (d->now - n->heard_at > dispatch_expiry(d)) {
            part_from(d, i);
            neighbours_silence(d, i);
        } else if (!d->method->floods || n->digest == d->view.digest) {
            n->differs_since = INT64_MAX;
        } else if (n->differs_since == INT64_MAX) {
            n->differs_since = d->now;
        }
    }
}

/* While some neighbour has never answered, a young board announces itself more often. */
static int64_t next_beat(const struct dispatch *d)
{
    bool calling = false;
    for (size_t i = 0; i < d->neighbour_count; i++)
        calling = calling || !d->neighbours[i].heard;
    if (calling && d->now - d->started < dispatch_expiry(d))
        return d->now + earlier(2 * (int64_t)d->settings.exchange_ms, dispatch_beat_period(d));
    return d->now + dispatch_beat_period(d);
}

static void pass(struct dispatch *d)
{
    pass_neighbours(d);
    if (!d->left && d->now >= d->beat_at) {
        d->method->beat(d);
        d->beat_at = next_beat(d);
    }
    d->method->pass(d);
}

struct mono dispatch_due(const struct dispatch *d)
{
    bool exchange;
    int64_t at = earlier(send_at(d, &exchange), d->method->pass_at(d));
    if (!d->left)
        at = earlier(at, d->beat_at);
    for (size_t i = 0; i < d->neighbour_count; i++) {
        if (d->neighbours[i].heard)
            at = earlier(at, d->neighbours[i].heard_at + dispatch_expiry(d) + 1);
    }
    return (struct mono){later(at, d->now)};
}

/* -- sending ----------------------------------------------------------------------------------- */

/* The number of the next exchange; a late-comer takes its neighbours'. */
static uint16_t next_exchange(const struct dispatch *d)
{
    uint16_t next = (uint16_t)(d->exchange + 1);
    for (size_t i = 0; i < d->neighbour_count; i++) {
        const struct dispatch_neighbour *n = &d->neighbours[i];
        if (neighbours_live(n) && (int16_t)(uint16_t)(n->exchange - next) > 0)
            next = n->exchange;
    }
    return next;
}

static uint8_t write_shares(struct dispatch *d, struct writer *w)
{
    uint8_t count = 0;
    size_t degree = neighbours_count_live(d);
    if (!d->method->floods)
        return 0;
    bool restless = d->audit.estimate_mw > SETTLED_MW || d->audit.estimate_mw < -SETTLED_MW;
    int64_t least = restless ? SHARE_MS : SHARE_SETTLED_MS;
    if (d->now - d->audit.given_at < neighbours_pause(d, least, SHARE_MS_PER_EAR, SHARE_MS_MOST))
        return 0;
    for (size_t k = 0; k < d->neighbour_count && count < SHARES_MAX; k++) {
        struct dispatch_neighbour *n = &d->neighbours[d->audit.turn++ % d->neighbour_count];
        if (w->capacity - w->size < BROADCAST_SHARE)
            break;
        if (!neighbours_live(n))
            continue;
        struct broadcast_share share = audit_give(&d->audit, n, degree);
        broadcast_write_share(w, &share);
        count++;
    }
    if (count > 0)
        d->audit.given_at = d->now;
    return count;
}

static void note_shown(struct dispatch *d)
{
    if (d->shown_at == INT64_MIN)
        d->shown = d->sequence;
    d->shown_at = d->now;
    for (size_t i = 0; i < d->neighbour_count; i++) {
        struct dispatch_neighbour *n = &d->neighbours[i];
        if (!n->knows && n->showings < UINT8_MAX)
            n->showings++;
    }
}

static void begin_exchange(struct dispatch *d)
{
    if (d->burst == 0) {
        d->exchange = next_exchange(d);
        d->burst = BURST_MAX;
    }
    d->burst--;
    d->exchanged_at = d->now;
}

static size_t send(struct dispatch *d, bool exchange, uint8_t *out)
{
    bool shows = show_at(d) < INT64_MAX;
    if (exchange)
        begin_exchange(d);
    struct writer w = writer_at(out, BB_LINK_PAYLOAD_MAX);
    struct broadcast b = {.method = (uint8_t)d->settings.method,
                          .source = d->settings.id,
                          .incarnation = d->view.incarnation,
                          .sequence = d->sequence,
                          .exchange = d->exchange,
                          .degree = (uint8_t)neighbours_count_live(d)};
    broadcast_write(&w, &b);
    if (d->method->floods)
        b.acks = answers_write(d, &w, exchange ? ANSWERS_MAX : ANSWERS_CALM_MAX);
    d->method->fill(d, &b, &w);
    b.shares = write_shares(d, &w);
    b.answer = d->method->floods && (shows || b.beats > 0 || b.entries > 0);
    note_shown(d);
    if (exchange)
        d->asked = b.answer || !d->method->floods;
    b.more = exchange && d->burst > 0 && d->method->news(d).urgent_at <= d->now;
    if (exchange && !b.more)
        d->burst = 0;
    struct writer header = writer_at(out, BROADCAST_HEADER);
    broadcast_write(&header, &b);
    d->asked_at[d->sequence % DISPATCH_ASKED] = b.answer ? d->now : INT64_MAX;
    d->sequence++;
    d->counters.sent++;
    d->counters.bytes_sent += (uint32_t)w.size;
    d->counters.entries_sent += b.entries;
    return w.size;
}

size_t dispatch_poll(struct dispatch *d, struct mono now, uint8_t *out)
{
    advance(d, now);
    pass(d);
    bool exchange;
    if (send_at(d, &exchange) <= d->now)
        return send(d, exchange, out);
    d->burst = 0;
    return 0;
}

/* -- looking ----------------------------------------------------------------------------------- */

struct dispatch_view dispatch_view(const struct dispatch *d)
{
    struct dispatch_view view = d->view;
    if (d->method->floods)
        view.mismatch_mw = d->audit.estimate_mw;
    view.exchange = d->exchange;
    view.neighbours_live = (uint16_t)neighbours_count_live(d);
    return view;
}

struct dispatch_counters dispatch_counters(const struct dispatch *d)
{
    return d->counters;
}

#include "agents/web/model/runs.h"

#include <string.h>

static int32_t within(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

/* The place of a board; a new one is added. BB_BOARDS_MAX: there is no room, or the name is none. */
static size_t place_of(struct runs *r, const struct runs_board *board)
{
    size_t length = strnlen(board->name, BB_NAME_MAX);
    if (length == 0 || length == BB_NAME_MAX)
        return BB_BOARDS_MAX;
    size_t i = 0;
    while (i < r->board_count && strcmp(r->boards[i].name, board->name) != 0)
        i++;
    if (i == r->board_count && i < BB_BOARDS_MAX) {
        r->boards[i] = (struct runs_known){
            .exchange = board->exchange, .incarnation = board->incarnation, .last.board = (uint16_t)i};
        memcpy(r->boards[i].name, board->name, length + 1);
        r->board_count++;
    }
    return i;
}

static bool settled(const struct runs *r)
{
    for (size_t i = 0; i < r->board_count; i++)
        if (r->boards[i].last.online && !r->boards[i].last.certified)
            return false;
    return true;
}

static struct run *live(struct runs *r)
{
    return r->count > 0 && r->list[r->count - 1].ended_ms == 0 ? &r->list[r->count - 1] : NULL;
}

static void drop_oldest(struct runs *r)
{
    memmove(&r->list[0], &r->list[1], (r->count - 1) * sizeof r->list[0]);
    r->count--;
}

static void add_frame(struct runs *r, struct run *run, struct runs_frame *frame, int64_t now_ms)
{
    int64_t since = now_ms - run->started_ms;
    frame->t_ms = since < run->last_ms ? run->last_ms : since > UINT32_MAX ? UINT32_MAX : (uint32_t)since;
    run->last_ms = frame->t_ms;
    r->frames[r->written++ % RUNS_ROOM] = *frame;
    run->frames++;
    while (r->count > 1 && r->written - r->list[0].first > RUNS_ROOM)
        drop_oldest(r);
}

static struct run *begin(struct runs *r, int64_t now_ms)
{
    if (r->count == RUNS_MAX)
        drop_oldest(r);
    r->list[r->count++] = (struct run){.id = ++r->last_id, .started_ms = now_ms, .first = r->written};
    for (size_t i = 0; i < r->board_count; i++) {
        r->boards[i].last.k = 0;
        add_frame(r, &r->list[r->count - 1], &r->boards[i].last, now_ms);
    }
    return &r->list[r->count - 1];
}

static bool says_the_same(const struct runs_frame *a, const struct runs_frame *b)
{
    return a->certified == b->certified && a->online == b->online && a->k == b->k && a->lambda == b->lambda &&
           a->setpoint == b->setpoint && a->power == b->power && a->mismatch == b->mismatch;
}

/* How many exchanges since the last word of the board: after a restart it counts anew. */
static uint32_t exchanges_since(const struct runs_known *known, const struct runs_board *board)
{
    bool restarted = board->incarnation != known->incarnation || board->exchange < known->exchange;
    int64_t more = restarted ? board->exchange : board->exchange - known->exchange;
    return more < 0 || more > UINT32_MAX / 2 ? 0 : (uint32_t)more;
}

/* Notes what the board says; true when the neighbourhood is another one: a board has come, gone or restarted,
 * or has another price. */
static bool note(struct runs_known *known, bool fresh, const struct runs_board *board)
{
    struct runs_frame *last = &known->last;
    int64_t step = board->lambda - last->lambda;
    bool other = fresh || last->online != board->online || known->incarnation != board->incarnation ||
                 (board->online && (step > RUNS_LAMBDA_STEP || step < -RUNS_LAMBDA_STEP));
    last->k += exchanges_since(known, board);
    last->online = board->online;
    last->certified = board->certified;
    last->lambda = within(board->lambda);
    last->setpoint = within(board->setpoint);
    last->power = within(board->power);
    last->mismatch = within(board->mismatch);
    known->consumer = board->consumer;
    known->exchange = board->exchange;
    known->incarnation = board->incarnation;
    return other;
}

enum runs_change runs_take(struct runs *r, const struct runs_board *board, int64_t now_ms)
{
    size_t before = r->board_count, place = place_of(r, board);
    if (place == BB_BOARDS_MAX)
        return RUNS_NOTHING;
    struct runs_known *known = &r->boards[place];
    struct runs_frame old = known->last;
    bool other = note(known, r->board_count > before, board), calm = settled(r);
    struct run *run = live(r);
    r->heard_ms = now_ms;
    if (!calm || other)
        r->settled_ms = 0;
    if (calm && r->settled_ms == 0)
        r->settled_ms = now_ms;
    if (run == NULL && (other || !calm)) {
        begin(r, now_ms);
        return RUNS_BEGAN;
    }
    if (run == NULL || (!other && says_the_same(&old, &known->last)))
        return RUNS_NOTHING;
    add_frame(r, run, &known->last, now_ms);
    if (run->frames >= RUNS_FRAMES_MAX) {
        run->full = true;
        run->ended_ms = now_ms;
    }
    return RUNS_FRAME;
}

enum runs_change runs_tick(struct runs *r, int64_t now_ms)
{
    struct run *run = live(r);
    bool calm = r->settled_ms != 0 && now_ms - r->settled_ms >= RUNS_TAIL_MS;
    if (run == NULL || (!calm && now_ms - r->heard_ms < RUNS_SILENCE_MS))
        return RUNS_NOTHING;
    run->ended_ms = now_ms;
    return RUNS_ENDED;
}

const struct run *runs_live(const struct runs *r)
{
    return r->count > 0 && r->list[r->count - 1].ended_ms == 0 ? &r->list[r->count - 1] : NULL;
}

const struct run *runs_find(const struct runs *r, uint32_t id)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->list[i].id == id)
            return &r->list[i];
    return NULL;
}

const struct runs_frame *runs_frame(const struct runs *r, const struct run *run, uint32_t i)
{
    return &r->frames[(run->first + i) % RUNS_ROOM];
}

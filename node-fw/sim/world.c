#include "node-fw/sim/world.h"

#include "node-fw/sim/state.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

/* What the link adds to a payload on the wire: two delimiters, a COBS byte, header and CRC. */
#define FRAMING (3 + BB_LINK_HEADER + BB_LINK_CRC)
/* Bytes that the host keeps for a board whose wire is busy; what comes then is lost. */
#define HOST_QUEUE 4096
/* A board that leaves says so with its next broadcasts, then it is off. */
#define LEAVE_MS 1000

/* A simulation that the host has no memory for cannot go on, and its figures would mean nothing. */
static void push(struct sim_world *w, struct happening h)
{
    enum status status = queue_push(&w->queue, h);
    CHECK(status == BB_OK);
}

static struct mono clock_of(const struct sim_world *w)
{
    return (struct mono){w->now_us / 1000};
}

static int64_t wire_us(const struct sim_world *w, size_t payload)
{
    return w->settings.baud == 0 ? 0 : (int64_t)(payload + FRAMING) * 10 * 1000000 / w->settings.baud;
}

/* One copy of a broadcast on its way to `to`; it meets the receiving wire when it arrives. */
static void send_copy(struct sim_world *w, size_t to, struct packet *packet, int64_t from_us)
{
    const struct sim_faults *f = &w->settings.faults;
    int64_t delay = chance_between(&w->chance, f->delay_min_ms, f->delay_max_ms) * 1000;
    if (chance_is(&w->chance, f->reorder))
        delay += chance_between(&w->chance, 1, 4 * (f->delay_max_ms > 25 ? f->delay_max_ms : 25)) * 1000;
    packet->holders++;
    push(w, (struct happening){
                .at_us = from_us + delay, .packet = packet, .board = (uint16_t)to, .kind = HAPPEN_ARRIVE});
}

static void broadcast(struct sim_world *w, size_t from, const uint8_t *payload, size_t size)
{
    struct sim_node *n = &w->nodes[from];
    struct packet *packet = queue_packet(&w->queue, payload, size);
    CHECK(packet != NULL);
    n->bytes += size + FRAMING;
    n->frames++;
    uint16_t source, incarnation, depth;
    enum status status = dispatch_peek((struct bytes){payload, size}, &source, &incarnation, &depth);
    CHECK(status == BB_OK && source == n->id);
    w->depth = depth > w->depth ? depth : w->depth;

    n->up_free_us = (n->up_free_us > w->now_us ? n->up_free_us : w->now_us) + wire_us(w, size);
    uint16_t near[BB_NEIGHBOURS_MAX];
    size_t count = topology_neighbours(&w->now, from, near);
    packet->holders++;
    for (size_t i = 0; i < count; i++) {
        w->copies++;
        if (chance_is(&w->chance, w->settings.faults.loss)) {
            w->lost++;
            continue;
        }
        send_copy(w, near[i], packet, n->up_free_us);
        if (chance_is(&w->chance, w->settings.faults.duplicate)) {
            w->duplicated++;
            send_copy(w, near[i], packet, n->up_free_us);
        }
    }
    queue_release(&w->queue, packet);
}

/* After everything that happens to a board: let it send, note when it wants to be woken, look at it. */
static void tend(struct sim_world *w, size_t board)
{
    struct sim_node *n = &w->nodes[board];
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    for (size_t size; (size = dispatch_poll(&n->core, clock_of(w), payload)) > 0;)
        broadcast(w, board, payload, size);
    int64_t due = dispatch_due(&n->core).ms, soon = clock_of(w).ms + 1;
    int64_t wake_us = due == INT64_MAX ? -1 : 1000 * (due > soon ? due : soon);
    if (wake_us != n->wake_us && wake_us >= 0)
        push(w, (struct happening){.at_us = wake_us, .board = (uint16_t)board, .kind = HAPPEN_WAKE});
    n->wake_us = wake_us;
    sim_judge(w, board);
    if (w->observer != NULL)
        w->observer(w, board, w->observer_context);
}

/* Everybody's answer may be another one from now on. While the first boards start depth is counted from 0. */
static void change(struct sim_world *w)
{
    w->era++;
    w->changed_ms = clock_of(w).ms;
    if (w->changed_ms > w->settings.start_spread_ms)
        w->depth_base = w->depth;
    for (size_t i = 0; i < w->count; i++) {
        if (w->nodes[i].running)
            sim_judge(w, i);
    }
}

static void start(struct sim_world *w, size_t board)
{
    struct sim_node *n = &w->nodes[board];
    if (n->running)
        return;
    const struct sim_settings *s = &w->settings;
    struct dispatch_settings settings = {
        .id = n->id,
        .incarnation = ++n->incarnation,
        .method = s->method,
        .curve = n->curve,
        .size = (uint16_t)w->count,
        .exchange_ms = s->exchange_ms,
        .heartbeat_ms = s->heartbeat_ms,
        .expiry_ms = s->expiry_ms,
    };
    settings.neighbour_count = (uint16_t)topology_neighbours(&w->whole, board, settings.neighbours);
    for (size_t i = 0; i < settings.neighbour_count; i++)
        settings.neighbours[i] = w->nodes[settings.neighbours[i]].id;
    enum status status = dispatch_init(&n->core, &settings, clock_of(w));
    CHECK(status == BB_OK);
    n->running = true;
    n->leaving = n->optimal = n->settled = false;
    n->wake_us = -1;
    w->live++;
    change(w);
    tend(w, board);
}

/* The board no longer counts; while it leaves it still speaks. */
static void discount(struct sim_world *w, struct sim_node *n)
{
    w->live--;
    w->optimal -= n->optimal;
    w->settled -= n->settled;
    n->optimal = n->settled = false;
}

static void stop(struct sim_world *w, size_t board)
{
    struct sim_node *n = &w->nodes[board];
    if (!n->running)
        return;
    n->incarnation = dispatch_view(&n->core).incarnation;
    n->running = false;
    n->wake_us = -1;
    if (!n->leaving)
        discount(w, n);
    change(w);
}

static void leave(struct sim_world *w, size_t board)
{
    struct sim_node *n = &w->nodes[board];
    if (!n->running || n->leaving)
        return;
    discount(w, n);
    n->leaving = true;
    dispatch_leave(&n->core, clock_of(w));
    change(w);
    tend(w, board);
    struct sim_event off = {.kind = SIM_CRASH, .board = (uint16_t)board};
    enum status status = sim_schedule(w, clock_of(w).ms + LEAVE_MS, &off);
    CHECK(status == BB_OK);
}

static void set_curve(struct sim_world *w, size_t board, const struct curve *curve)
{
    struct sim_node *n = &w->nodes[board];
    n->curve = *curve;
    if (!n->running || n->leaving)
        return;
    enum status status = dispatch_set_curve(&n->core, curve, clock_of(w));
    CHECK(status == BB_OK);
    change(w);
    tend(w, board);
}

static void play(struct sim_world *w, const struct sim_event *e)
{
    switch (e->kind) {
    case SIM_START:
        start(w, e->board);
        return;
    case SIM_CRASH:
        stop(w, e->board);
        return;
    case SIM_LEAVE:
        leave(w, e->board);
        return;
    case SIM_CURVE:
        set_curve(w, e->board, &e->curve);
        return;
    case SIM_CUT:
    case SIM_HEAL:
        if (topology_linked(&w->whole, e->board, e->other)) {
            topology_link(&w->now, e->board, e->other, e->kind == SIM_HEAL);
            change(w);
        }
        return;
    }
}

static void happen(struct sim_world *w, struct happening h)
{
    struct sim_node *n = &w->nodes[h.board];
    switch ((enum happening_kind)h.kind) {
    case HAPPEN_SCRIPT: {
        struct sim_event event = w->script[h.index];
        w->script_left--;
        play(w, &event);
        return;
    }
    case HAPPEN_WAKE:
        if (n->running && n->wake_us == h.at_us) {
            n->wake_us = -1;
            tend(w, h.board);
        }
        return;
    case HAPPEN_ARRIVE:
        if (n->down_free_us - w->now_us > wire_us(w, HOST_QUEUE)) {
            w->lost++;
            queue_release(&w->queue, h.packet);
            return;
        }
        n->down_free_us =
            (n->down_free_us > w->now_us ? n->down_free_us : w->now_us) + wire_us(w, h.packet->size);
        h.at_us = n->down_free_us;
        h.kind = HAPPEN_DELIVER;
        push(w, h);
        return;
    case HAPPEN_DELIVER:
        if (n->running) {
            struct bytes payload = {h.packet->payload, h.packet->size};
            enum status status = dispatch_receive(&n->core, payload, clock_of(w));
            CHECK(status == BB_OK);
            tend(w, h.board);
        }
        queue_release(&w->queue, h.packet);
        return;
    }
}

void sim_step(struct sim_world *world, int64_t until_ms)
{
    const struct happening *first;
    while ((first = queue_first(&world->queue)) != NULL && first->at_us <= until_ms * 1000) {
        world->now_us = first->at_us;
        happen(world, queue_pop(&world->queue));
    }
    if (world->now_us < until_ms * 1000)
        world->now_us = until_ms * 1000;
}

bool sim_run(struct sim_world *world, int64_t until_ms)
{
    const struct happening *first;
    while (world->script_left > 0 || world->settled < world->live) {
        first = queue_first(&world->queue);
        if (first == NULL || first->at_us > until_ms * 1000)
            return false;
        world->now_us = first->at_us;
        happen(world, queue_pop(&world->queue));
    }
    return true;
}

enum status sim_schedule(struct sim_world *world, int64_t at_ms, const struct sim_event *event)
{
    bool pair = event->kind == SIM_CUT || event->kind == SIM_HEAL;
    if (event->board >= world->count ||
        (pair && (event->other >= world->count || event->other == event->board)))
        return BB_RANGE;
    if (at_ms * 1000 < world->now_us || (event->kind == SIM_CURVE && !curve_valid(&event->curve)))
        return BB_RANGE;
    if (world->script_count == world->script_capacity) {
        size_t capacity = 2 * world->script_capacity + 16;
        struct sim_event *script = realloc(world->script, capacity * sizeof *script);
        if (script == NULL)
            return BB_FULL;
        world->script = script;
        world->script_capacity = capacity;
    }
    world->script[world->script_count] = *event;
    struct happening h = {.at_us = at_ms * 1000,
                          .index = (uint32_t)world->script_count,
                          .board = event->board,
                          .kind = HAPPEN_SCRIPT};
    enum status status = queue_push(&world->queue, h);
    if (status == BB_OK) {
        world->script_count++;
        world->script_left++;
    }
    return status;
}

static bool settings_valid(const struct sim_settings *s, const struct sim_board *boards, size_t count)
{
    const double chances[] = {s->faults.loss, s->faults.duplicate, s->faults.reorder};
    for (size_t i = 0; i < sizeof chances / sizeof *chances; i++) {
        if (!(chances[i] >= 0 && chances[i] <= 1))
            return false;
    }
    if (count == 0 || count > BB_BOARDS_MAX || s->faults.delay_min_ms > s->faults.delay_max_ms)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (boards[i].id == 0 || !curve_valid(&boards[i].curve))
            return false;
        for (size_t j = 0; j < i; j++) {
            if (boards[i].id == boards[j].id)
                return false;
        }
    }
    return true;
}

static enum status populate(struct sim_world *w, const struct sim_board *boards)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < w->count && status == BB_OK; i++) {
        struct sim_node *n = &w->nodes[i];
        n->id = boards[i].id;
        n->curve = boards[i].curve;
        n->wake_us = -1;
        struct sim_event begin = {.kind = SIM_START, .board = (uint16_t)i};
        if (!boards[i].absent)
            status = sim_schedule(w, chance_between(&w->chance, 0, w->settings.start_spread_ms), &begin);
    }
    return status;
}

enum status sim_open(const struct sim_settings *settings, const struct sim_board *boards, size_t count,
                     struct sim_world **out)
{
    if (!settings_valid(settings, boards, count))
        return BB_RANGE;
    struct sim_world *w = calloc(1, sizeof *w);
    enum status status = w == NULL ? BB_FULL : BB_OK;
    if (status == BB_OK) {
        w->settings = *settings;
        w->chance.state = settings->seed;
        w->count = count;
        w->era = 1;
        w->nodes = calloc(count, sizeof *w->nodes);
        status =
            w->nodes == NULL ? BB_FULL : topology_build(&settings->topology, count, &w->chance, &w->whole);
    }
    if (status == BB_OK) {
        w->now = w->whole;
        status = populate(w, boards);
    }
    if (status == BB_OK) {
        sim_step(w, 0);
        *out = w;
    } else {
        sim_close(w);
    }
    return status;
}

void sim_close(struct sim_world *world)
{
    if (world == NULL)
        return;
    for (size_t i = 0; i < world->count && world->nodes != NULL; i++)
        free(world->nodes[i].marks);
    queue_free(&world->queue);
    free(world->nodes);
    free(world->script);
    free(world->series);
    free(world);
}

void sim_observe(struct sim_world *world, sim_observer *observer, void *context)
{
    world->observer = observer;
    world->observer_context = context;
}

int64_t sim_now(const struct sim_world *world)
{
    return world->now_us / 1000;
}

const struct dispatch *sim_core(const struct sim_world *world, size_t board)
{
    return board < world->count && world->nodes[board].running ? &world->nodes[board].core : NULL;
}

const struct topology *sim_topology(const struct sim_world *world)
{
    return &world->now;
}

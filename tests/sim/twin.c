/* A neighbourhood of whole boards in virtual time, for comparing builds: sixteen firmwares (struct node),
 * each with its link to a host that carries broadcasts as the agents do, over lines paced at 115200 baud that
 * flip, lose and eat what the seed says. On the way a parameter changes, a command comes and goes, a board
 * reboots.
 *
 *   busbar-twin [--seed S] [--ms N] [--method curves|incremental-cost] [--frames]
 *
 * Prints what every board ends up with, and hashes of all bytes on the wires; with --frames every frame. The
 * same arguments give the same lines on every machine; other seeds give others. */
#include "node-fw/node/node.h"
#include "node-fw/wire/line.h"
#include "tests/central/table1.h"
#include "tests/link/seed.h"

#include <busbar/check.h>
#include <endian.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOARDS   TABLE1_COUNT
#define AHEAD    230 /* bytes that a port is given ahead of the wire: 20 ms */
#define FNV_SEED 0xcbf29ce484222325u

struct wire {
    struct line line;
    uint64_t hash;
    char way;
};

struct place {
    struct settings settings;
    struct node node;
    uint16_t incarnation;
    struct link host;
    struct wire up, down;
    struct link_status status;
    unsigned parameters, commands; /* taken */
    bool reliable_owed;
    struct link_message owed;
};

struct town {
    struct place places[BOARDS];
    struct mono now;
    uint64_t dice, seed;
    bool incremental, show;
};

static struct town town;

/* -- what is on the wires -- */

/* Source: Fowler, Noll, Vo: FNV-1a. */
static void mix(uint64_t *hash, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ data[i]) * 0x100000001b3u;
}

static int64_t now_ns(const struct town *t)
{
    return t->now.ms * 1000000;
}

static void show(const struct town *t, size_t board, const struct wire *w, struct bytes said)
{
    printf("%" PRId64 " %s %c ", t->now.ms, table1[board].name, w->way);
    for (size_t i = 0; i < said.size; i++)
        printf("%02x", said.data[i]);
    putchar('\n');
}

/* Gives the wire what it can carry soon; returns how much. */
static size_t put(struct town *t, size_t board, struct wire *w, struct bytes said)
{
    size_t under_way = LINE_BYTES - line_room(&w->line);
    size_t room = under_way < AHEAD ? AHEAD - under_way : 0;
    if (said.size > room)
        said.size = room;
    if (said.size == 0)
        return 0;
    line_push(&w->line, said, now_ns(t));
    mix(&w->hash, (const uint8_t *)&(uint32_t){htole32((uint32_t)t->now.ms)}, 4);
    mix(&w->hash, said.data, said.size);
    if (t->show)
        show(t, board, w, said);
    return said.size;
}

/* -- the host -- */

static bool linked(const struct town *t, size_t a, size_t b)
{
    size_t apart = (a + BOARDS - b) % BOARDS;
    return a != b && (t->incremental || apart <= 2 || apart >= BOARDS - 2);
}

static void send_config(struct town *t, size_t board)
{
    struct link_message m = {.type = LINK_CONFIG};
    m.config.method = t->incremental;
    m.config.where = LINK_WHERE_BOARD;
    m.config.size = BOARDS;
    m.config.exchange_ms = 150;
    m.config.heartbeat_ms = 1000;
    m.config.expiry_ms = 4000;
    for (size_t i = 0; i < BOARDS; i++)
        if (linked(t, board, i))
            m.config.neighbours.id[m.config.neighbours.count++] = (uint16_t)(i + 1);
    (void)!link_send(&t->places[board].host, &m, t->now);
}

static void spread(struct town *t, size_t from, struct bytes payload)
{
    struct link_message m = {
        .type = LINK_DISPATCH, .source = (uint16_t)(from + 1), .dispatch.payload = payload};
    for (size_t i = 0; i < BOARDS; i++)
        if (linked(t, from, i))
            (void)!link_send(&t->places[i].host, &m, t->now);
}

static void take(struct town *t, size_t board, const struct link_message *m)
{
    if (m->type == LINK_HELLO)
        send_config(t, board);
    else if (m->type == LINK_DISPATCH)
        spread(t, board, m->dispatch.payload);
    else if (m->type == LINK_STATUS)
        t->places[board].status = m->status;
}

static void run_host(struct town *t, size_t board)
{
    struct place *p = &t->places[board];
    uint8_t bytes[512];
    struct bytes in = {bytes, line_take(&p->up.line, now_ns(t), bytes, sizeof bytes)};
    struct link_message m;
    while (link_feed(&p->host, &in, t->now, &m))
        take(t, board, &m);
    link_poll(&p->host, t->now);
    if (p->reliable_owed && link_send(&p->host, &p->owed, t->now) == BB_OK)
        p->reliable_owed = false;
    link_sent(&p->host, put(t, board, &p->down, link_output(&p->host)));
}

/* -- the boards -- */

static void boot(struct town *t, size_t board)
{
    struct place *p = &t->places[board];
    node_init(&p->node, &p->settings, ++p->incarnation, t->now);
    node_connect(&p->node, (uint32_t)seed_next(&t->dice) | 1, t->now);
}

static void run_board(struct town *t, size_t board)
{
    struct place *p = &t->places[board];
    uint8_t bytes[512];
    struct bytes in = {bytes, line_take(&p->down.line, now_ns(t), bytes, sizeof bytes)};
    if (in.size > 0)
        node_feed(&p->node, in, t->now);
    if (mono_since(t->now, node_due(&p->node)) >= 0)
        node_poll(&p->node, t->now);
    unsigned events = node_events(&p->node);
    p->parameters += (events & NODE_PERSIST_PARAMETERS) != 0;
    p->commands += (events & NODE_COMMANDED) != 0;
    p->settings.parameters = node_settings(&p->node)->parameters; /* as its file keeps them */
    p->incarnation = node_view(&p->node).incarnation;
    node_sent(&p->node, put(t, board, &p->up, node_output(&p->node)));
}

/* -- the world -- */

static uint32_t vary(struct town *t, double value)
{
    uint64_t exact = (uint64_t)llround(value * 1e6);
    return (uint32_t)(exact * (950 + seed_below(&t->dice, 100)) / 1000);
}

static void furnish(struct town *t, size_t board)
{
    struct place *p = &t->places[board];
    const struct table1_row *row = &table1[board];
    p->settings.id = (uint16_t)(board + 1);
    snprintf(p->settings.name, sizeof p->settings.name, "%s", row->name);
    p->settings.parameters.kind = row->kind;
    p->settings.parameters.slope = vary(t, row->slope);
    p->settings.parameters.intercept = vary(t, row->intercept);
    p->settings.parameters.pmax = vary(t, row->pmax_kw);
    struct wire *wires[2] = {&p->up, &p->down};
    for (size_t i = 0; i < 2; i++) {
        line_init(&wires[i]->line, 115200, seed_next(&t->dice));
        noise_faults(&wires[i]->line.noise, 300, 300);
        noise_bursts(&wires[i]->line.noise, 10000, 3);
        wires[i]->hash = FNV_SEED;
        wires[i]->way = i == 0 ? '>' : '<';
    }
    struct link_settings host = {.host = true};
    host.me.major = LINK_MAJOR;
    host.me.minor = LINK_MINOR;
    host.me.role = LINK_ROLE_HOST;
    host.me.session = (uint32_t)seed_next(&t->dice) | 1;
    link_init(&p->host, &host, t->now);
    boot(t, board);
}

static void owe(struct town *t, size_t board, struct link_message m)
{
    t->places[board].owed = m;
    t->places[board].reliable_owed = true;
}

/* What happens on the way: at parts of the whole time, so that short runs have it, too. */
static void script(struct town *t, int64_t ms, int64_t end)
{
    struct link_message parameter = {.type = LINK_PARAMETER};
    parameter.parameter.slope = parameter.parameter.pmax = LINK_UNCHANGED;
    parameter.parameter.intercept = 16000000;
    struct link_message override = {.type = LINK_COMMAND, .command = {LINK_COMMAND_OVERRIDE, 20000000}};
    struct link_message release = {.type = LINK_COMMAND, .command = {LINK_COMMAND_RELEASE, 0}};
    if (ms == end / 4)
        owe(t, 0, parameter);
    if (ms == end / 3)
        owe(t, 1, override);
    if (ms == end / 2)
        owe(t, 1, release);
    if (ms == end / 2)
        boot(t, 11);
}

static void report(const struct town *t)
{
    uint64_t all = FNV_SEED;
    for (size_t i = 0; i < BOARDS; i++) {
        const struct place *p = &t->places[i];
        struct node_view v = node_view(&p->node);
        printf("%s applied_mw=%" PRId64 " lambda=%u certified=%d live=%u incarnation=%u digest=%016" PRIx64
               " parameters=%u commands=%u bytes=%" PRIu64 "/%" PRIu64 " up=%016" PRIx64 " down=%016" PRIx64
               "\n",
               table1[i].name, v.applied_mw, v.lambda, v.certified, v.live, v.incarnation, p->status.digest,
               p->parameters, p->commands, p->up.line.noise.bytes, p->down.line.noise.bytes, p->up.hash,
               p->down.hash);
        mix(&all, (const uint8_t *)&(uint64_t){htole64(p->up.hash)}, 8);
        mix(&all, (const uint8_t *)&(uint64_t){htole64(p->down.hash)}, 8);
    }
    printf("all %016" PRIx64 "\n", all);
}

static int usage(void)
{
    fputs("usage: busbar-twin [--seed S] [--ms N] [--method curves|incremental-cost] [--frames]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    int64_t end = 15000;
    town.seed = 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--frames") == 0)
            town.show = true;
        else if (strcmp(argv[i], "--seed") == 0 && *value != '\0')
            town.seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--ms") == 0 && *value != '\0')
            end = strtoll(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--method") == 0 && *value != '\0')
            town.incremental = strcmp(argv[++i], "incremental-cost") == 0;
        else
            return usage();
    }
    town.dice = town.seed;
    for (size_t i = 0; i < BOARDS; i++)
        furnish(&town, i);
    for (int64_t ms = 0; ms < end; ms++, town.now.ms++) {
        script(&town, ms, end);
        for (size_t i = 0; i < BOARDS; i++)
            run_board(&town, i);
        for (size_t i = 0; i < BOARDS; i++)
            run_host(&town, i);
    }
    report(&town);
    return 0;
}

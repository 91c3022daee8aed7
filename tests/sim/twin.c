/* A neighbourhood of whole boards in virtual time, for comparing builds: sixteen firmwares (struct node),
 * each with its link to a host that carries broadcasts as the agents do, over lines paced at 115200 baud that
 * flip, lose and eat what the seed says. On the way a parameter changes, a command comes and goes, a board
 * reboots.
 *
 * Prints what every board ends up with, and hashes of all bytes on the wires; with --frames every frame. The
 * same arguments give the same lines on every machine; other seeds give others. */
#include "node-fw/node/node.h"
#include "node-fw/wire/line.h"
#include "tests/central/table1.h"
#include "tests/link/seed.h"

#include <endian.h>
#include <getopt.h>
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

#define COMMANDS_MAX 10000

struct options {
    uint64_t seed;
    int64_t ms;
    uint32_t flip_ppm, drop_ppm, burst_ppm;
    uint32_t commands; /* to board COMMANDED, one after the other */
    bool incremental, show, exact;
};

#define COMMANDED 4

struct town {
    struct options o;
    struct place places[BOARDS];
    struct mono now;
    uint64_t dice;
    uint32_t commanded;       /* commands that were sent */
    struct mono commanded_at; /* the last one */
    bool under_way;
    uint32_t answered_ms[COMMANDS_MAX]; /* from sent to acknowledged */
    uint32_t answered;
};

static struct town town = {
    .o = {.seed = 1, .ms = 15000, .flip_ppm = 300, .drop_ppm = 300, .burst_ppm = 10000}};

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
    if (t->o.show)
        show(t, board, w, said);
    return said.size;
}

/* -- the host -- */

static bool linked(const struct town *t, size_t a, size_t b)
{
    size_t apart = (a + BOARDS - b) % BOARDS;
    return a != b && (t->o.incremental || apart <= 2 || apart >= BOARDS - 2);
}

static void send_config(struct town *t, size_t board)
{
    struct link_message m = {.type = LINK_CONFIG};
    m.config.method = t->o.incremental;
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

/* The next command when the last one has been acknowledged; notes how long that took. */
static void command(struct town *t, struct place *p)
{
    if (t->under_way && link_idle(&p->host)) {
        t->answered_ms[t->answered++] = (uint32_t)mono_since(t->now, t->commanded_at);
        t->under_way = false;
    }
    if (t->under_way || t->commanded == t->o.commands || t->now.ms < 1000)
        return;
    struct link_message m = {.type = LINK_COMMAND, .command = {LINK_COMMAND_OVERRIDE, t->commanded + 1}};
    if (link_send(&p->host, &m, t->now) != BB_OK)
        return;
    t->commanded++;
    t->commanded_at = t->now;
    t->under_way = true;
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
    if (board == COMMANDED)
        command(t, p);
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
    if (t->o.exact)
        return (uint32_t)exact;
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
        noise_faults(&wires[i]->line.noise, t->o.flip_ppm, t->o.drop_ppm);
        noise_bursts(&wires[i]->line.noise, t->o.burst_ppm, 3);
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
static void script(struct town *t)
{
    struct link_message parameter = {.type = LINK_PARAMETER};
    parameter.parameter.slope = parameter.parameter.pmax = LINK_UNCHANGED;
    parameter.parameter.intercept = 16000000;
    struct link_message override = {.type = LINK_COMMAND, .command = {LINK_COMMAND_OVERRIDE, 20000000}};
    struct link_message release = {.type = LINK_COMMAND, .command = {LINK_COMMAND_RELEASE, 0}};
    if (t->now.ms == t->o.ms / 4)
        owe(t, 0, parameter);
    if (t->now.ms == t->o.ms / 3)
        owe(t, 1, override);
    if (t->now.ms == t->o.ms / 2)
        owe(t, 1, release);
    if (t->now.ms == t->o.ms / 2)
        boot(t, 11);
}

static void report(const struct town *t)
{
    uint64_t all = FNV_SEED;
    for (size_t i = 0; i < BOARDS; i++) {
        const struct place *p = &t->places[i];
        struct node_view v = node_view(&p->node);
        const struct curve_parameters *c = &p->settings.parameters;
        printf("%s kind=%s intercept=%u slope=%u pmax=%u\n", table1[i].name,
               c->kind == CURVE_CONSUMER ? "consumer" : "generator", c->intercept, c->slope, c->pmax);
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

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void report_commands(struct town *t)
{
    uint32_t *ms = t->answered_ms, n = t->answered;
    if (n == 0)
        return;
    qsort(ms, n, sizeof *ms, ascending);
    printf("commands sent=%u acknowledged=%u taken=%u p50_ms=%u p95_ms=%u p99_ms=%u max_ms=%u\n",
           t->commanded, n, t->places[COMMANDED].commands, ms[n / 2], ms[n * 95 / 100], ms[n * 99 / 100],
           ms[n - 1]);
}

/* -- the command line -- */

static const char help[] =
    "usage: busbar-twin [OPTION]...\n"
    "  --seed 1 --ms 15000 --method curves|incremental-cost\n"
    "  --flip 300 --drop 300 --burst 10000   parts per million: of the bytes, of the frames\n"
    "  --commands 0    so many commands to one board, one after the other\n"
    "  --exact         Table 1 itself, not varied by the seed\n"
    "  --frames        every frame\n";

static bool take_number(const char *text, uint64_t most, uint64_t *out)
{
    char *end;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && *out <= most;
}

static bool take_option(struct options *o, int option, const char *text)
{
    uint64_t value = 0;
    switch (option) {
    case 's':
        return take_number(text, UINT64_MAX, &o->seed);
    case 'm':
        return take_number(text, 100000000, &value) && ((o->ms = (int64_t)value), true);
    case 'M':
        o->incremental = strcmp(text, "incremental-cost") == 0;
        return o->incremental || strcmp(text, "curves") == 0;
    case 'f':
        return take_number(text, 1000000, &value) && ((o->flip_ppm = (uint32_t)value), true);
    case 'd':
        return take_number(text, 1000000, &value) && ((o->drop_ppm = (uint32_t)value), true);
    case 'b':
        return take_number(text, NOISE_SHARE_MAX, &value) && ((o->burst_ppm = (uint32_t)value), true);
    case 'c':
        return take_number(text, COMMANDS_MAX, &value) && ((o->commands = (uint32_t)value), true);
    case 'e':
        return o->exact = true;
    case 'F':
        return o->show = true;
    }
    return false;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},     {"ms", required_argument, NULL, 'm'},
        {"method", required_argument, NULL, 'M'},   {"flip", required_argument, NULL, 'f'},
        {"drop", required_argument, NULL, 'd'},     {"burst", required_argument, NULL, 'b'},
        {"commands", required_argument, NULL, 'c'}, {"exact", no_argument, NULL, 'e'},
        {"frames", no_argument, NULL, 'F'},         {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (!take_option(&town.o, c, optarg))
            return fputs(help, stderr), 2;
    town.dice = town.o.seed;
    for (size_t i = 0; i < BOARDS; i++)
        furnish(&town, i);
    for (; town.now.ms < town.o.ms; town.now.ms++) {
        script(&town);
        for (size_t i = 0; i < BOARDS; i++)
            run_board(&town, i);
        for (size_t i = 0; i < BOARDS; i++)
            run_host(&town, i);
    }
    report(&town);
    report_commands(&town);
    return 0;
}

/* A board as a process at one end of a cable of busbar-wire; this program is its agent at the other. */
#ifndef TESTS_FIRMWARE_BENCH_H
#define TESTS_FIRMWARE_BENCH_H

#include "node-fw/link/session.h"
#include "tests/firmware/process.h"
#include "tests/link/cm.h"

#include <sys/stat.h>
#include <termios.h>

#define BENCH_TYPES 20

struct bench {
    char folder[64], board[96], host_end[96], node_end[96], state[96], card[96];
    const char *baud; /* of the cable; NULL: 115200 */
    struct process wire, node;
    int fd;
    struct link host;
    int count[BENCH_TYPES];
    struct link_message last[BENCH_TYPES];
};

static const char bench_board_file[] =
    "id 1 # the first\nname L1\nkind consumer\nomega 17.17  # $/kWh\nsigma 0.0935\n"
    "pmax_kw 91.79\non_link_loss zero\nstate L1.state\n";

static inline void bench_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static inline const char *bench_read(const char *path)
{
    static char text[4096];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static inline struct process bench_start_wire(const struct bench *b)
{
    const char *const arguments[] = {
        "busbar-wire", "--baud", b->baud ? b->baud : "115200", "--cable", b->host_end, b->node_end, NULL};
    struct process wire = process_start(arguments);
    char line[80];
    assert_string_equal(process_line(wire.out, line, sizeof line), "ready");
    return wire;
}

/* Opens the agent's end in a new session. */
static inline void bench_open_host(struct bench *b)
{
    static uint32_t session = 100;
    struct link_settings me = {.host = true};
    me.me.major = LINK_MAJOR;
    me.me.minor = LINK_MINOR;
    me.me.session = ++session;
    me.me.role = LINK_ROLE_HOST;
    b->fd = open(b->host_end, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    assert_true(b->fd >= 0);
    link_init(&b->host, &me, (struct mono){process_ms()});
    memset(b->count, 0, sizeof b->count);
}

static inline int bench_set_up(void **state, const char *baud)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->baud = baud;
    snprintf(b->folder, sizeof b->folder, "/tmp/busbar-node-XXXXXX");
    if (!mkdtemp(b->folder))
        return -1;
    snprintf(b->board, sizeof b->board, "%s/L1.board", b->folder);
    snprintf(b->state, sizeof b->state, "%s/L1.state", b->folder);
    snprintf(b->card, sizeof b->card, "%s/card", b->folder);
    snprintf(b->host_end, sizeof b->host_end, "%s/host", b->folder);
    snprintf(b->node_end, sizeof b->node_end, "%s/node", b->folder);
    bench_write(b->board, bench_board_file);
    b->wire = bench_start_wire(b);
    bench_open_host(b);
    *state = b;
    return 0;
}

static inline int bench_tear_down(void **state)
{
    struct bench *b = *state;
    process_stop(&b->node, SIGKILL);
    process_stop(&b->wire, SIGTERM);
    close(b->fd);
    unlink(b->board);
    unlink(b->state);
    unlink(b->card);
    int result = rmdir(b->folder); /* nothing else may be left in it */
    free(b);
    return result;
}

/* Carries what waits both ways, for at most 5 ms. A new message is kept in last[] and counted. */
static inline void bench_turn(struct bench *b)
{
    struct mono now = {process_ms()};
    uint8_t buffer[512];
    link_poll(&b->host, now);
    struct bytes out = link_output(&b->host);
    ssize_t n = out.size ? write(b->fd, out.data, out.size) : 0;
    if (n > 0)
        link_sent(&b->host, (size_t)n);
    struct pollfd p = {.fd = b->fd, .events = POLLIN};
    poll(&p, 1, 5);
    n = read(b->fd, buffer, sizeof buffer);
    struct bytes in = {buffer, n > 0 ? (size_t)n : 0};
    struct link_message m;
    while (link_feed(&b->host, &in, now, &m)) {
        if (m.type == LINK_HELLO)
            b->count[LINK_SLOTS] = 0; /* what was said before it holds no more */
        b->count[m.type]++;
        b->last[m.type] = m;
    }
}

/* Runs the agent's end for `ms`, or until a message of `type` has come; true when it has. */
static inline bool bench_await(struct bench *b, enum link_type type, int64_t ms)
{
    int before = b->count[type];
    for (int64_t end = process_ms() + ms; process_ms() < end && b->count[type] == before;)
        bench_turn(b);
    return b->count[type] > before;
}

static inline bool bench_await_up(struct bench *b)
{
    return bench_await(b, LINK_HELLO, 10000) && bench_await(b, LINK_STATUS, 10000);
}

static inline void bench_send(struct bench *b, struct link_message m)
{
    assert_int_equal(link_send(&b->host, &m, (struct mono){process_ms()}), BB_OK);
}

#endif

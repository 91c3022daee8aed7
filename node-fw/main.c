/* busbar-node: the program of one board on POSIX. Wiring only: a port, a node, two files, signals. */
#include "node-fw/journal.h"
#include "node-fw/node/node.h"
#include "node-fw/port_posix.h"
#include "node-fw/store.h"

#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#define FLUSH_MS    200  /* how long the goodbye may take */
#define PATIENCE_MS 2000 /* with a port that another process holds, at the start */

struct board {
    struct store store;
    struct settings settings;
    struct node node;
    struct port port;
};

/* All of the program's memory; nothing is allocated. */
static struct board board;
static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* A ppoll that always finds something ready never lets a signal in: asked for besides. */
static bool asked_to_stop(void)
{
    sigset_t pending;
    sigpending(&pending);
    return stop || sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT);
}

static struct mono now_mono(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (struct mono){(int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000};
}

static uint32_t random_session(void)
{
    uint32_t session = 0;
    while (session == 0)
        if (getrandom(&session, sizeof session, 0) != (ssize_t)sizeof session)
            session = (uint32_t)now_mono().ms | 1;
    return session;
}

/* -- what the node asks for -- */

static void persist_counter(struct board *b, struct mono now)
{
    uint16_t counter = node_view(&b->node).incarnation;
    enum status status = store_counter(&b->store, counter);
    journal_say(now, "counter-persisted", "incarnation=%u status=%s", counter, bb_status_word(status));
}

static void persist_parameters(struct board *b, struct mono now)
{
    enum status status = store_parameters(&b->store, &node_settings(&b->node)->parameters);
    journal_say(now, "parameters-persisted", "file=\"%s\" status=%s", b->store.board, bb_status_word(status));
}

static void show_link(struct board *b, struct mono now)
{
    struct node_view v = node_view(&b->node);
    journal_say(now, v.mode == ACTUATOR_LINK_LOST ? "link-lost" : "link", "up=%d mode=%d applied_mw=%lld",
                v.link == LINK_UP, (int)v.mode, (long long)v.applied_mw);
}

static void show_configured(struct board *b, struct mono now)
{
    journal_say(now, "configured", "incarnation=%u", node_view(&b->node).incarnation);
}

static void show_refusal(struct board *b, struct mono now)
{
    journal_say(now, "refused", "reason=\"%s\"", node_view(&b->node).refusal);
}

static void show_command(struct board *b, struct mono now)
{
    journal_say(now, "command", "mode=%d", (int)node_view(&b->node).mode);
}

static void show_left(struct board *b, struct mono now)
{
    (void)b;
    journal_say(now, "left", "by=agent");
}

static const struct {
    enum node_event event;
    void (*handle)(struct board *b, struct mono now);
} handlers[] = {
    {NODE_PERSIST_COUNTER, persist_counter},
    {NODE_PERSIST_PARAMETERS, persist_parameters},
    {NODE_CONFIGURED, show_configured},
    {NODE_REFUSED, show_refusal},
    {NODE_COMMANDED, show_command},
    {NODE_LINK, show_link},
    {NODE_LEFT, show_left},
};

static void handle_events(struct board *b, struct mono now)
{
    unsigned events = node_events(&b->node);
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
        if (events & handlers[i].event)
            handlers[i].handle(b, now);
}

/* -- the port -- */

static void lose_port(struct board *b, struct mono now)
{
    journal_say(now, "port-lost", "port=\"%s\"", b->port.path);
    port_close(&b->port, now);
    node_disconnect(&b->node, now);
}

static enum status open_port(struct board *b, struct mono now)
{
    enum status status = port_open(&b->port, now);
    if (status == BB_OK) {
        journal_say(now, "port-open", "port=\"%s\"", b->port.path);
        node_connect(&b->node, random_session(), now);
    }
    return status;
}

static void read_port(struct board *b, struct mono now)
{
    uint8_t buffer[1024];
    size_t size;
    if (port_read(&b->port, buffer, sizeof buffer, &size) != BB_OK)
        lose_port(b, now);
    else if (size > 0)
        node_feed(&b->node, (struct bytes){buffer, size}, now);
}

static void write_port(struct board *b, struct mono now)
{
    struct bytes out = node_output(&b->node);
    size_t size;
    if (b->port.fd < 0 || out.size == 0)
        return;
    if (port_write(&b->port, out, now, &size) != BB_OK)
        lose_port(b, now);
    else
        node_sent(&b->node, size);
}

/* -- the loop -- */

static struct mono next_due(const struct board *b)
{
    struct mono due = node_due(&b->node);
    struct mono other = due;
    if (b->port.fd < 0)
        other = b->port.retry;
    else if (node_output(&b->node).size > 0)
        other = port_due(&b->port);
    return other.ms < due.ms ? other : due;
}

/* Waits for bytes, the next due time or a signal; at least a millisecond, so that no mistake of a due time
 * can make it spin. */
static void wait_for(struct board *b, struct mono now, const sigset_t *signals)
{
    int64_t ms = mono_since(next_due(b), now);
    ms = ms < 1 ? 1 : ms > 60000 ? 60000 : ms;
    struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    struct pollfd fd = {.fd = b->port.fd, .events = POLLIN};
    int ready = ppoll(&fd, b->port.fd >= 0, &timeout, signals);
    if (ready <= 0)
        return;
    if (fd.revents & POLLIN)
        read_port(b, now_mono());
    else if (fd.revents & (POLLHUP | POLLERR | POLLNVAL))
        lose_port(b, now_mono());
}

static void turn(struct board *b, const sigset_t *signals)
{
    struct mono now = now_mono();
    if (b->port.fd < 0 && mono_since(now, b->port.retry) >= 0)
        (void)!open_port(b, now);
    node_poll(&b->node, now);
    handle_events(b, now);
    write_port(b, now);
    wait_for(b, now, signals);
    handle_events(b, now_mono());
}

static void say_goodbye(struct board *b, const sigset_t *signals)
{
    struct mono end = mono_after(now_mono(), FLUSH_MS);
    node_leave(&b->node, now_mono());
    while (b->port.fd >= 0 && node_output(&b->node).size > 0 && mono_since(now_mono(), end) < 0)
        turn(b, signals);
    port_close(&b->port, now_mono());
    journal_say(now_mono(), "stopped", "board=%u", b->settings.id);
}

static void catch_signals(sigset_t *open_out)
{
    sigset_t closed;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&closed);
    sigaddset(&closed, SIGTERM);
    sigaddset(&closed, SIGINT);
    sigprocmask(SIG_BLOCK, &closed, open_out);
    sigdelset(open_out, SIGTERM);
    sigdelset(open_out, SIGINT);
}

/* The first opening: a port that another process keeps for PATIENCE_MS is not ours; one that is not there yet
 * is waited for. */
static enum status claim_port(struct board *b)
{
    struct mono end = mono_after(now_mono(), PATIENCE_MS);
    enum status status = open_port(b, now_mono());
    while (status == BB_EXISTS && !asked_to_stop() && mono_since(now_mono(), end) < 0) {
        poll(NULL, 0, 50);
        status = open_port(b, now_mono());
    }
    return status;
}

static int run(struct board *b, const char *port)
{
    sigset_t signals;
    uint16_t counter;
    catch_signals(&signals);
    enum status status = store_next_boot(&b->store, &counter);
    if (status != BB_OK) {
        fprintf(stderr, "busbar-node: the boot counter in %s cannot be %s\n", b->store.state,
                status == BB_MALFORMED ? "read: write the number of boots so far into it" : "written");
        return 1;
    }
    struct mono now = now_mono();
    node_init(&b->node, &b->settings, counter, now);
    port_init(&b->port, port, now);
    journal_say(now, "started", "version=%s board=%u name=%s incarnation=%u", BUSBAR_VERSION, b->settings.id,
                b->settings.name, counter);
    status = claim_port(b);
    if (status == BB_EXISTS || status == BB_IO) {
        fprintf(stderr, "busbar-node: %s %s\n", port,
                status == BB_EXISTS ? "is held by another process" : "is no serial port that can be opened");
        return 1;
    }
    while (!asked_to_stop())
        turn(b, &signals);
    say_goodbye(b, &signals);
    return 0;
}

/* -- the command line -- */

static const char help[] =
    "usage: busbar-node --config FILE --port DEVICE\n"
    "Runs one board: economic dispatch, and the link to its agent over DEVICE (115200 8N1).\n"
    "\n"
    "  --config FILE   the board's own file: id, name, kind, curve, what to do when the link is lost\n"
    "  --port DEVICE   the serial port; waited for when it is not there yet\n"
    "  --print-config  check FILE, print it as understood, and end\n"
    "  --help, --version\n"
    "\n"
    "SIGTERM and SIGINT make the board say goodbye and end. The log goes to standard error.\n";

static int print_config(const struct settings *settings)
{
    static uint8_t text[SETTINGS_TEXT_MAX];
    struct writer w = writer_at(text, sizeof text);
    if (settings_format(settings, &w) != BB_OK)
        return 1;
    return fwrite(text, 1, w.size, stdout) == w.size ? 0 : 1;
}

struct arguments {
    const char *config, *port;
    bool print;
};

/* −1 to go on, else the exit status. */
static int parse_arguments(int argc, char **argv, struct arguments *out)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"port", required_argument, NULL, 'p'},
        {"print-config", no_argument, NULL, 'P'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'c')
            out->config = optarg;
        else if (c == 'p')
            out->port = optarg;
        else if (c == 'P')
            out->print = true;
        else if (c == 'h' || c == 'v')
            return fputs(c == 'h' ? help : "busbar-node " BUSBAR_VERSION "\n", stdout) < 0;
        else
            return 2;
    }
    if (optind == argc && out->config && (out->port || out->print))
        return -1;
    fputs("busbar-node: --config FILE and --port DEVICE are needed; try --help\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    int end = parse_arguments(argc, argv, &a);
    if (end >= 0)
        return end;
    struct settings_error error;
    if (store_open(a.config, &board.store, &error, &board.settings) != BB_OK) {
        if (error.line > 0)
            fprintf(stderr, "%s:%u: %s\n", a.config, error.line, error.text);
        else
            fprintf(stderr, "%s: %s\n", a.config, error.text);
        return 1;
    }
    return a.print ? print_config(&board.settings) : run(&board, a.port);
}

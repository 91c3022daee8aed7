#include "node-fw/worker.h"

#include "node-fw/card/tether.h"
#include "node-fw/clock.h"
#include "node-fw/identity.h"
#include "node-fw/journal.h"
#include "node-fw/node/errand.h"
#include "node-fw/packet.h"
#include "node-fw/port_posix.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>

#define FLUSH_MS    200  /* how long the goodbye may take */
#define PATIENCE_MS 2000 /* with a port that another process holds, at the start */
#define PROGRESS_MS 1000 /* between two reports of progress */
#define START_MS    5000 /* for the supervisor's first packet */
#define CALM        512  /* bytes that wait for the wire, above which the supervisor waits too */

struct board {
    const struct store *store; /* NULL with a supervisor */
    int tether;                /* −1 without */
    struct mono reported;
    bool reported_up;
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

static uint32_t random_session(void)
{
    uint32_t session = 0;
    while (session == 0)
        if (getrandom(&session, sizeof session, 0) != (ssize_t)sizeof session)
            session = (uint32_t)clock_mono().ms | 1;
    return session;
}

/* -- the supervisor -- */

static void tell(struct board *b, uint8_t type, struct bytes payload)
{
    enum status status = packet_send(b->tether, type, payload);
    if (status == BB_CLOSED)
        stop = 1;
    else if (status == BB_FULL && type < TETHER_START)
        node_errand_failed(&b->node, type, clock_mono());
}

static void tell_log(void *context, const char *line)
{
    struct board *b = context;
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    struct link_message m = {.type = LINK_LOG, .log.severity = 6};
    link_set_text(m.log.text, sizeof m.log.text, line);
    struct writer w = writer_at(payload, sizeof payload);
    if (link_encode(&m, &w) == BB_OK && packet_send(b->tether, LINK_LOG, written(&w)) == BB_CLOSED)
        stop = 1;
}

static void tell_curve(struct board *b)
{
    const struct curve_parameters *p = &node_settings(&b->node)->parameters;
    uint8_t payload[16];
    struct link_message m = {.type = LINK_PARAMETER};
    m.parameter = (struct link_parameter){.slope = p->slope, .intercept = p->intercept, .pmax = p->pmax};
    struct writer w = writer_at(payload, sizeof payload);
    if (link_encode(&m, &w) == BB_OK)
        tell(b, LINK_PARAMETER, written(&w));
}

/* What the host said about the card goes on. */
static void do_errands(struct board *b)
{
    uint8_t type;
    struct bytes payload;
    while (b->tether >= 0 && node_errand(&b->node, &type, &payload)) {
        tell(b, type, payload);
        node_errand_done(&b->node);
    }
}

static void report_progress(struct board *b, struct mono now)
{
    uint8_t up = node_view(&b->node).link == LINK_UP;
    if (b->tether < 0 || (up == b->reported_up && mono_since(now, b->reported) < PROGRESS_MS))
        return;
    b->reported = now;
    b->reported_up = up;
    tell(b, TETHER_PROGRESS, (struct bytes){&up, 1});
}

/* Passes on what the supervisor says, as long as the wire is not behind. */
static void read_tether(struct board *b, bool all)
{
    uint8_t buffer[TETHER_PACKET_MAX];
    struct bytes packet;
    enum status status = BB_OK;
    while (status == BB_OK && (all || node_output(&b->node).size < CALM)) {
        status = packet_receive(b->tether, buffer, sizeof buffer, &packet);
        if (status == BB_OK)
            node_pass(&b->node, packet.data[0], (struct bytes){packet.data + 1, packet.size - 1},
                      clock_mono());
    }
    if (status == BB_CLOSED)
        stop = 1;
}

/* -- what the node asks for -- */

static void persist_counter(struct board *b, struct mono now)
{
    uint16_t counter = node_view(&b->node).incarnation;
    if (b->tether >= 0) {
        uint8_t payload[2] = {(uint8_t)counter, (uint8_t)(counter >> 8)};
        tell(b, TETHER_COUNTER, (struct bytes){payload, sizeof payload});
        return;
    }
    enum status status = store_counter(b->store, counter);
    journal_say(now, "counter-persisted", "incarnation=%u status=%s", counter, bb_status_word(status));
}

static void persist_parameters(struct board *b, struct mono now)
{
    if (b->tether >= 0) {
        tell_curve(b);
        return;
    }
    enum status status = store_parameters(b->store, &node_settings(&b->node)->parameters);
    journal_say(now, "parameters-persisted", "file=\"%s\" status=%s", b->store->board,
                bb_status_word(status));
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
    do_errands(b);
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

static struct mono earlier(struct mono a, struct mono b)
{
    return a.ms < b.ms ? a : b;
}

static struct mono next_due(const struct board *b)
{
    struct mono due = node_due(&b->node);
    if (b->tether >= 0)
        due = earlier(due, mono_after(b->reported, PROGRESS_MS));
    if (b->port.fd < 0)
        return earlier(due, b->port.retry);
    return node_output(&b->node).size > 0 ? earlier(due, port_due(&b->port)) : due;
}

/* Waits for bytes, packets, the next due time or a signal; at least a millisecond, so that no mistake of a
 * due time can make it spin. */
static void wait_for(struct board *b, struct mono now, const sigset_t *signals)
{
    int64_t ms = mono_since(next_due(b), now);
    ms = ms < 1 ? 1 : ms > 60000 ? 60000 : ms;
    struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    bool calm = node_output(&b->node).size < CALM;
    struct pollfd fds[2] = {{.fd = b->port.fd, .events = POLLIN},
                            {.fd = calm ? b->tether : -1, .events = POLLIN}};
    if (ppoll(fds, 2, &timeout, signals) <= 0)
        return;
    if (fds[1].revents)
        read_tether(b, false);
    if (fds[0].revents & POLLIN)
        read_port(b, clock_mono());
    else if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
        lose_port(b, clock_mono());
}

static void turn(struct board *b, const sigset_t *signals)
{
    struct mono now = clock_mono();
    if (b->port.fd < 0 && mono_since(now, b->port.retry) >= 0)
        (void)!open_port(b, now);
    node_poll(&b->node, now);
    handle_events(b, now);
    write_port(b, now);
    wait_for(b, now, signals);
    handle_events(b, clock_mono());
    report_progress(b, clock_mono());
}

static void say_goodbye(struct board *b, const sigset_t *signals)
{
    if (b->tether >= 0)
        read_tether(b, true);
    struct mono end = mono_after(clock_mono(), FLUSH_MS);
    node_leave(&b->node, clock_mono());
    while (b->port.fd >= 0 && node_output(&b->node).size > 0 && mono_since(clock_mono(), end) < 0)
        turn(b, signals);
    port_close(&b->port, clock_mono());
    journal_say(clock_mono(), "stopped", "board=%u", b->settings.id);
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
    struct mono end = mono_after(clock_mono(), PATIENCE_MS);
    enum status status = open_port(b, clock_mono());
    while (status == BB_EXISTS && !asked_to_stop() && mono_since(clock_mono(), end) < 0) {
        poll(NULL, 0, 50);
        status = open_port(b, clock_mono());
    }
    return status;
}

static void begin(struct board *b, uint16_t incarnation, const char *port)
{
    struct mono now = clock_mono();
    node_init(&b->node, &b->settings, incarnation, now);
    port_init(&b->port, port, now);
    b->reported = mono_after(now, -PROGRESS_MS);
}

int worker_run_files(const struct store *store, const struct settings *settings, const char *port)
{
    struct board *b = &board;
    sigset_t signals;
    uint16_t counter;
    *b = (struct board){.store = store, .tether = -1, .settings = *settings};
    catch_signals(&signals);
    enum status status = store_next_boot(store, &counter);
    if (status != BB_OK) {
        fprintf(stderr, "busbar-node: the boot counter in %s cannot be %s\n", store->state,
                status == BB_MALFORMED ? "read: write the number of boots so far into it" : "written");
        return 1;
    }
    begin(b, counter, port);
    journal_say(clock_mono(), "started", "version=%s board=%u name=%s incarnation=%u", BUSBAR_VERSION,
                b->settings.id, b->settings.name, counter);
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

/* -- with a supervisor -- */

/* The settings of a board that has none: it stands still. */
static const struct settings not_enrolled = {
    .id = LINK_BOARD_NEW, .name = LINK_NAME_NEW, .on_link_loss = LINK_LOSS_ZERO};

/* Waits for the supervisor's first packet. False when there is none that can be used; *enrolled_out says
 * whether the board is. */
static bool take_start(struct board *b, bool last_resort, uint16_t *incarnation_out, bool *enrolled_out)
{
    uint8_t buffer[TETHER_PACKET_MAX];
    struct bytes packet;
    struct settings_error error;
    struct pollfd fd = {.fd = b->tether, .events = POLLIN};
    if (poll(&fd, 1, START_MS) <= 0 || packet_receive(b->tether, buffer, sizeof buffer, &packet) != BB_OK)
        return false;
    struct reader r = reader_at(packet);
    bool ours = read_u8(&r) == TETHER_START;
    ours = read_u8(&r) == TETHER_VERSION && ours;
    *incarnation_out = read_u16(&r);
    if (!ours || !r.ok || *incarnation_out == 0)
        return false;
    *enrolled_out = r.left.size > 0 && settings_parse(r.left, &error, &b->settings) == BB_OK;
    if (r.left.size > 0 && !*enrolled_out)
        journal_say(clock_mono(), "settings-unreadable", "line=%u reason=\"%s\"", error.line, error.text);
    return *enrolled_out || r.left.size == 0 || last_resort;
}

int worker_run_tether(int tether, const char *port, bool last_resort)
{
    struct board *b = &board;
    sigset_t signals;
    uint16_t incarnation;
    bool enrolled;
    *b = (struct board){.tether = tether, .settings = not_enrolled};
    stop = 0;
    catch_signals(&signals);
    journal_to(tell_log, b);
    if (!take_start(b, last_resort, &incarnation, &enrolled))
        return 1;
    begin(b, incarnation, port);
    node_supervise(&b->node, enrolled, identity_mark.version);
    journal_say(clock_mono(), "started", "version=%u.%u.%u board=%u name=%s incarnation=%u",
                identity_mark.version >> 16, identity_mark.version >> 8 & 0xFF, identity_mark.version & 0xFF,
                b->settings.id, b->settings.name, incarnation);
    while (!asked_to_stop())
        turn(b, &signals);
    say_goodbye(b, &signals);
    return 0;
}

#include "agents/uart/line.h"

#include "bus/client/log.h"
#include "bus/client/turn.h"

#include <busbar/check.h>
#include <string.h>
#include <sys/random.h>

#define BACKOFF_FIRST_MS 50
#define BACKOFF_LAST_MS  2000
#define READ_BYTES       1024
#define READS_PER_TURN   4
/* One byte on the wire, start and stop bit included, and how far the port may be ahead of the wire. */
#define BYTE_NS     (10 * 1000000000LL / PORT_BAUD)
#define AHEAD_US    20000
#define AHEAD_BYTES (AHEAD_US * 1000 / BYTE_NS)
/* The log is told the same about the same port no sooner again. */
#define TOLD_MS 60000
/* A tty that is not raw yet gives back a frame or two; more is a fault of the cable. */
#define ECHO_FRAMES 8

void line_init(struct line *line, const char *spec, struct bb_loop *loop, const struct line_owner *owner)
{
    memset(line, 0, sizeof *line);
    snprintf(line->spec, sizeof line->spec, "%s", spec);
    line->loop = loop;
    line->owner = owner;
    line->port = PORT_CLOSED;
    line->backoff_ms = BACKOFF_FIRST_MS;
}

static struct mono at(int64_t ms)
{
    return (struct mono){ms};
}

static void tell_state(struct line *line, const char *why)
{
    bool up = line->port.fd >= 0 && link_state(&line->link) == LINK_UP;
    bool fell = line->up && !up;
    line->up = up;
    if (fell)
        line->owner->on_down(line->owner->context, line, why);
}

void line_close(struct line *line, const char *why, uint32_t pause_ms)
{
    if (line->port.fd >= 0)
        bb_loop_unwatch(line->loop, line->port.fd);
    port_close(&line->port);
    line->output_watched = false;
    line->retry_at_ms = bb_loop_mono_ms() + pause_ms;
    bb_reason_say(&line->trouble, "%s", why);
    tell_state(line, why);
}

/* What the link has for the wire and the wire can carry soon. */
static struct bytes writable(struct line *line)
{
    int64_t now_us = bb_loop_mono_ms() * 1000;
    if (line->wire_free_us < now_us)
        line->wire_free_us = now_us;
    int64_t room = (AHEAD_US - (line->wire_free_us - now_us)) * 1000 / BYTE_NS;
    struct bytes waiting = link_output(&line->link);
    if (room <= 0 || (waiting.size > (size_t)room && room < AHEAD_BYTES / 2))
        waiting.size = 0; /* in a moment, and more at once */
    else if (waiting.size > (size_t)room)
        waiting.size = (size_t)room;
    return waiting;
}

/* Writes until wire or port take no more; the loop calls again when the port does, line_due says when the
 * wire does. */
static void flush(struct line *line)
{
    struct bytes waiting = {NULL, 0};
    enum status status = BB_OK;
    while (line->port.fd >= 0 && status == BB_OK && (waiting = writable(line)).size > 0) {
        size_t count = 0;
        status = port_write(&line->port, waiting, &count);
        if (status != BB_OK)
            break;
        link_sent(&line->link, count);
        line->wire_free_us += (int64_t)count * BYTE_NS / 1000;
    }
    if (status == BB_CLOSED) {
        line_close(line, "the port hung up", BACKOFF_FIRST_MS);
        return;
    }
    bool full = line->port.fd >= 0 && status == BB_TIMEOUT;
    if (full != line->output_watched && line->port.fd >= 0)
        bb_loop_want_output(line->loop, line->port.fd, full);
    line->output_watched = full;
}

static void feed(struct line *line, struct bytes in)
{
    struct link_message message;
    uint32_t opened = line->opened;
    struct mono now = at(bb_loop_mono_ms());
    /* The owner may close the line while it is told. */
    while (line->port.fd >= 0 && line->opened == opened && link_feed(&line->link, &in, now, &message)) {
        if (link_state(&line->link) == LINK_UP)
            line->up = true;
        line->owner->on_message(line->owner->context, line, &message);
    }
}

static void tell_echo(struct line *line)
{
    uint32_t echo = link_counters(&line->link).echo;
    int64_t now = bb_loop_mono_ms();
    if (echo < line->told_echo)
        line->told_echo = 0; /* another session */
    if (echo - line->told_echo < ECHO_FRAMES ||
        (line->told_echo_ms != 0 && now - line->told_echo_ms < TOLD_MS))
        return;
    log_warning("port-echoes", LOG_TEXT("port", line->spec), LOG_INT("frames", echo - line->told_echo),
                LOG_TEXT("text", "what is sent comes back: the cable's ends are bridged, or the board's end "
                                 "is not raw"));
    line->told_echo = echo;
    line->told_echo_ms = now;
}

static void on_ready(void *context)
{
    struct line *line = context;
    uint8_t bytes[READ_BYTES];
    enum status status = BB_OK;
    for (int i = 0; i < READS_PER_TURN && status == BB_OK && line->port.fd >= 0; i++) {
        size_t count = 0;
        status = port_read(&line->port, bytes, sizeof bytes, &count);
        if (status == BB_OK)
            feed(line, (struct bytes){bytes, count});
        if (status == BB_OK && count < sizeof bytes)
            break;
    }
    if (status == BB_CLOSED)
        line_close(line, "the port hung up", BACKOFF_FIRST_MS);
    if (line->port.fd >= 0) {
        link_poll(&line->link, at(bb_loop_mono_ms()));
        flush(line);
        tell_echo(line);
    }
    tell_state(line, "the board fell silent");
    line->owner->on_turn(line->owner->context);
}

static uint32_t random_session(void)
{
    uint32_t session = 0;
    while (session == 0)
        CHECK(getrandom(&session, sizeof session, 0) == (ssize_t)sizeof session);
    return session;
}

static void start_link(struct line *line, int64_t now_ms)
{
    struct link_settings settings = {.host = true};
    settings.me.major = LINK_MAJOR;
    settings.me.minor = LINK_MINOR;
    settings.me.role = LINK_ROLE_HOST;
    settings.me.session = random_session();
    link_init(&line->link, &settings, at(now_ms));
    line->trouble.text[0] = '\0';
    line->opened_ms = now_ms;
    line->opened++;
}

/* A port that is there and cannot be had: somebody should know. One that is not there is waited for. */
static void tell_trouble(struct line *line, enum status status, int64_t now_ms)
{
    bool same = strcmp(line->trouble.text, line->told_trouble.text) == 0;
    if (status == BB_NOT_FOUND || (same && now_ms - line->told_trouble_ms < TOLD_MS))
        return;
    log_warning("port-refused", LOG_TEXT("port", line->spec), LOG_TEXT("reason", line->trouble.text));
    line->told_trouble = line->trouble;
    line->told_trouble_ms = now_ms;
}

static void try_open(struct line *line, int64_t now_ms)
{
    enum status status = port_open(line->spec, &line->port, &line->trouble);
    if (status == BB_OK && bb_loop_watch(line->loop, line->port.fd, 0, on_ready, line) != BB_OK) {
        port_close(&line->port);
        bb_reason_say(&line->trouble, "too many ports");
        status = BB_FULL;
    }
    if (status == BB_OK) {
        start_link(line, now_ms);
        return;
    }
    tell_trouble(line, status, now_ms);
    line->retry_at_ms = now_ms + line->backoff_ms;
    line->backoff_ms = line->backoff_ms * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : line->backoff_ms * 2;
}

void line_tick(struct line *line, int64_t now_ms)
{
    if (line->port.fd < 0 && line->retry_at_ms <= now_ms)
        try_open(line, now_ms);
    if (line->port.fd < 0)
        return;
    link_poll(&line->link, at(now_ms));
    if (link_state(&line->link) == LINK_UP)
        line->backoff_ms = BACKOFF_FIRST_MS;
    flush(line);
    tell_state(line, "the board fell silent");
}

int64_t line_due(const struct line *line)
{
    if (line->port.fd < 0)
        return line->retry_at_ms;
    int64_t due = link_due(&line->link).ms;
    int64_t wire = (line->wire_free_us - AHEAD_US / 2 + 999) / 1000;
    bool waits = !line->output_watched && link_output(&line->link).size > 0;
    return waits && wire < due ? wire : due;
}

enum status line_send(struct line *line, const struct link_message *message)
{
    if (line->port.fd < 0)
        return BB_CLOSED;
    enum status status = link_send(&line->link, message, at(bb_loop_mono_ms()));
    if (status == BB_FULL)
        line->dropped++;
    flush(line);
    return status;
}

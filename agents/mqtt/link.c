#include "agents/mqtt/link.h"

#include "agents/mqtt/wire.h"
#include "bus/client/log.h"
#include "bus/client/turn.h"

#include <busbar/check.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS    1000
#define CONNECT_MS 15000
/* Between two lines in the log about reasons that alternate. */
#define TELL_MS 60000
/* Reads in one turn, so that a flood starves nobody. */
#define READ_MAX 64

static void attempt(void *context);
static void on_socket(void *context);
static void on_resume(void *context);

uint32_t link_pause_ms(unsigned attempts, uint32_t min_ms, uint32_t max_ms, uint32_t noise)
{
    uint64_t pause = min_ms;
    for (unsigned i = 0; i < attempts && pause < max_ms; i++)
        pause *= 2;
    if (pause > max_ms)
        pause = max_ms;
    return (uint32_t)(pause - noise % (pause / 4 + 1));
}

/* -- the watched socket ---------------------------------------------------------------------------------- */

static void unwatch(struct link *link)
{
    if (link->fd >= 0)
        bb_loop_unwatch(link->loop, link->fd);
    link->fd = -1;
    link->watching_output = false;
}

/* Watches what libmosquitto waits for now. */
static void watch(struct link *link)
{
    int fd = link->client == NULL ? -1 : mosquitto_socket(link->client);
    bool silent = link->paused && link->phase == LINK_UP;
    bool output = fd >= 0 && mosquitto_want_write(link->client);
    if (fd != link->fd || silent)
        unwatch(link);
    if (fd < 0 || (silent && !output))
        return;
    if (link->fd < 0) {
        CHECK(bb_loop_watch(link->loop, fd, silent, on_socket, link) == BB_OK);
        link->fd = fd;
        link->watching_output = silent;
    }
    if (!silent && output != link->watching_output) {
        bb_loop_want_output(link->loop, fd, output);
        link->watching_output = output;
    }
}

/* -- coming and going ------------------------------------------------------------------------------------ */

static void wait_for_retry(struct link *link)
{
    uint32_t noise = (uint32_t)bb_loop_wall_ms() * 2654435761u >> 8;
    uint32_t pause =
        link_pause_ms(link->attempts++, link->settings.retry_min_ms, link->settings.retry_max_ms, noise);
    bool anew = strcmp(link->told.text, link->reason.text) != 0;
    int64_t now = bb_loop_mono_ms();
    link->phase = LINK_WAITING;
    link->told = link->reason;
    if (anew && (link->attempts <= 1 || now - link->told_ms >= TELL_MS)) {
        link->told_ms = now;
        log_warning("mqtt-away", LOG_TEXT("host", link->settings.host), LOG_INT("port", link->settings.port),
                    LOG_TEXT("reason", link->reason.text), LOG_INT("retry_ms", pause));
    }
    CHECK(bb_loop_after(link->loop, pause, attempt, link, &link->retry) == BB_OK);
}

/* Lets the client go; never within one of its callbacks. */
static void drop(struct link *link)
{
    bool was_up = link->phase == LINK_UP;
    unwatch(link);
    if (link->client != NULL)
        mosquitto_destroy(link->client);
    link->client = NULL;
    link->broken = false;
    wait_for_retry(link);
    if (was_up)
        link->events.on_down(link->events.context);
}

static void break_off(struct link *link, const char *why)
{
    if (!link->broken && link->reason.text[0] == '\0')
        bb_reason_say(&link->reason, "%s", why);
    link->broken = true;
}

/* After each call of libmosquitto's loop functions. */
static void settle(struct link *link, int code)
{
    if (code != MOSQ_ERR_SUCCESS)
        break_off(link, wire_fault(link, code));
    if (link->broken)
        drop(link);
    else if (link->phase == LINK_UP)
        link->events.on_turn(link->events.context);
    watch(link);
}

static bool is_silent(const struct link *link)
{
    return link->paused && link->phase == LINK_UP;
}

/* What TLS has decrypted already does not wake the loop. */
static bool has_decrypted(const struct link *link)
{
    SSL *tls = link->client == NULL ? NULL : mosquitto_ssl_get(link->client);
    return tls != NULL && SSL_pending(tls) > 0;
}

static void read_on_later(struct link *link)
{
    if (link->resume == 0 && !is_silent(link) && has_decrypted(link))
        CHECK(bb_loop_after(link->loop, 0, on_resume, link, &link->resume) == BB_OK);
}

static void on_socket(void *context)
{
    struct link *link = context;
    int code = MOSQ_ERR_SUCCESS;
    if (mosquitto_want_write(link->client))
        code = mosquitto_loop_write(link->client, 1);
    bool more = true;
    for (int i = 0; i < READ_MAX && more && code == MOSQ_ERR_SUCCESS && !link->broken && !is_silent(link);
         i++) {
        code = mosquitto_loop_read(link->client, 1);
        more = has_decrypted(link);
    }
    settle(link, code);
    read_on_later(link);
}

static void on_resume(void *context)
{
    struct link *link = context;
    link->resume = 0;
    if (link->client != NULL)
        on_socket(link);
}

static void on_tick(void *context)
{
    struct link *link = context;
    if (link->client == NULL)
        return;
    if (link->phase == LINK_CONNECTING && bb_loop_mono_ms() >= link->deadline_ms)
        break_off(
            link,
            "the MQTT broker does not answer the greeting (is it an MQTT broker, and TLS on both sides?)");
    settle(link, link->broken ? MOSQ_ERR_SUCCESS : mosquitto_loop_misc(link->client));
}

static void on_probed(void *context, enum status status)
{
    struct link *link = context;
    if (status != BB_OK) {
        wait_for_retry(link);
        return;
    }
    link->phase = LINK_CONNECTING;
    link->deadline_ms = bb_loop_mono_ms() + CONNECT_MS;
    link->client = wire_connect(link);
    if (link->client == NULL)
        wait_for_retry(link);
    else
        watch(link);
}

static void attempt(void *context)
{
    struct link *link = context;
    link->retry = 0;
    if (link->paused) {
        CHECK(bb_loop_after(link->loop, link->settings.retry_min_ms, attempt, link, &link->retry) == BB_OK);
        return;
    }
    link->phase = LINK_PROBING;
    link->reason.text[0] = '\0';
    probe_start(&link->probe, link->loop, link->settings.host, link->settings.port, &link->reason, on_probed,
                link);
}

enum status link_open(struct link *link, struct bb_loop *loop, const struct link_settings *settings,
                      const struct link_events *events)
{
    *link = (struct link){.loop = loop, .settings = *settings, .events = *events, .fd = -1};
    link->probe.fd = -1;
    enum status status = bb_loop_every(loop, TICK_MS, on_tick, link, &link->tick);
    if (status == BB_OK)
        status = bb_loop_after(loop, 0, attempt, link, &link->retry);
    return status;
}

void link_close(struct link *link)
{
    if (link->loop == NULL)
        return;
    bb_loop_cancel(link->loop, link->tick);
    bb_loop_cancel(link->loop, link->retry);
    bb_loop_cancel(link->loop, link->resume);
    probe_stop(&link->probe);
    if (link->client != NULL) {
        unwatch(link);
        if (link->phase == LINK_UP)
            (void)!mosquitto_disconnect_v5(link->client, 0, NULL);
        mosquitto_destroy(link->client);
    }
    link->client = NULL;
    link->phase = LINK_WAITING;
}

void link_hold(struct link *link, bool hold)
{
    if (link->paused == hold)
        return;
    link->paused = hold;
    watch(link);
    read_on_later(link);
}

enum status link_publish(struct link *link, const struct link_outgoing *message, int *mid_out)
{
    if (link->phase != LINK_UP || link->broken)
        return BB_UNREACHABLE;
    int code = wire_publish(link, message, mid_out);
    watch(link);
    if (code == MOSQ_ERR_SUCCESS)
        return BB_OK;
    if (code == MOSQ_ERR_NO_CONN || code == MOSQ_ERR_CONN_LOST || code == MOSQ_ERR_ERRNO ||
        code == MOSQ_ERR_TLS) {
        break_off(link, mosquitto_strerror(code));
        return BB_UNREACHABLE;
    }
    bb_reason_say(&link->reason, "%s", mosquitto_strerror(code));
    return BB_RANGE;
}

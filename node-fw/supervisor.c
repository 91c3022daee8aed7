#include "node-fw/supervisor.h"

#include "node-fw/card/steward.h"
#include "node-fw/clock.h"
#include "node-fw/identity.h"
#include "node-fw/journal.h"
#include "node-fw/launch.h"
#include "node-fw/packet.h"
#include "node-fw/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOODBYE_MS 2000 /* for the worker, when the supervisor is asked to end */
#define HOPELESS   20   /* workers in a row that could not even be started */
#define PACKETS                                                                                              \
    512 /* of the worker, at once: more than the socket holds, so that no progress waits behind              \
         */

struct supervisor {
    const struct supervisor_settings *settings;
    struct card_file *file;
    struct steward steward;
    struct watchdog watchdog;
    pid_t worker; /* 0: none */
    int tether;   /* −1: none */
    unsigned failures;
};

static struct supervisor supervisor;
static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    if (number != SIGCHLD)
        stop = 1;
}

/* -- what the steward asks for -- */

static void say(void *context, uint8_t type, struct bytes payload)
{
    const struct supervisor *s = context;
    if (s->tether >= 0)
        (void)!packet_send(s->tether, type, payload); /* who does not read misses it */
}

static void note(void *context, const char *event, const char *text)
{
    (void)context;
    journal_say(clock_mono(), event, "%s", text);
}

static void log_line(void *context, const char *line)
{
    struct supervisor *s = context;
    journal_print(line);
    steward_log(&s->steward, 6, line, clock_mono());
}

/* -- the worker -- */

static void drop_tether(struct supervisor *s)
{
    if (s->tether >= 0)
        close(s->tether);
    s->tether = -1;
}

static void fail_start(struct supervisor *s, const char *why)
{
    s->failures++;
    drop_tether(s);
    steward_unusable(&s->steward, why, clock_mono());
}

static void send_start(struct supervisor *s, uint16_t incarnation)
{
    static uint8_t payload[TETHER_PACKET_MAX];
    const struct card *card = s->steward.card;
    struct writer w = writer_at(payload, sizeof payload);
    write_u8(&w, TETHER_VERSION);
    write_u16(&w, incarnation);
    write_bytes(&w, (struct bytes){card->settings, card->settings_size});
    (void)!packet_send(s->tether, TETHER_START, written(&w)); /* without it the worker ends */
}

static void start_worker(struct supervisor *s, const struct steward_start *start)
{
    const char *why = "";
    struct launch launch = {.port = s->settings->port,
                            .runner = s->settings->runner,
                            .card = s->steward.card,
                            .image = start->image,
                            .keep_out = {s->file->fd, s->watchdog.fd}};
    s->worker = launch_worker(&launch, &s->tether, &why);
    if (s->worker <= 0) {
        s->worker = 0;
        fail_start(s, why);
        return;
    }
    s->failures = 0;
    send_start(s, start->incarnation);
}

static void read_packets(struct supervisor *s)
{
    static uint8_t buffer[TETHER_PACKET_MAX];
    struct bytes packet;
    for (int i = 0; i < PACKETS && s->tether >= 0; i++) {
        enum status status = packet_receive(s->tether, buffer, sizeof buffer - 1, &packet);
        if (status == BB_CLOSED)
            drop_tether(s); /* its end is told by the system */
        if (status != BB_OK)
            return;
        if (packet.data[0] == LINK_LOG && packet.size > 2) {
            buffer[packet.size] = '\0';
            journal_print((const char *)packet.data + 2);
        }
        steward_take(&s->steward, packet, clock_mono());
    }
}

/* How a process ended, in words. Static storage. */
static const char *ending(int status)
{
    static char text[48];
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "ended by signal %d", WTERMSIG(status));
    else
        snprintf(text, sizeof text, "ended with status %d", WEXITSTATUS(status));
    return text;
}

static void bury_worker(struct supervisor *s, int status)
{
    read_packets(s); /* its last words */
    s->worker = 0;
    drop_tether(s);
    if (WIFEXITED(status) && WEXITSTATUS(status) == LAUNCH_NOT_EXECUTED)
        fail_start(s, "it cannot be executed");
    else
        steward_ended(&s->steward, ending(status), clock_mono());
}

/* The first process inherits the children of others, too. */
static void reap(struct supervisor *s)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == s->worker)
            bury_worker(s, status);
}

static void tend_worker(struct supervisor *s)
{
    struct steward_start start;
    struct mono now = clock_mono();
    enum steward_wish wish = steward_poll(&s->steward, now);
    if (s->worker > 0 && wish != STEWARD_KEEP)
        kill(s->worker, wish == STEWARD_END ? SIGTERM : SIGKILL);
    if (s->worker == 0 && steward_begin(&s->steward, now, &start))
        start_worker(s, &start);
}

/* -- the loop -- */

static void wait_for(struct supervisor *s, const sigset_t *signals)
{
    int64_t ms = mono_since(steward_due(&s->steward), clock_mono());
    ms = ms < 1 ? 1 : ms > 60000 ? 60000 : ms;
    struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    struct pollfd fd = {.fd = s->tether, .events = POLLIN};
    if (ppoll(&fd, 1, &timeout, signals) > 0)
        read_packets(s);
}

static void turn(struct supervisor *s, const sigset_t *signals)
{
    reap(s);
    tend_worker(s);
    wait_for(s, signals);
    if (steward_progress(&s->steward))
        watchdog_feed(&s->watchdog);
}

static void end_worker(struct supervisor *s)
{
    struct mono end = mono_after(clock_mono(), GOODBYE_MS);
    if (s->worker > 0)
        kill(s->worker, SIGTERM);
    while (s->worker > 0) {
        if (mono_since(clock_mono(), end) >= 0)
            kill(s->worker, SIGKILL);
        struct pollfd fd = {.fd = s->tether, .events = POLLIN};
        poll(&fd, 1, 20);
        read_packets(s);
        if (waitpid(s->worker, NULL, WNOHANG) == s->worker)
            s->worker = 0;
    }
    drop_tether(s);
}

/* SIGCHLD ends the wait; the others end the program, but not a machine's first process. */
static void catch_signals(bool machine, sigset_t *open_out)
{
    static const int numbers[] = {SIGCHLD, SIGTERM, SIGINT};
    sigset_t closed;
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&closed);
    for (size_t i = 0; i < (machine ? 1 : sizeof numbers / sizeof *numbers); i++) {
        sigaction(numbers[i], &action, NULL);
        sigaddset(&closed, numbers[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigprocmask(SIG_BLOCK, &closed, open_out);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigdelset(open_out, numbers[i]);
}

static uint8_t open_watchdog(struct supervisor *s)
{
    bool bit = false;
    s->watchdog.fd = -1;
    if (!s->settings->watchdog || s->settings->watchdog_s == 0)
        return LINK_CAUSE_POWER;
    if (watchdog_open(&s->watchdog, s->settings->watchdog, (int)s->settings->watchdog_s, &bit) != BB_OK)
        journal_say(clock_mono(), "no-watchdog", "path=%s reason=\"%s\"", s->settings->watchdog,
                    strerror(errno));
    return bit ? LINK_CAUSE_WATCHDOG : LINK_CAUSE_POWER;
}

int supervisor_run(struct card_file *file, struct card *card, const struct supervisor_settings *settings)
{
    struct supervisor *s = &supervisor;
    sigset_t signals;
    *s = (struct supervisor){.settings = settings, .file = file, .tether = -1};
    catch_signals(settings->machine, &signals);
    struct steward_settings how = {.trial_ms = settings->trial_s * 1000,
                                   .stall_ms = settings->stall_s * 1000,
                                   .cause = open_watchdog(s)};
    struct steward_ports ports = {s, say, note};
    steward_init(&s->steward, card, &identity_mark, &how, &ports, clock_mono());
    journal_to(log_line, s);
    journal_say(clock_mono(), "supervisor", "version=%s port=%s watchdog=%d", BUSBAR_VERSION, settings->port,
                s->watchdog.fd >= 0);
    if (settings->lost)
        journal_say(clock_mono(), "no-card", "path=%s what=\"settings and images are in memory only\"",
                    settings->lost);
    if (card->damaged)
        journal_say(clock_mono(), "card-damaged", "records=%#x", card->damaged);
    while (!stop && s->failures < HOPELESS)
        turn(s, &signals);
    end_worker(s);
    watchdog_stop(&s->watchdog);
    return stop ? 0 : 1;
}

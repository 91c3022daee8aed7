/* busbar-wire: virtual UART cables. One thread, all cables; commands on standard input. */
#include "node-fw/wire/orders.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Bytes that may arrive together: 32 at 115200 are 2.8 ms late at most, within a stream only, and save many
 * wake-ups. The end of a burst is never late. */
#define BATCH     32
#define START_MAX 64 /* commands before the cables are ready */

struct wire {
    struct harness harness;
    uint32_t baud;
    uint64_t flip_ppm, drop_ppm, burst_ppm, burst_frames, seed;
    const char *start[START_MAX];
    size_t start_count;
    int64_t unlocked_ns;
    char command[ORDER_MAX];
    size_t command_size;
    bool input_open;
};

static struct wire wire;
static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct end *end_at(struct wire *w, size_t i)
{
    return wire_end(&w->harness, i);
}

static size_t ends(const struct wire *w)
{
    return 2 * w->harness.count;
}

/* -- commands -- */

static void obey(struct wire *w, const char *line)
{
    char answer[ANSWER_MAX];
    orders_obey(&w->harness, line, now_ns(), answer);
    puts(answer[0] != '\0' ? answer : "ok");
    fflush(stdout);
}

/* Reads standard input; each command is answered with `ok` or `error …`, so that a script can wait for it. */
static void read_commands(struct wire *w)
{
    size_t room = sizeof w->command - 1 - w->command_size;
    ssize_t n = read(STDIN_FILENO, w->command + w->command_size, room);
    if (n <= 0) {
        w->input_open = false; /* no more commands; the cables stay */
        return;
    }
    w->command_size += (size_t)n;
    w->command[w->command_size] = '\0';
    char *line = w->command;
    for (char *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        obey(w, line);
    }
    w->command_size = strlen(line);
    memmove(w->command, line, w->command_size + 1);
    if (w->command_size == sizeof w->command - 1)
        w->command_size = 0; /* a line that long is no command */
}

/* -- the loop -- */

/* Descriptors to wait for; a full line is not read, so that its writer feels the speed. */
static nfds_t gather(struct wire *w, struct pollfd *fds)
{
    for (size_t i = 0; i < ends(w); i++) {
        struct end *e = end_at(w, i);
        bool takes = cable_takes(&w->harness.cables[i / 2], i % 2);
        fds[i] = (struct pollfd){.fd = takes ? e->master : -1, .events = POLLIN};
    }
    fds[ends(w)] = (struct pollfd){.fd = w->input_open ? STDIN_FILENO : -1, .events = POLLIN};
    return ends(w) + 1;
}

static int64_t next_due(struct wire *w, int64_t now)
{
    int64_t due = now + 1000000000, other;
    for (size_t i = 0; i < ends(w); i++)
        if (line_due(&end_at(w, i)->line, BATCH, &other) && other < due)
            due = other;
    return due;
}

/* An exclusive lock outlives its process as long as we hold the slave; a real port's would not. */
static void unlock_slaves(struct wire *w, int64_t now)
{
    if (now - w->unlocked_ns < 1000000000)
        return;
    w->unlocked_ns = now;
    for (size_t i = 0; i < ends(w); i++)
        if (end_at(w, i)->slave >= 0)
            (void)ioctl(end_at(w, i)->slave, TIOCNXCL);
}

static void turn(struct wire *w, const sigset_t *signals)
{
    struct pollfd fds[ENDS_MAX + 1];
    nfds_t count = gather(w, fds);
    int64_t now = now_ns();
    int64_t wait = next_due(w, now) - now;
    wait = wait < 0 ? 0 : wait;
    struct timespec timeout = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
    if (ppoll(fds, count, &timeout, signals) < 0)
        return;
    now = now_ns();
    for (size_t i = 0; i < ends(w); i++)
        if (fds[i].revents & POLLIN)
            cable_collect(&w->harness.cables[i / 2], i % 2, now);
    for (size_t i = 0; i < ends(w); i++)
        cable_deliver(&w->harness.cables[i / 2], i % 2, now);
    unlock_slaves(w, now);
    if (fds[ends(w)].revents)
        read_commands(w);
}

/* A ppoll that always finds something ready never lets a signal in: asked for besides. */
static bool asked_to_stop(const struct wire *w)
{
    sigset_t pending;
    sigpending(&pending);
    return stop || w->harness.quit || sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT) ||
           sigismember(&pending, SIGHUP);
}

static void catch_signals(sigset_t *open_out)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t closed;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&closed);
    sigaddset(&closed, SIGTERM);
    sigaddset(&closed, SIGINT);
    sigaddset(&closed, SIGHUP);
    sigprocmask(SIG_BLOCK, &closed, open_out);
    sigemptyset(open_out);
}

static bool plug_all(struct wire *w)
{
    for (size_t i = 0; i < ends(w); i++) {
        struct end *e = end_at(w, i);
        line_init(&e->line, w->baud, w->seed * ENDS_MAX + i);
        noise_faults(&e->line.noise, (uint32_t)w->flip_ppm, (uint32_t)w->drop_ppm);
        noise_bursts(&e->line.noise, (uint32_t)w->burst_ppm, (uint32_t)w->burst_frames);
        enum status status = cable_plug(e);
        if (status != BB_OK) {
            fprintf(stderr, "busbar-wire: %s: %s\n", e->name,
                    status == BB_EXISTS ? "a file that is no link has this name" : strerror(errno));
            return false;
        }
    }
    return true;
}

/* The commands that were given on the command line. */
static bool begin(struct wire *w)
{
    char answer[ANSWER_MAX];
    for (size_t i = 0; i < w->start_count; i++) {
        orders_obey(&w->harness, w->start[i], now_ns(), answer);
        if (strncmp(answer, "error", 5) == 0) {
            fprintf(stderr, "busbar-wire: %s\n", answer);
            return false;
        }
    }
    return true;
}

static int run(struct wire *w)
{
    sigset_t signals;
    catch_signals(&signals);
    w->input_open = true;
    for (size_t i = 0; i < ENDS_MAX; i++)
        end_at(w, i)->master = end_at(w, i)->slave = -1;
    int result = plug_all(w) && begin(w) ? 0 : 1;
    if (result == 0) {
        puts("ready");
        fflush(stdout);
    }
    while (result == 0 && !asked_to_stop(w))
        turn(w, &signals);
    for (size_t i = 0; i < ends(w); i++)
        cable_unplug(&w->harness.cables[i / 2], i % 2);
    return result;
}

/* -- the command line -- */

static const char help[] =
    "usage: busbar-wire [OPTION]... --cable A B [--cable A B]...\n"
    "Makes UART cables between pairs of ptys; A and B become links to them. Bytes travel at the baud rate.\n"
    "Prints `ready` when all links exist.\n"
    "\n"
    "  --cable A B         a cable; at most 64\n"
    "  --baud 115200       the rate; ten bits make a byte\n"
    "  --flip PPM          of a million bytes, so many have a bit flipped\n"
    "  --drop PPM          of a million bytes, so many get lost\n"
    "  --burst PPM         of a million frames, so many are lost in bursts, at most 500000\n"
    "  --burst-frames 3    how long a burst is on average\n"
    "  --seed 1            the seed of all this: the same one, the same bytes\n"
    "  --do COMMAND        a command, as below, before it is ready; again and again\n"
    "  --help, --version\n"
    "\n";

static bool number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value < least || value > most)
        return false;
    *out = value;
    return true;
}

static bool name_end(struct wire *w, const char *name, int at)
{
    struct end *e = &w->harness.cables[w->harness.count].ends[at];
    if (strlen(name) >= sizeof e->name || strpbrk(name, " \t\r\n") != NULL || name[0] == '\0' ||
        wire_find(&w->harness, name) != ENDS_MAX)
        return false;
    snprintf(e->name, sizeof e->name, "%s", name);
    return true;
}

/* Takes `--cable A B`, whose second name getopt leaves at optind. */
static bool add_cable(struct wire *w, int argc, char **argv)
{
    if (optind >= argc || argv[optind][0] == '-' || w->harness.count == CABLES_MAX)
        return false;
    const char *a = optarg, *b = argv[optind++];
    if (strcmp(a, b) == 0 || !name_end(w, a, 0) || !name_end(w, b, 1))
        return false;
    w->harness.count++;
    return true;
}

static bool add_start(struct wire *w, const char *command)
{
    if (w->start_count == START_MAX || strlen(command) >= ORDER_MAX)
        return false;
    w->start[w->start_count++] = command;
    return true;
}

static bool take_option(struct wire *w, int option, int argc, char **argv)
{
    uint64_t value = 0;
    switch (option) {
    case 'c':
        return add_cable(w, argc, argv);
    case 'b':
        return number(optarg, 300, 10000000, &value) && ((w->baud = (uint32_t)value), true);
    case 'f':
        return number(optarg, 0, 1000000, &w->flip_ppm);
    case 'd':
        return number(optarg, 0, 1000000, &w->drop_ppm);
    case 'B':
        return number(optarg, 0, NOISE_SHARE_MAX, &w->burst_ppm);
    case 'F':
        return number(optarg, 1, NOISE_FRAMES_MAX, &w->burst_frames);
    case 's':
        return number(optarg, 0, UINT32_MAX, &w->seed);
    case 'D':
        return add_start(w, optarg);
    }
    return false;
}

static bool say_help(void)
{
    return fputs(help, stdout) >= 0 && fputs(orders_help, stdout) >= 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"cable", required_argument, NULL, 'c'},
                                            {"baud", required_argument, NULL, 'b'},
                                            {"flip", required_argument, NULL, 'f'},
                                            {"drop", required_argument, NULL, 'd'},
                                            {"burst", required_argument, NULL, 'B'},
                                            {"burst-frames", required_argument, NULL, 'F'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"do", required_argument, NULL, 'D'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    wire.baud = 115200;
    wire.seed = 1;
    wire.burst_frames = 3;
    for (int c; (c = getopt_long(argc, argv, "+", options, NULL)) != -1;) {
        if (c == 'h')
            return !say_help();
        if (c == 'v')
            return puts("busbar-wire " BUSBAR_VERSION) < 0;
        if (!take_option(&wire, c, argc, argv)) {
            fputs("busbar-wire: bad option, number, or cable (two different new names); try --help\n",
                  stderr);
            return 2;
        }
    }
    if (optind < argc || wire.harness.count == 0) {
        fputs("busbar-wire: at least one --cable A B is needed; try --help\n", stderr);
        return 2;
    }
    return run(&wire);
}

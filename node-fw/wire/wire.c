/* busbar-wire: virtual UART cables. One thread, all cables; commands on standard input. */
#include "node-fw/wire/cable.h"

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

#define CABLES_MAX 64
#define ENDS_MAX   (2 * CABLES_MAX)
/* Bytes that may arrive together: 32 at 115200 are 2.8 ms late at most, within a stream only, and save many
 * wake-ups. The end of a burst is never late. */
#define BATCH    32
#define LINE_MAX 512

struct wire {
    struct cable cables[CABLES_MAX];
    size_t count;
    uint32_t baud, flip_ppm, drop_ppm;
    uint64_t seed;
    int64_t unlocked_ns;
    char command[LINE_MAX];
    size_t command_size;
    bool input_open, quit;
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
    return &w->cables[i / 2].ends[i % 2];
}

/* -- commands -- */

static struct end *find_end(struct wire *w, const char *name)
{
    for (size_t i = 0; i < 2 * w->count; i++)
        if (strcmp(end_at(w, i)->name, name) == 0)
            return end_at(w, i);
    return NULL;
}

static void set_faults(struct wire *w, uint32_t flip_ppm, uint32_t drop_ppm)
{
    for (size_t i = 0; i < 2 * w->count; i++)
        line_faults(&end_at(w, i)->line, flip_ppm, drop_ppm);
}

static const char *replug(struct end *e)
{
    if (e->master >= 0)
        return "is plugged already";
    return cable_plug(e) == BB_OK ? NULL : "cannot be made";
}

/* Does one command; NULL, or why it was not done. */
static const char *obey(struct wire *w, const char *line)
{
    char word[16], name[LINE_MAX];
    unsigned a = 0, b = 0;
    if (sscanf(line, "%15s", word) != 1)
        return NULL;
    if (strcmp(word, "quit") == 0) {
        w->quit = true;
        return NULL;
    }
    if (sscanf(line, "faults %7u %7u", &a, &b) == 2) {
        set_faults(w, a, b);
        return NULL;
    }
    struct end *e = sscanf(line, "%*s %511s %7u", name, &a) >= 1 ? find_end(w, name) : NULL;
    if (!e)
        return "needs the name of an end";
    if (strcmp(word, "unplug") == 0)
        return cable_unplug(e), NULL;
    if (strcmp(word, "replug") == 0)
        return replug(e);
    if (strcmp(word, "garbage") == 0)
        return cable_garbage(e, a), NULL;
    return "is no command: unplug A, replug A, faults FLIP DROP, garbage A N, quit";
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
        const char *fault = obey(w, line);
        if (fault)
            printf("error %s: %s\n", line, fault);
        else
            puts("ok");
        fflush(stdout);
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
    for (size_t i = 0; i < 2 * w->count; i++) {
        struct end *e = end_at(w, i);
        bool room = line_room(&end_at(w, i ^ 1)->line) > 0;
        fds[i] = (struct pollfd){.fd = room ? e->master : -1, .events = POLLIN};
    }
    fds[2 * w->count] = (struct pollfd){.fd = w->input_open ? STDIN_FILENO : -1, .events = POLLIN};
    return 2 * w->count + 1;
}

static int64_t next_due(struct wire *w, int64_t now)
{
    int64_t due = now + 1000000000, other;
    for (size_t i = 0; i < 2 * w->count; i++)
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
    for (size_t i = 0; i < 2 * w->count; i++)
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
    for (size_t i = 0; i < 2 * w->count; i++)
        if (fds[i].revents & POLLIN)
            cable_collect(&w->cables[i / 2], i % 2, now);
    for (size_t i = 0; i < 2 * w->count; i++)
        cable_deliver(end_at(w, i), now);
    unlock_slaves(w, now);
    if (fds[2 * w->count].revents)
        read_commands(w);
}

/* A ppoll that always finds something ready never lets a signal in: asked for besides. */
static bool asked_to_stop(const struct wire *w)
{
    sigset_t pending;
    sigpending(&pending);
    return stop || w->quit || sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT) ||
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
    for (size_t i = 0; i < 2 * w->count; i++) {
        struct end *e = end_at(w, i);
        line_init(&e->line, w->baud, w->seed * ENDS_MAX + i);
        enum status status = cable_plug(e);
        if (status != BB_OK) {
            fprintf(stderr, "busbar-wire: %s: %s\n", e->name,
                    status == BB_EXISTS ? "a file that is no link has this name" : strerror(errno));
            return false;
        }
    }
    set_faults(w, w->flip_ppm, w->drop_ppm);
    return true;
}

static int run(struct wire *w)
{
    sigset_t signals;
    catch_signals(&signals);
    w->input_open = true;
    for (size_t i = 0; i < ENDS_MAX; i++)
        end_at(w, i)->master = end_at(w, i)->slave = -1;
    int result = plug_all(w) ? 0 : 1;
    if (result == 0) {
        puts("ready");
        fflush(stdout);
    }
    while (result == 0 && !asked_to_stop(w))
        turn(w, &signals);
    for (size_t i = 0; i < 2 * w->count; i++)
        cable_unplug(end_at(w, i));
    return result;
}

/* -- the command line -- */

static const char help[] =
    "usage: busbar-wire [--baud 115200] [--flip PPM] [--drop PPM] [--seed S] --cable A B [--cable A B]...\n"
    "Makes UART cables between pairs of ptys; A and B become links to them. Bytes travel at the baud rate;\n"
    "of a million, PPM have a bit flipped or get lost. Prints `ready` when all links exist.\n"
    "\n"
    "Commands on standard input, each answered with `ok` or `error ...`:\n"
    "  unplug A, replug A   end A hangs up and its link goes; a new pty and link\n"
    "  faults FLIP DROP     other chances, on all cables\n"
    "  garbage A N          N random bytes arrive at A\n"
    "  quit\n";

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

/* Takes `--cable A B`, whose second name getopt leaves at optind. */
static bool add_cable(struct wire *w, int argc, char **argv)
{
    if (optind >= argc || argv[optind][0] == '-' || w->count == CABLES_MAX)
        return false;
    struct cable *c = &w->cables[w->count];
    const char *a = optarg, *b = argv[optind++];
    if (strlen(a) >= LINE_MAX - 32 || strlen(b) >= LINE_MAX - 32 || strcmp(a, b) == 0 || find_end(w, a) ||
        find_end(w, b))
        return false;
    c->ends[0].name = a;
    c->ends[1].name = b;
    w->count++;
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
        return number(optarg, 0, 1000000, &value) && ((w->flip_ppm = (uint32_t)value), true);
    case 'd':
        return number(optarg, 0, 1000000, &value) && ((w->drop_ppm = (uint32_t)value), true);
    case 's':
        return number(optarg, 0, UINT32_MAX, &w->seed);
    }
    return false;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"cable", required_argument, NULL, 'c'}, {"baud", required_argument, NULL, 'b'},
        {"flip", required_argument, NULL, 'f'},  {"drop", required_argument, NULL, 'd'},
        {"seed", required_argument, NULL, 's'},  {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},     {NULL, 0, NULL, 0}};
    wire.baud = 115200;
    wire.seed = 1;
    for (int c; (c = getopt_long(argc, argv, "+", options, NULL)) != -1;) {
        if (c == 'h' || c == 'v')
            return fputs(c == 'h' ? help : "busbar-wire " BUSBAR_VERSION "\n", stdout) < 0;
        if (!take_option(&wire, c, argc, argv)) {
            fputs("busbar-wire: bad option, number, or cable (two different new names); try --help\n",
                  stderr);
            return 2;
        }
    }
    if (optind < argc || wire.count == 0) {
        fputs("busbar-wire: at least one --cable A B is needed; try --help\n", stderr);
        return 2;
    }
    return run(&wire);
}

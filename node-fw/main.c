/* busbar-node: the program of one board on POSIX. The command line, and the first process of a machine. */
#include "node-fw/card_tool.h"
#include "node-fw/clock.h"
#include "node-fw/machine.h"
#include "node-fw/supervisor.h"
#include "node-fw/worker.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For the card's device to appear: a slow card must not make a board forget its place. */
#define CARD_WAIT_MS 20000
#define STALL_S      10
#define TRIAL_S      30
#define WATCHDOG_S   16

/* All of the program's memory; nothing is allocated. */
static struct card card;
static struct card_file file;

static const char help[] =
    "usage: busbar-node --config FILE --port DEVICE\n"
    "       busbar-node --card PATH|memory [--config FILE] --port DEVICE\n"
    "       busbar-node --card PATH --format [--config FILE]\n"
    "       busbar-node --card PATH --show\n"
    "Runs one board: economic dispatch, and the link to its agent over DEVICE (115200 8N1).\n"
    "\n"
    "  --config FILE       the board's own file: id, name, kind, curve, what to do when the link is lost\n"
    "  --port DEVICE       the serial port; waited for when it is not there yet\n"
    "  --print-config      check FILE, print it as understood, and end\n"
    "  --card PATH         keep settings, boot counter and new images there, and supervise the board;\n"
    "                      memory: until the end only\n"
    "  --format            make a fresh card area at PATH, with FILE in it or not enrolled\n"
    "  --show              print what is on it\n"
    "  --trial SECONDS     for the link of a new image to come up (30)\n"
    "  --stall SECONDS     without progress, after which the board's worker is started again (10)\n"
    "  --watchdog PATH     a watchdog to feed, of 16 seconds\n"
    "  --runner \"PROGRAM …\"  start new images with it: \"qemu-arm -cpu cortex-a7\"\n"
    "  --help, --version\n"
    "\n"
    "SIGTERM and SIGINT make the board say goodbye and end. The log goes to standard error. As the first\n"
    "process of a machine it reads busbar.tty, busbar.card, busbar.watchdog and busbar.trial from the\n"
    "kernel's command line.\n";

struct arguments {
    const char *config, *port, *card, *watchdog, *runner;
    uint32_t trial_s, stall_s;
    int worker; /* the tether, when started by a supervisor; −1 */
    bool print, format, show;
};

/* -- without a card -- */

static int print_config(const struct settings *settings)
{
    static uint8_t text[SETTINGS_TEXT_MAX];
    struct writer w = writer_at(text, sizeof text);
    if (settings_format(settings, &w) != BB_OK)
        return 1;
    return fwrite(text, 1, w.size, stdout) == w.size ? 0 : 1;
}

static int run_files(const struct arguments *a)
{
    static struct store store;
    static struct settings settings;
    struct settings_error error;
    if (store_open(a->config, &store, &error, &settings) != BB_OK) {
        if (error.line > 0)
            fprintf(stderr, "%s:%u: %s\n", a->config, error.line, error.text);
        else
            fprintf(stderr, "%s: %s\n", a->config, error.text);
        return 1;
    }
    return a->print ? print_config(&settings) : worker_run_files(&store, &settings, a->port);
}

/* -- with a card -- */

static int run_card(const struct arguments *a)
{
    struct supervisor_settings s = {.port = a->port,
                                    .watchdog = a->watchdog,
                                    .runner = a->runner,
                                    .watchdog_s = WATCHDOG_S,
                                    .trial_s = a->trial_s,
                                    .stall_s = a->stall_s};
    int result = card_tool_open(a->card, a->config, &file, &card);
    return result == 0 ? supervisor_run(&file, &card, &s) : result;
}

/* Waits for the card's device, which the kernel may still be looking for. */
static bool await_card(const char *path)
{
    struct mono end = mono_after(clock_mono(), CARD_WAIT_MS);
    while (access(path, R_OK | W_OK) != 0 && errno == ENOENT && mono_since(clock_mono(), end) < 0)
        poll(NULL, 0, 50);
    return access(path, R_OK | W_OK) == 0;
}

/* As the first process. A card that cannot be used costs the memory of the board, not the board. */
static _Noreturn void run_machine(void)
{
    static struct machine_words words;
    machine_begin(&words);
    struct supervisor_settings s = {.port = words.tty,
                                    .watchdog = "/dev/watchdog",
                                    .watchdog_s = words.watchdog_s,
                                    .trial_s = words.trial_s,
                                    .stall_s = STALL_S,
                                    .machine = true};
    bool memory = strcmp(words.card, CARD_MEMORY) == 0;
    if (memory || !await_card(words.card) || card_tool_open(words.card, NULL, &file, &card) != 0) {
        s.lost = memory ? NULL : words.card;
        if (card_tool_open(CARD_MEMORY, NULL, &file, &card) != 0)
            machine_reboot();
    }
    (void)supervisor_run(&file, &card, &s);
    machine_reboot();
}

/* -- the command line -- */

/* 1 … 3600: seconds, or a descriptor. */
static bool take_number(const char *text, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || number == 0 || number > 3600)
        return false;
    *out = (uint32_t)number;
    return true;
}

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},   {"port", required_argument, NULL, 'p'},
    {"print-config", no_argument, NULL, 'P'},   {"card", required_argument, NULL, 'C'},
    {"format", no_argument, NULL, 'f'},         {"show", no_argument, NULL, 's'},
    {"trial", required_argument, NULL, 't'},    {"stall", required_argument, NULL, 'S'},
    {"watchdog", required_argument, NULL, 'w'}, {"runner", required_argument, NULL, 'r'},
    {"worker", required_argument, NULL, 'W'},   {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},        {NULL, 0, NULL, 0}};

/* Takes one option; false when its value is none. */
static bool take_option(int c, struct arguments *out)
{
    const struct {
        int option;
        const char **text;
    } texts[] = {{'c', &out->config},
                 {'p', &out->port},
                 {'C', &out->card},
                 {'w', &out->watchdog},
                 {'r', &out->runner}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].option == c)
            *texts[i].text = optarg;
    out->print = out->print || c == 'P';
    out->format = out->format || c == 'f';
    out->show = out->show || c == 's';
    uint32_t tether = 0;
    if (c == 'W' && take_number(optarg, &tether))
        out->worker = (int)tether;
    return c == 't' ? take_number(optarg, &out->trial_s) : c != 'S' || take_number(optarg, &out->stall_s);
}

/* True when the arguments say one of the things that can be done. */
static bool sensible(const struct arguments *a)
{
    if (a->worker >= 0)
        return a->port != NULL;
    if (!a->card)
        return a->config && (a->port || a->print) && !a->format && !a->show;
    bool memory = strcmp(a->card, CARD_MEMORY) == 0;
    if (a->format || a->show)
        return !memory && !a->port && !a->print && a->format != a->show && (a->format || !a->config);
    return a->port && !a->print && (memory || !a->config);
}

/* −1 to go on, else the exit status. */
static int parse_arguments(int argc, char **argv, struct arguments *out)
{
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h' || c == 'v')
            return fputs(c == 'h' ? help : "busbar-node " BUSBAR_VERSION "\n", stdout) < 0;
        if (c == '?')
            return 2;
        if (!take_option(c, out)) {
            fputs("busbar-node: --trial and --stall take seconds, 1 … 3600\n", stderr);
            return 2;
        }
    }
    if (optind == argc && sensible(out))
        return -1;
    fputs("busbar-node: --config FILE and --port DEVICE are needed, or --card PATH and --port DEVICE; "
          "try --help\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    /* A container's first process has our options; the kernel hands over words of its own at most. */
    if (getpid() == 1 && (argc < 2 || strncmp(argv[1], "--", 2) != 0))
        run_machine();
    struct arguments a = {.worker = -1, .trial_s = TRIAL_S, .stall_s = STALL_S};
    int end = parse_arguments(argc, argv, &a);
    if (end >= 0)
        return end;
    if (a.worker >= 0)
        return worker_run_tether(a.worker, a.port, false);
    if (a.format)
        return card_tool_format(a.card, a.config);
    if (a.show)
        return card_tool_show(a.card);
    return a.card ? run_card(&a) : run_files(&a);
}

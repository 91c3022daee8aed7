#include "agents/cli/demo_whole.h"

#include "agents/cli/call.h"
#include "node-fw/link/frame.h"
#include "node-fw/link/message.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define QEMU       "qemu-system-arm"
#define PATH_ROOM  512
#define WORD_ROOM  640 /* a path with what QEMU wants around it */
#define LOOK_MS    20
#define BOARD_KB   (120 * 1024) /* of memory that a restored board takes; measured: docs/performance.md */
#define WORDS_ROOM 32

#define SETTINGS_ROOM 4097
#define ANSWER_MS     10000
#define RETRY_LOOKS   10 /* of LOOK_MS, until a board that could not be asked is asked again */

static void say(const struct whole *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct whole *w, const char *format, ...)
{
    va_list arguments;
    if (w->quiet)
        return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    fflush(stdout);
}

static double since(int64_t start_ms)
{
    return (double)(bb_loop_mono_ms() - start_ms) / 1e3;
}

static void on_pause(void *context)
{
    bb_loop_stop(context);
}

/* Lets the loop run for a moment. BB_INTERRUPTED after a signal, BB_TIMEOUT behind the deadline. */
static enum status pause_here(const struct whole *w, const char *what)
{
    int timer;
    if (bb_loop_mono_ms() > w->deadline_ms)
        return call_reason(w->reason, BB_TIMEOUT, "%s takes too long; logs are in %s", what,
                           w->crew->log_folder);
    enum status status = bb_loop_after(w->loop, LOOK_MS, on_pause, w->loop, &timer);
    return status == BB_OK ? bb_loop_run(w->loop) : status;
}

/* Waits until the process that was started last has ended well. */
static enum status wait_for_end(const struct whole *w, const char *name)
{
    bool ended = false;
    enum status status = BB_OK;
    while (status == BB_OK && !ended) {
        status = pause_here(w, name);
        if (status == BB_OK)
            status = crew_finish(w->crew, name, &ended, w->reason);
    }
    return status;
}

/* -- what is needed -- */

static unsigned long available_kb(void)
{
    char line[128];
    unsigned long kb = 0;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file != NULL && kb == 0 && fgets(line, sizeof line, file) != NULL)
        (void)!sscanf(line, "MemAvailable: %lu kB", &kb);
    if (file != NULL)
        fclose(file);
    return kb;
}

static enum status check_needs(const struct whole *w)
{
    size_t count = w->plan->scenario->count;
    unsigned long kb = available_kb();
    if (strpbrk(w->plan->home, ",'\"\\") != NULL || strlen(w->plan->home) > 80)
        return call_reason(
            w->reason, BB_RANGE,
            "%s: for whole boards the home's path is to have at most 80 characters, and no comma, "
            "quote or backslash",
            w->plan->home);
    if (kb > 0 && kb < count * BOARD_KB)
        return call_reason(w->reason, BB_FULL,
                           "%zu whole boards take %zu MB of memory, %lu MB are free: try --boards emulated",
                           count, count * BOARD_KB / 1024, kb / 1024);
    return BB_OK;
}

static enum status make_card(const struct whole *w, const char *card)
{
    char program[PATH_ROOM];
    const char *const words[] = {program, "build",  "--board",   "emulated", "--output",
                                 card,    "--node", w->firmware, NULL};
    int64_t start = bb_loop_mono_ms();
    enum status status = crew_find("busbar-image", w->reason, program, sizeof program);
    say(w, "making the card of a board: ");
    if (status == BB_OK)
        status = crew_start(w->crew, "image", words, w->reason);
    if (status == BB_OK)
        status = wait_for_end(w, "image");
    say(w, status == BB_OK ? "%.1f s\n" : "\n", since(start));
    return status;
}

/* -- QEMU's words -- */

struct qemu {
    char program[PATH_ROOM], card[WORD_ROOM], link[WORD_ROOM], rest[WORD_ROOM];
    const char *words[WORDS_ROOM];
    size_t count;
};

/* An Orange Pi PC has the processor of an A20 and a UART, timers and a card slot of the same family. U-Boot
 * declares the timer to run at 24 MHz, which is to be true, or the board's seconds are shorter than ours. */
static enum status begin_qemu(const struct whole *w, struct qemu *q)
{
    static const char *const machine[] = {
        "-M",       "orangepi-pc", "-global",   "cortex-a7-arm-cpu.cntfrq=24000000", "-nic", "none",
        "-display", "none",        "-no-reboot"};
    enum status status = crew_find(QEMU, w->reason, q->program, sizeof q->program);
    if (status != BB_OK)
        return call_reason(w->reason, status, QEMU " is not there: install the package " QEMU);
    q->count = 0;
    q->words[q->count++] = q->program;
    for (size_t i = 0; i < sizeof machine / sizeof *machine; i++)
        q->words[q->count++] = machine[i];
    return BB_OK;
}

static void add_pair(struct qemu *q, const char *name, const char *value)
{
    q->words[q->count++] = name;
    q->words[q->count++] = value;
    q->words[q->count] = NULL;
}

/* -- one board, until it says HELLO -- */

static enum status open_socket(const struct whole *w, const char *path, int *fd_out)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    enum status status = fd < 0 ? BB_IO : BB_OK;
    while (status == BB_OK && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        bool ended;
        status = pause_here(w, QEMU);
        if (status == BB_OK)
            status = crew_finish(w->crew, "whole", &ended, w->reason);
    }
    if (status == BB_OK)
        *fd_out = fd;
    else if (fd >= 0)
        close(fd);
    return status;
}

/* True when a board's HELLO is among what has come. */
static bool hear_hello(int fd, struct frame_assembler *assembler)
{
    uint8_t bytes[1024];
    struct frame frame;
    ssize_t size;
    while ((size = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < size; i++)
            if (frame_push(assembler, bytes[i], &frame) == FRAME_READY && frame.type == LINK_HELLO &&
                (frame.flags & FRAME_FROM_HOST) == 0)
                return true;
    return false;
}

static enum status wait_for_hello(const struct whole *w, const char *path)
{
    struct frame_assembler assembler;
    int fd = -1;
    bool heard = false, ended = false;
    enum status status = open_socket(w, path, &fd);
    frame_reset(&assembler);
    while (status == BB_OK && !(heard = hear_hello(fd, &assembler))) {
        status = pause_here(w, "the first board's start");
        if (status == BB_OK)
            status = crew_finish(w->crew, "whole", &ended, w->reason);
        if (status == BB_OK && ended)
            status =
                call_reason(w->reason, BB_CLOSED, QEMU " has ended; logs are in %s", w->crew->log_folder);
    }
    if (fd >= 0)
        close(fd);
    return status;
}

/* Has QEMU write the board's whole state to a file, and end. */
static enum status keep_state(const struct whole *w, const char *monitor, const char *state)
{
    char words[PATH_ROOM * 2];
    struct stat kept = {.st_size = 0};
    int fd = -1;
    int length = snprintf(words, sizeof words, "migrate \"exec:cat > '%s'\"\nquit\n", state);
    enum status status = open_socket(w, monitor, &fd);
    if (status != BB_OK)
        return status;
    status = write(fd, words, (size_t)length) == length ? wait_for_end(w, "whole") : BB_IO;
    close(fd);
    if (status == BB_OK && (stat(state, &kept) != 0 || kept.st_size == 0))
        status = call_reason(w->reason, BB_IO, "%s: QEMU has not kept the board's state", state);
    return status;
}

enum status demo_whole_boot(const struct whole *w)
{
    struct qemu q;
    char state[PATH_ROOM], card[PATH_ROOM], monitor[PATH_ROOM], line[PATH_ROOM];
    const char *home = w->plan->home;
    struct stat kept;
    enum status status = check_needs(w);
    snprintf(card, sizeof card, "%s/boards/whole.img", home);
    snprintf(state, sizeof state, "%s/boards/whole.state", home);
    snprintf(monitor, sizeof monitor, "%s/run/qemu.sock", home);
    snprintf(line, sizeof line, "%s/run/uart.sock", home);
    if (status == BB_OK)
        status = begin_qemu(w, &q);
    if (status == BB_OK)
        status = make_card(w, card);
    if (status != BB_OK)
        return status;
    snprintf(q.card, sizeof q.card, "if=sd,format=raw,file=%s", card);
    snprintf(q.link, sizeof q.link, "unix:%s,server=on,wait=off", line);
    snprintf(q.rest, sizeof q.rest, "unix:%s,server=on,wait=off", monitor);
    add_pair(&q, "-drive", q.card);
    add_pair(&q, "-serial", q.link);
    add_pair(&q, "-monitor", q.rest);
    int64_t start = bb_loop_mono_ms();
    say(w, "starting one whole board from it, U-Boot, Linux, busbar-node: ");
    status = crew_start(w->crew, "whole", q.words, w->reason);
    if (status == BB_OK)
        status = wait_for_hello(w, line);
    say(w, status == BB_OK ? "%.1f s\nkeeping its state: " : "\n", since(start));
    start = bb_loop_mono_ms();
    if (status == BB_OK)
        status = keep_state(w, monitor, state);
    if (status == BB_OK && stat(state, &kept) == 0)
        say(w, "%.1f s, %lld MB\n", since(start), (long long)(kept.st_size >> 20));
    return status;
}

/* -- all of them -- */

static enum status start_one(const struct whole *w, size_t index)
{
    struct qemu q;
    char agent[128], board[128], name[48];
    enum status status = begin_qemu(w, &q);
    if (status != BB_OK)
        return status;
    plan_cable(w->plan, index, agent, board);
    /* What a board writes to its card is kept as long as it runs. */
    snprintf(q.card, sizeof q.card, "if=sd,format=raw,snapshot=on,file=%s/boards/whole.img", w->plan->home);
    snprintf(q.link, sizeof q.link, "serial,id=uart,path=%s", board);
    snprintf(q.rest, sizeof q.rest, "exec:cat '%s/boards/whole.state'", w->plan->home);
    add_pair(&q, "-drive", q.card);
    add_pair(&q, "-chardev", q.link);
    add_pair(&q, "-serial", "chardev:uart");
    add_pair(&q, "-monitor", "none");
    add_pair(&q, "-incoming", q.rest);
    snprintf(name, sizeof name, "board-%s", w->plan->scenario->nodes[index].id);
    return crew_start(w->crew, name, q.words, w->reason);
}

enum status demo_whole_start(const struct whole *w)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < w->plan->scenario->count && status == BB_OK; i++)
        status = start_one(w, i);
    return status;
}

/* -- their settings -- */

enum turn { TURN_ASK, TURN_WAIT, TURN_DONE };

struct enrolment {
    enum turn turns[BB_BOARDS_MAX];
    char trouble[200]; /* what the last answer that was no yes said */
};

/* What an answer is about. */
struct question {
    struct enrolment *enrolment;
    size_t index;
};

static void on_enrolled(void *context, enum status status, const char *json)
{
    struct question *question = context;
    struct enrolment *e = question->enrolment;
    if (e->turns[question->index] == TURN_WAIT)
        e->turns[question->index] = status == BB_OK ? TURN_DONE : TURN_ASK;
    if (status != BB_OK)
        snprintf(e->trouble, sizeof e->trouble, "%s", json != NULL ? json : bb_status_text(status));
}

/* The call's parameters: a malloc'd JSON object; NULL: no memory, or the board's file cannot be read. */
static char *describe(const struct whole *w, size_t index)
{
    const char *name = w->plan->scenario->nodes[index].id;
    char path[PATH_ROOM], agent[128], board[128], text[SETTINGS_ROOM];
    snprintf(path, sizeof path, "%s/boards/%s.board", w->plan->home, name);
    plan_cable(w->plan, index, agent, board);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    json_t *call =
        json_pack("{s:o, s:s, s:s}", "port", json_sprintf("pty:%s", agent), "name", name, "settings", text);
    char *params = json_dumps(call, JSON_COMPACT);
    json_decref(call);
    return params;
}

static enum status ask(const struct whole *w, struct bb_client *client, struct question *question)
{
    char *params = describe(w, question->index);
    enum curve_kind kind = w->plan->scenario->nodes[question->index].kind;
    if (params == NULL)
        return call_reason(w->reason, BB_IO, "the file of %s cannot be read",
                           w->plan->scenario->nodes[question->index].id);
    question->enrolment->turns[question->index] = TURN_WAIT;
    enum status status =
        bb_request(client, plan_agent(kind), "node.enroll", params, ANSWER_MS, on_enrolled, question);
    free(params);
    if (status == BB_OK)
        return BB_OK;
    question->enrolment->turns[question->index] = TURN_ASK;
    return status == BB_FULL || status == BB_UNREACHABLE ? BB_OK : status;
}

enum status demo_whole_enroll(const struct whole *w, struct bb_client *client, const json_t *boards)
{
    size_t count = w->plan->scenario->count, done = 0;
    /* Answers may come when this has been given up. */
    static struct enrolment e;
    static struct question questions[BB_BOARDS_MAX];
    int64_t start = bb_loop_mono_ms();
    enum status status = BB_OK;
    e = (struct enrolment){.trouble = "no answer"};
    say(w, "%zu boards go on from there; each gets its settings over its link: ", count);
    while (status == BB_OK && done < count) {
        done = 0;
        for (size_t i = 0; i < count && status == BB_OK; i++) {
            questions[i] = (struct question){&e, i};
            if (json_is_true(json_object_get(json_array_get(boards, i), "online")))
                e.turns[i] = TURN_DONE;
            if (e.turns[i] == TURN_ASK)
                status = ask(w, client, &questions[i]);
            done += e.turns[i] == TURN_DONE;
        }
        for (int i = 0; status == BB_OK && done < count && i < RETRY_LOOKS; i++)
            status = pause_here(w, "giving the boards their settings");
        if (status == BB_OK)
            status = crew_check(w->crew, w->reason);
    }
    if (status == BB_TIMEOUT)
        call_reason(w->reason, BB_TIMEOUT, "%zu of %zu boards have their settings; the last trouble: %s",
                    done, count, e.trouble);
    say(w, status == BB_OK ? "%.1f s\n" : "\n", since(start));
    return status;
}

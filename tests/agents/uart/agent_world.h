/* The uart agent as a process, with the real broker, and the boards that a test plays by hand on ptys. */
#ifndef TESTS_AGENTS_UART_AGENT_WORLD_H
#define TESTS_AGENTS_UART_AGENT_WORLD_H

#include "bus/client/turn.h"
#include "tests/support/scripted_board.h"

#include <busbar/client.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define BIN     BUSBAR_PROGRAMS "/"
#define WAIT_MS 20000

/* L1–L2 and L1–DG1 are neighbours; L3 has none; L4 is run by the agent; DG1 is another agent's. */
static const char site_text[] =
    "{\"name\":\"test\",\"topology\":\"links\",\"links\":[[\"L1\",\"L2\"],[\"L1\",\"DG1\"]],\"boards\":["
    "{\"id\":1,\"name\":\"L1\",\"kind\":\"consumer\",\"agent\":\"consumer-agent\",\"topic\":\"Data/consumer/"
    "consumer1\"},"
    "{\"id\":2,\"name\":\"L2\",\"kind\":\"consumer\",\"agent\":\"consumer-agent\",\"topic\":\"Data/consumer/"
    "consumer2\"},"
    "{\"id\":3,\"name\":\"L3\",\"kind\":\"consumer\",\"agent\":\"consumer-agent\",\"topic\":\"Data/consumer/"
    "consumer10\"},"
    "{\"id\":4,\"name\":\"L4\",\"kind\":\"consumer\",\"agent\":\"consumer-agent\",\"topic\":\"Data/consumer/"
    "consumer4\","
    "\"dispatch\":\"agent\"},"
    "{\"id\":11,\"name\":\"DG1\",\"kind\":\"generator\",\"agent\":\"dg-agent\",\"topic\":\"Data/dg/dg1\"}]}";

enum { L1, L2, L3, L4, EXTRA, BOARDS };

struct world {
    char home[64];
    pid_t broker, agent;
    struct bb_loop *loop;
    struct bb_client *tester, *other; /* the other is dg-agent, played by hand */
    struct scripted_board boards[BOARDS];
    json_t *last[BOARDS]; /* the last board object of L1 … L4 */
    unsigned frames;      /* board objects with a frame */
    char frame[400], alert[600], alert_topic[64];
    unsigned alerts;
    bool replied;
    enum status status;
    char reply[3000];
};

static pid_t run(const char *home, const char *const *argv, bool shim)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    sigset_t none;
    char log[128];
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    snprintf(log, sizeof log, "%s/log", home);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDERR_FILENO);
    dup2(fd, STDOUT_FILENO);
    setenv("BUSBAR_HOME", home, 1);
    unsetenv("BUSBAR_VIP");
    if (shim) {
        setenv("LD_PRELOAD", BUSBAR_BINARY_DIR "/tests/agents/uart/libserial_shim.so", 1);
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
    }
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void stop(pid_t *pid)
{
    if (*pid > 0) {
        kill(*pid, SIGTERM);
        waitpid(*pid, NULL, 0);
    }
    *pid = 0;
}

static void put(const struct world *w, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w->home, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void on_data(void *context, const char *topic, const char *sender, const char *headers,
                    const char *message)
{
    (void)headers;
    static const char *const topics[] = {"Data/consumer/consumer1", "Data/consumer/consumer2",
                                         "Data/consumer/consumer10", "Data/consumer/consumer4"};
    struct world *w = context;
    json_t *object = json_loads(message, 0, NULL);
    const char *frame = json_string_value(json_object_get(object, "frame"));
    for (size_t i = 0; i < 4; i++)
        if (strcmp(topic, topics[i]) == 0 && strcmp(sender, "consumer-agent") == 0) {
            json_decref(w->last[i]);
            w->last[i] = json_incref(object);
            if (frame != NULL) {
                w->frames++;
                snprintf(w->frame, sizeof w->frame, "%s", frame);
            }
        }
    json_decref(object);
}

static void on_alert(void *context, const char *topic, const char *sender, const char *headers,
                     const char *message)
{
    (void)sender, (void)headers;
    struct world *w = context;
    w->alerts++;
    snprintf(w->alert_topic, sizeof w->alert_topic, "%s", topic);
    snprintf(w->alert, sizeof w->alert, "%s", message);
}

static void step(struct world *w)
{
    assert_int_equal(bb_loop_turn(w->loop, 2), BB_OK);
    for (size_t i = 0; i < BOARDS; i++)
        scripted_board_pump(&w->boards[i]);
}

static void steps(struct world *w, int64_t ms)
{
    for (int64_t end = bb_loop_mono_ms() + ms; bb_loop_mono_ms() < end;)
        step(w);
}

#define UNTIL(w, condition)                                                                                  \
    do {                                                                                                     \
        for (int64_t end_ms = bb_loop_mono_ms() + WAIT_MS; !(condition) && bb_loop_mono_ms() < end_ms;)      \
            step(w);                                                                                         \
        if (!(condition))                                                                                    \
            fail_msg("not in time: %s (see %s/log)", #condition, (w)->home);                                 \
    } while (0)

static struct bb_client *join(struct world *w, const char *identity)
{
    struct bb_client *client = NULL;
    struct bb_reason reason = {""};
    struct bb_client_options options = {
        .identity = identity, .home = w->home, .connect_ms = WAIT_MS, .reason = &reason};
    if (bb_client_open(w->loop, &options, &client) != BB_OK)
        fail_msg("%s: %s", identity, reason.text);
    return client;
}

static void start_agent(struct world *w, bool shim)
{
    char pattern[128];
    snprintf(pattern, sizeof pattern, "%s%s/*.tty", shim ? "" : "pty:", w->home);
    const char *argv[] = {
        BIN "busbar-uart-agent", "--home", w->home, "--ports", pattern, "--scan-ms", "20", NULL};
    w->agent = run(w->home, argv, shim);
}

static void make_boards(struct world *w)
{
    scripted_board_init(&w->boards[L1], w->home, "L1", 1, LINK_ROLE_CONSUMER);
    scripted_board_init(&w->boards[L2], w->home, "L2", 2, LINK_ROLE_CONSUMER);
    scripted_board_init(&w->boards[L3], w->home, "L3", 3, LINK_ROLE_CONSUMER);
    scripted_board_init(&w->boards[L4], w->home, "L4", 4, LINK_ROLE_CONSUMER);
    scripted_board_init(&w->boards[EXTRA], w->home, "X", 99, LINK_ROLE_CONSUMER);
}

static int set_up(void **state)
{
    static struct world w;
    char path[128], doors[3][128];
    memset(&w, 0, sizeof w);
    *state = &w;
    snprintf(w.home, sizeof w.home, "/tmp/bb-agent-XXXXXX");
    if (mkdtemp(w.home) == NULL || bb_loop_open(&w.loop) != BB_OK)
        return -1;
    snprintf(path, sizeof path, "%s/run", w.home);
    if (mkdir(path, 0700) != 0)
        return -1;
    put(&w, "site.json", site_text);
    static const char *const names[] = {"vip", "sub", "pub"};
    for (size_t i = 0; i < 3; i++)
        snprintf(doors[i], sizeof doors[i], "--%s=ipc://%s/run/%s.sock", names[i], w.home, names[i]);
    const char *argv[] = {BIN "busbard", "--home", w.home,   "--security", "none",
                          doors[0],      doors[1], doors[2], NULL};
    w.broker = run(w.home, argv, false);
    snprintf(path, sizeof path, "%s/run/vip.address", w.home);
    for (int64_t end = bb_loop_mono_ms() + WAIT_MS; access(path, F_OK) != 0 && bb_loop_mono_ms() < end;)
        usleep(5000);
    w.tester = join(&w, "tester");
    w.other = join(&w, "dg-agent");
    make_boards(&w);
    return bb_subscribe(w.tester, "Data/", on_data, &w) == BB_OK &&
                   bb_subscribe(w.tester, "alerts/", on_alert, &w) == BB_OK &&
                   bb_flush(w.tester, WAIT_MS) == BB_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char command[128];
    stop(&w->agent);
    bb_client_close(w->tester);
    bb_client_close(w->other);
    bb_loop_close(w->loop);
    stop(&w->broker);
    for (size_t i = 0; i < BOARDS; i++) {
        scripted_board_unplug(&w->boards[i]);
        json_decref(w->last[i]);
    }
    static const char *const files[] = {"site.json",        "log",          "run/vip.address",
                                        "run/busbard.lock", "run/vip.sock", "run/sub.sock",
                                        "run/pub.sock",     "run",          ""};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(command, sizeof command, "%s/%s", w->home, files[i]);
        (void)remove(command);
    }
    return 0;
}

static bool online(const struct world *w, int board)
{
    return json_is_true(json_object_get(w->last[board], "online"));
}

static void say_status(struct scripted_board *b)
{
    struct link_message m = {.type = LINK_STATUS, .source = b->hello.board};
    m.status = (struct link_status){.lambda = 7371025,
                                    .setpoint = 52400911,
                                    .power = 52400911,
                                    .digest = 0xabcdef,
                                    .depth = 4,
                                    .certified_depth = 9,
                                    .flags = LINK_FLAG_CERTIFIED,
                                    .live = 16,
                                    .exchange = 12,
                                    .incarnation = 3};
    assert_true(scripted_board_send(b, &m));
}

static void bring_up(struct world *w, int board)
{
    assert_true(scripted_board_plug(&w->boards[board]));
    unsigned before = w->boards[board].configs;
    UNTIL(w, w->boards[board].configs > before);
    say_status(&w->boards[board]);
    UNTIL(w, online(w, board));
}

#endif

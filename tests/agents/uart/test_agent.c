/* busbar-uart-agent as a process, with the real broker, against boards that the test plays by hand on ptys.
 */
#include "bus/client/base64.h"
#include "bus/client/turn.h"
#include "node-fw/dispatch/dispatch.h"
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
    char reply[600];
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

/* A broadcast of `id`, made by the dispatch core itself. */
static size_t broadcast_of(uint16_t id, uint8_t *payload)
{
    static struct dispatch d;
    struct dispatch_settings s = {.id = id,
                                  .incarnation = 1,
                                  .curve = {CURVE_CONSUMER, 0, 12000000, 120000000},
                                  .size = 5,
                                  .neighbour_count = 1,
                                  .neighbours = {77}};
    assert_int_equal(dispatch_init(&d, &s, (struct mono){1000}), BB_OK);
    size_t size = dispatch_poll(&d, (struct mono){1000}, payload);
    assert_true(size > 0);
    return size;
}

static void send_broadcast(struct scripted_board *b, uint16_t id, uint8_t *payload, size_t *size_out)
{
    struct link_message m = {.type = LINK_DISPATCH, .source = id};
    *size_out = broadcast_of(id, payload);
    m.dispatch.payload = (struct bytes){payload, *size_out};
    assert_true(scripted_board_send(b, &m));
}

static void a_board_is_introduced_and_shown(void **state)
{
    struct world *w = *state;
    start_agent(w, false);
    bring_up(w, L1);
    const struct link_config *c = &w->boards[L1].config;
    assert_true(c->size == 5 && c->where == LINK_WHERE_BOARD && c->method == 0);
    assert_true(c->neighbours.count == 2 && c->neighbours.id[0] == 2 && c->neighbours.id[1] == 11);
    const json_t *o = w->last[L1];
    UNTIL(w, json_integer_value(json_object_get(w->last[L1], "exchange")) == 12);
    o = w->last[L1];
    assert_true(json_number_value(json_object_get(o, "kw")) == 52.400911);
    assert_true(json_number_value(json_object_get(o, "lambda")) == 7.371025);
    assert_string_equal(json_string_value(json_object_get(o, "digest")), "0000000000abcdef");
    assert_string_equal(json_string_value(json_object_get(o, "mode")), "automatic");
    assert_true(json_is_true(json_object_get(o, "certified")));
}

static void a_broadcast_reaches_each_neighbour_once_and_the_bus_once(void **state)
{
    struct world *w = *state;
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    char text[BASE64_SIZE(BB_LINK_PAYLOAD_MAX)];
    size_t size;
    start_agent(w, false);
    bring_up(w, L1);
    bring_up(w, L2);
    bring_up(w, L3);
    send_broadcast(&w->boards[L1], 1, payload, &size);
    UNTIL(w, w->boards[L2].heard_count > 0 && w->frames > 0);
    steps(w, 300);
    assert_int_equal(w->boards[L2].heard_count, 1);
    assert_int_equal(w->boards[L2].heard[0].source, 1);
    assert_int_equal(w->boards[L2].heard[0].size, size);
    assert_memory_equal(w->boards[L2].heard[0].payload, payload, size);
    assert_int_equal(w->boards[L1].heard_count, 0);
    assert_int_equal(w->boards[L3].heard_count, 0);
    assert_int_equal(w->frames, 1);
    base64_encode((struct bytes){payload, size}, text);
    assert_string_equal(w->frame, text);
}

static void publish_frame(struct bb_client *client, uint16_t id, const char *topic)
{
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    char text[BASE64_SIZE(BB_LINK_PAYLOAD_MAX)], message[500];
    base64_encode((struct bytes){payload, broadcast_of(id, payload)}, text);
    snprintf(message, sizeof message, "{\"board\":%u,\"frame\":\"%s\"}", id, text);
    assert_int_equal(bb_publish(client, topic, NULL, message), BB_OK);
}

static void another_agents_broadcast_is_carried_and_a_forged_one_is_not(void **state)
{
    struct world *w = *state;
    start_agent(w, false);
    bring_up(w, L1);
    bring_up(w, L2);
    publish_frame(w->other, 11, "Data/dg/dg1");
    UNTIL(w, w->boards[L1].heard_count > 0);
    assert_int_equal(w->boards[L1].heard[0].source, 11);
    publish_frame(w->tester, 11, "Data/dg/dg1");            /* not DG1's agent */
    publish_frame(w->other, 2, "Data/dg/dg1");              /* DG1's agent, but not DG1's id */
    publish_frame(w->other, 11, "Data/dg/dg11");            /* another topic */
    publish_frame(w->tester, 1, "Data/consumer/consumer1"); /* our own board, from outside */
    assert_int_equal(bb_publish(w->other, "Data/dg/dg1", NULL, "{\"frame\":\"no base64!\"}"), BB_OK);
    steps(w, 500);
    assert_int_equal(w->boards[L1].heard_count, 1);
    assert_int_equal(w->boards[L2].heard_count, 0);
}

static void a_board_cannot_speak_for_another(void **state)
{
    struct world *w = *state;
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    size_t size;
    start_agent(w, false);
    bring_up(w, L1);
    bring_up(w, L2);
    send_broadcast(&w->boards[L2], 1, payload, &size); /* L2 says that it is L1 */
    steps(w, 300);
    assert_int_equal(w->boards[L1].heard_count, 0);
    assert_int_equal(w->frames, 0);
}

static void boards_that_do_not_belong_are_refused_with_an_alert(void **state)
{
    struct world *w = *state;
    start_agent(w, false);
    assert_true(scripted_board_plug(&w->boards[EXTRA]));
    UNTIL(w, w->alerts > 0 && w->boards[EXTRA].refusals > 0);
    assert_non_null(strstr(w->alert, "wrong-board"));
    assert_non_null(strstr(w->alert, "board 99"));
    scripted_board_unplug(&w->boards[EXTRA]);
    w->boards[EXTRA].hello.board = 2; /* known, but as L2 */
    assert_true(scripted_board_plug(&w->boards[EXTRA]));
    UNTIL(w, w->alerts > 1);
    assert_string_equal(w->alert_topic, "alerts/dispatch/L2");
    assert_int_equal(w->boards[EXTRA].configs, 0);
    assert_int_equal(w->boards[EXTRA].heard_count, 0);
}

static void a_second_board_with_the_same_id_is_refused(void **state)
{
    struct world *w = *state;
    start_agent(w, false);
    bring_up(w, L1);
    w->boards[EXTRA].hello = w->boards[L1].hello;
    assert_true(scripted_board_plug(&w->boards[EXTRA]));
    UNTIL(w, w->alerts > 0);
    assert_non_null(strstr(w->alert, "duplicate-board-id"));
    assert_string_equal(w->alert_topic, "alerts/dispatch/L1");
    assert_int_equal(w->boards[EXTRA].configs, 0);
    assert_true(online(w, L1));
}

static void boards_that_babble_or_do_not_read_delay_nobody(void **state)
{
    struct world *w = *state;
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    size_t size;
    start_agent(w, false);
    bring_up(w, L1);
    bring_up(w, L2);
    bring_up(w, L3);
    w->boards[L3].babbling = w->boards[L3].deaf = true;
    assert_true(scripted_board_plug(&w->boards[EXTRA]));
    w->boards[EXTRA].babbling = true;
    steps(w, 200);
    int64_t longest = 0;
    for (size_t i = 1; i <= 20; i++) {
        int64_t start = bb_loop_mono_ms(), took;
        send_broadcast(&w->boards[L1], 1, payload, &size);
        UNTIL(w, w->boards[L2].heard_count == i);
        took = bb_loop_mono_ms() - start;
        longest = took > longest ? took : longest;
        assert_true(took < 5000);
    }
    print_message("longest carriage beside two babblers, one of them deaf: %d ms\n", (int)longest);
    assert_true(online(w, L1) && online(w, L2));
}

static void on_reply(void *context, enum status status, const char *json)
{
    struct world *w = context;
    w->replied = true;
    w->status = status;
    snprintf(w->reply, sizeof w->reply, "%s", json != NULL ? json : "");
}

static void call(struct world *w, const char *method, const char *params)
{
    w->replied = false;
    assert_int_equal(bb_request(w->tester, "consumer-agent", method, params, WAIT_MS, on_reply, w), BB_OK);
    UNTIL(w, w->replied);
}

static void commands_are_answered_by_the_board(void **state)
{
    struct world *w = *state;
    start_agent(w, false);
    bring_up(w, L1);
    bring_up(w, L2);
    call(w, "board.hold", "{\"name\":\"L1\"}");
    assert_int_equal(w->status, BB_OK);
    assert_string_equal(w->reply, "{\"boards\":[\"L1\"]}");
    assert_int_equal(w->boards[L1].command.mode, LINK_COMMAND_HOLD);
    call(w, "board.override", "{\"name\":\"L1\",\"kw\":10.5}");
    assert_true(w->status == BB_OK && w->boards[L1].command.power == 10500000);
    call(w, "board.stop", "{\"name\":\"all\"}");
    assert_true(w->status == BB_OK && w->boards[L2].command.mode == LINK_COMMAND_STOP);
    assert_non_null(strstr(w->reply, "\"L1\",\"L2\""));
    w->boards[L2].refuses = "COMMAND: more than the board's greatest power";
    call(w, "board.override", "{\"name\":\"L2\",\"kw\":4000}");
    assert_int_equal(w->status, BB_REMOTE);
    assert_non_null(strstr(w->reply, "L2 refused: COMMAND: more than"));
    call(w, "board.hold", "{\"name\":\"L3\"}");
    assert_non_null(strstr(w->reply, "L3 is offline"));
    call(w, "board.hold", "{\"name\":\"DG1\"}");
    assert_non_null(strstr(w->reply, "served by dg-agent"));
    call(w, "board.hold", "{\"name\":\"L9\"}");
    assert_non_null(strstr(w->reply, "no board"));
    call(w, "board.parameter", "{\"name\":\"L1\",\"alpha\":1}");
    assert_non_null(strstr(w->reply, "it has omega, sigma and pmax_kw"));
    call(w, "board.parameter", "{\"name\":\"L1\",\"omega\":-1}");
    assert_int_equal(w->status, BB_REMOTE);
    call(w, "boards", "[]");
    assert_int_equal(w->status, BB_OK);
    w->boards[L1].deaf = true; /* never acknowledges */
    call(w, "board.hold", "{\"name\":\"L1\"}");
    assert_int_equal(w->status, BB_REMOTE);
}

static void the_agent_dispatches_for_a_board_that_only_obeys(void **state)
{
    struct world *w = *state;
    struct link_message curve = {.type = LINK_CURVE, .source = 4};
    start_agent(w, false);
    assert_true(scripted_board_plug(&w->boards[L4]));
    UNTIL(w, w->boards[L4].configs > 0);
    assert_int_equal(w->boards[L4].config.where, LINK_WHERE_AGENT);
    curve.curve = (struct link_curve){
        .kind = CURVE_CONSUMER, .lo = 0, .hi = 12000000, .pmax = 120000000, .incarnation = 5};
    assert_true(scripted_board_send(&w->boards[L4], &curve));
    UNTIL(w, w->boards[L4].setpoints > 0 && w->boards[L4].setpoint.lambda != 0);
    /* Alone, a consumer's price is its own ω and its power 0, exactly (clear.h). */
    assert_int_equal(w->boards[L4].setpoint.lambda, 12000000);
    assert_int_equal(w->boards[L4].setpoint.power, 0);
    UNTIL(w, w->frames > 0); /* the agent speaks for it */
    assert_int_equal(json_integer_value(json_object_get(w->last[L4], "incarnation")), 5);
}

static void an_unplugged_board_is_offline_and_comes_back(void **state)
{
    struct world *w = *state;
    start_agent(w, false);
    bring_up(w, L1);
    scripted_board_unplug(&w->boards[L1]);
    UNTIL(w, !online(w, L1) && w->alerts > 0);
    assert_non_null(strstr(w->alert, "link-lost"));
    assert_string_equal(json_string_value(json_object_get(w->last[L1], "mode")), "link-lost");
    bring_up(w, L1);
    assert_int_equal(w->boards[L1].configs, 2);
}

static void a_board_behind_libserialport_is_served_alike(void **state)
{
    struct world *w = *state;
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    size_t size;
    start_agent(w, true);
    bring_up(w, L1);
    bring_up(w, L2);
    assert_int_equal(strncmp(json_string_value(json_object_get(w->last[L1], "port")), "/tmp/", 5), 0);
    send_broadcast(&w->boards[L1], 1, payload, &size);
    UNTIL(w, w->boards[L2].heard_count == 1);
    scripted_board_unplug(&w->boards[L1]);
    UNTIL(w, !online(w, L1));
    bring_up(w, L1);
}

#define AGENT_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AGENT_TEST(a_board_is_introduced_and_shown),
        AGENT_TEST(a_broadcast_reaches_each_neighbour_once_and_the_bus_once),
        AGENT_TEST(another_agents_broadcast_is_carried_and_a_forged_one_is_not),
        AGENT_TEST(a_board_cannot_speak_for_another),
        AGENT_TEST(boards_that_do_not_belong_are_refused_with_an_alert),
        AGENT_TEST(a_second_board_with_the_same_id_is_refused),
        AGENT_TEST(boards_that_babble_or_do_not_read_delay_nobody),
        AGENT_TEST(commands_are_answered_by_the_board),
        AGENT_TEST(the_agent_dispatches_for_a_board_that_only_obeys),
        AGENT_TEST(an_unplugged_board_is_offline_and_comes_back),
        AGENT_TEST(a_board_behind_libserialport_is_served_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

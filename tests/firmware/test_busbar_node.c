/* busbar-node as a process on a real pty behind busbar-wire; this program is its agent. */
#include "node-fw/link/session.h"
#include "tests/firmware/process.h"
#include "tests/link/cm.h"

#include <sys/stat.h>
#include <termios.h>

struct bench {
    char folder[64], board[96], host_end[96], node_end[96], state[96];
    struct process wire, node;
    int fd;
    struct link host;
    int count[20];
    struct link_message last[20];
};

static const char board_file[] =
    "id 1 # the first\nname L1\nkind consumer\nomega 17.17  # $/kWh\nsigma 0.0935\n"
    "pmax_kw 91.79\non_link_loss zero\nstate L1.state\n";

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static const char *read_text(const char *path)
{
    static char text[4096];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static struct process start_wire(const struct bench *b)
{
    const char *const arguments[] = {"busbar-wire", "--cable", b->host_end, b->node_end, NULL};
    struct process wire = process_start(arguments);
    char line[80];
    assert_string_equal(process_line(wire.out, line, sizeof line), "ready");
    return wire;
}

static struct process start_node(const struct bench *b)
{
    const char *const arguments[] = {"busbar-node", "--config", b->board, "--port", b->node_end, NULL};
    return process_start(arguments);
}

/* Opens the agent's end in a new session. */
static void open_host(struct bench *b)
{
    static uint32_t session = 100;
    struct link_settings me = {.host = true};
    me.me.major = LINK_MAJOR;
    me.me.session = ++session;
    me.me.role = LINK_ROLE_HOST;
    b->fd = open(b->host_end, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    assert_true(b->fd >= 0);
    link_init(&b->host, &me, (struct mono){process_ms()});
    memset(b->count, 0, sizeof b->count);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    snprintf(b->folder, sizeof b->folder, "/tmp/busbar-node-XXXXXX");
    if (!mkdtemp(b->folder))
        return -1;
    snprintf(b->board, sizeof b->board, "%s/L1.board", b->folder);
    snprintf(b->state, sizeof b->state, "%s/L1.state", b->folder);
    snprintf(b->host_end, sizeof b->host_end, "%s/host", b->folder);
    snprintf(b->node_end, sizeof b->node_end, "%s/node", b->folder);
    write_text(b->board, board_file);
    b->wire = start_wire(b);
    open_host(b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    process_stop(&b->node, SIGKILL);
    process_stop(&b->wire, SIGTERM);
    close(b->fd);
    unlink(b->board);
    unlink(b->state);
    int result = rmdir(b->folder); /* nothing else may be left in it */
    free(b);
    return result;
}

/* Runs the agent's end for `ms`, or until a message of `type` has come; true when it has. */
static bool await(struct bench *b, enum link_type type, int64_t ms)
{
    int before = b->count[type];
    for (int64_t end = process_ms() + ms; process_ms() < end && b->count[type] == before;) {
        struct mono now = {process_ms()};
        uint8_t buffer[512];
        link_poll(&b->host, now);
        struct bytes out = link_output(&b->host);
        ssize_t n = out.size ? write(b->fd, out.data, out.size) : 0;
        if (n > 0)
            link_sent(&b->host, (size_t)n);
        struct pollfd p = {.fd = b->fd, .events = POLLIN};
        poll(&p, 1, 5);
        n = read(b->fd, buffer, sizeof buffer);
        struct bytes in = {buffer, n > 0 ? (size_t)n : 0};
        struct link_message m;
        while (link_feed(&b->host, &in, now, &m)) {
            b->count[m.type]++;
            b->last[m.type] = m;
        }
    }
    return b->count[type] > before;
}

static bool await_up(struct bench *b)
{
    return await(b, LINK_HELLO, 10000) && await(b, LINK_STATUS, 10000);
}

static void send(struct bench *b, struct link_message m)
{
    assert_int_equal(link_send(&b->host, &m, (struct mono){process_ms()}), BB_OK);
}

static struct link_message config_alone(void)
{
    struct link_message m = {.type = LINK_CONFIG};
    m.config.size = 1;
    return m;
}

static void test_answers_and_takes_its_place(void **state)
{
    struct bench *b = *state;
    b->node = start_node(b);
    assert_true(await_up(b));
    assert_int_equal(b->last[LINK_HELLO].hello.board, 1);
    assert_string_equal(b->last[LINK_HELLO].hello.name, "L1");
    assert_int_equal(b->last[LINK_STATUS].status.incarnation, 1);
    assert_string_equal(read_text(b->state), "1\n");
    send(b, config_alone());
    assert_true(await(b, LINK_DISPATCH, 5000));
    assert_int_equal(b->last[LINK_DISPATCH].source, 1);
    assert_true(link_idle(&b->host));
}

static void test_says_goodbye(void **state)
{
    struct bench *b = *state;
    b->node = start_node(b);
    assert_true(await_up(b));
    kill(b->node.pid, SIGTERM);
    assert_true(await(b, LINK_LEAVE, 5000));
    assert_int_equal(b->last[LINK_LEAVE].leave.reason, LINK_LEAVE_SHUTDOWN);
    assert_int_equal(process_wait(&b->node), 0);
}

static void test_boot_counter_grows(void **state)
{
    struct bench *b = *state;
    uint32_t session = 0;
    for (int boot = 1; boot <= 3; boot++) {
        b->node = start_node(b);
        assert_true(await_up(b));
        assert_int_equal(b->last[LINK_STATUS].status.incarnation, boot);
        assert_int_not_equal(b->last[LINK_HELLO].hello.session, session);
        session = b->last[LINK_HELLO].hello.session;
        process_stop(&b->node, boot == 2 ? SIGTERM : SIGKILL); /* however it ends */
    }
    write_text(b->state, "many\n");
    b->node = start_node(b);
    char line[512];
    process_line(b->node.err, line, sizeof line);
    assert_non_null(strstr(line, "cannot be read"));
    assert_int_equal(process_wait(&b->node), 1);
}

static void test_survives_garbage(void **state)
{
    struct bench *b = *state;
    char command[200];
    b->node = start_node(b);
    assert_true(await_up(b));
    snprintf(command, sizeof command, "garbage %s 3000", b->node_end);
    assert_true(process_wire(&b->wire, command));
    assert_true(process_wire(&b->wire, "faults 2000 2000"));
    send(b, (struct link_message){.type = LINK_COMMAND, .command = {LINK_COMMAND_STOP, 0}});
    for (int i = 0; i < 40 && !(link_idle(&b->host) && b->last[LINK_STATUS].status.mode == 3); i++)
        await(b, LINK_STATUS, 500);
    assert_true(process_wire(&b->wire, "faults 0 0"));
    assert_true(await(b, LINK_STATUS, 5000));
    assert_int_equal(b->last[LINK_STATUS].status.mode, 3);
    assert_true(b->last[LINK_STATUS].status.bad_frames > 0);
    assert_true(link_idle(&b->host));
}

static void test_unplugged_and_plugged_again(void **state)
{
    struct bench *b = *state;
    char command[200];
    b->node = start_node(b);
    assert_true(await_up(b));
    uint32_t session = b->last[LINK_HELLO].hello.session;
    snprintf(command, sizeof command, "unplug %s", b->node_end);
    assert_true(process_wire(&b->wire, command));
    await(b, LINK_FIRMWARE, 300);
    snprintf(command, sizeof command, "replug %s", b->node_end);
    assert_true(process_wire(&b->wire, command));
    assert_true(await_up(b));
    assert_int_not_equal(b->last[LINK_HELLO].hello.session, session);
    assert_int_equal(b->last[LINK_STATUS].status.incarnation, 1); /* the board did not reboot */
}

static void test_waits_for_its_port(void **state)
{
    struct bench *b = *state;
    close(b->fd);
    process_stop(&b->wire, SIGTERM);
    b->node = start_node(b);
    poll(NULL, 0, 300);
    b->wire = start_wire(b);
    open_host(b);
    assert_true(await_up(b));
}

static void test_a_second_node_is_refused(void **state)
{
    struct bench *b = *state;
    char line[512] = "";
    b->node = start_node(b);
    assert_true(await_up(b));
    struct process second = start_node(b);
    process_line(second.err, line, sizeof line); /* started */
    process_line(second.err, line, sizeof line);
    assert_non_null(strstr(line, "is held by another process"));
    assert_int_equal(process_wait(&second), 1);
    assert_true(await(b, LINK_STATUS, 5000)); /* the first one goes on */
}

static void test_parameters_are_written_to_its_file(void **state)
{
    struct bench *b = *state;
    b->node = start_node(b);
    assert_true(await_up(b));
    send(b, (struct link_message){.type = LINK_PARAMETER, .parameter = {93500, 18500000, 91790000}});
    for (int i = 0; i < 50 && !strstr(read_text(b->board), "18.5"); i++)
        await(b, LINK_FIRMWARE, 100);
    assert_true(link_idle(&b->host));
    assert_string_equal(read_text(b->board),
                        "id 1 # the first\nname L1\nkind consumer\nomega 18.5  # $/kWh\nsigma 0.0935\n"
                        "pmax_kw 91.79\non_link_loss zero\nstate L1.state\n");
    assert_int_equal(process_stop(&b->node, SIGTERM), 0);
    b->node = start_node(b);
    assert_true(await_up(b));
}

/* The loss of the agent: a set-point by override, then silence; the board goes to zero as its file says. */
static void test_goes_to_zero_without_its_agent(void **state)
{
    struct bench *b = *state;
    b->node = start_node(b);
    assert_true(await_up(b));
    send(b, (struct link_message){.type = LINK_COMMAND, .command = {LINK_COMMAND_OVERRIDE, 5000000}});
    assert_true(await(b, LINK_STATUS, 2000));
    assert_int_equal(b->last[LINK_STATUS].status.power, 5000000);
    poll(NULL, 0, 3500);

    char line[512];
    while (strstr(process_line(b->node.err, line, sizeof line), "event=link-lost") == NULL)
        assert_true(line[0] != '\0');
    assert_non_null(strstr(line, "mode=4 applied_mw=0"));
}

static void test_command_line(void **state)
{
    struct bench *b = *state;
    char line[512];
    const char *const print[] = {"busbar-node", "--config", b->board, "--print-config", NULL};
    b->node = process_start(print);
    assert_string_equal(process_line(b->node.out, line, sizeof line), "id 1");
    assert_int_equal(process_wait(&b->node), 0);
    write_text(b->board, "id 1\nname L1\nkind consumer\nomega twelve\n");
    b->node = process_start(print);
    process_line(b->node.err, line, sizeof line);
    assert_non_null(strstr(line, "L1.board:4: omega: twelve is not a number 0 … 4294.967295"));
    assert_int_equal(process_wait(&b->node), 1);
    const char *const none[] = {"busbar-node", NULL};
    b->node = process_start(none);
    assert_int_equal(process_wait(&b->node), 2);
    const char *const version[] = {"busbar-node", "--version", NULL};
    b->node = process_start(version);
    assert_string_equal(process_line(b->node.out, line, sizeof line), "busbar-node " BUSBAR_VERSION);
    assert_int_equal(process_wait(&b->node), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(test_answers_and_takes_its_place),
        TEST(test_says_goodbye),
        TEST(test_boot_counter_grows),
        TEST(test_survives_garbage),
        TEST(test_unplugged_and_plugged_again),
        TEST(test_waits_for_its_port),
        TEST(test_a_second_node_is_refused),
        TEST(test_parameters_are_written_to_its_file),
        TEST(test_goes_to_zero_without_its_agent),
        TEST(test_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* busbar-node as a process on a real pty behind busbar-wire; this program is its agent. */
#include "tests/firmware/bench.h"

static struct process start_node(const struct bench *b)
{
    const char *const arguments[] = {"busbar-node", "--config", b->board, "--port", b->node_end, NULL};
    return process_start(arguments);
}

static int set_up(void **state)
{
    return bench_set_up(state, NULL);
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
    assert_true(bench_await_up(b));
    assert_int_equal(b->last[LINK_HELLO].hello.board, 1);
    assert_string_equal(b->last[LINK_HELLO].hello.name, "L1");
    assert_int_equal(b->last[LINK_STATUS].status.incarnation, 1);
    assert_string_equal(bench_read(b->state), "1\n");
    bench_send(b, config_alone());
    assert_true(bench_await(b, LINK_DISPATCH, 5000));
    assert_int_equal(b->last[LINK_DISPATCH].source, 1);
    assert_true(link_idle(&b->host));
}

static void test_says_goodbye(void **state)
{
    struct bench *b = *state;
    b->node = start_node(b);
    assert_true(bench_await_up(b));
    kill(b->node.pid, SIGTERM);
    assert_true(bench_await(b, LINK_LEAVE, 5000));
    assert_int_equal(b->last[LINK_LEAVE].leave.reason, LINK_LEAVE_SHUTDOWN);
    assert_int_equal(process_wait(&b->node), 0);
}

static void test_boot_counter_grows(void **state)
{
    struct bench *b = *state;
    uint32_t session = 0;
    for (int boot = 1; boot <= 3; boot++) {
        b->node = start_node(b);
        assert_true(bench_await_up(b));
        assert_int_equal(b->last[LINK_STATUS].status.incarnation, boot);
        assert_int_not_equal(b->last[LINK_HELLO].hello.session, session);
        session = b->last[LINK_HELLO].hello.session;
        process_stop(&b->node, boot == 2 ? SIGTERM : SIGKILL); /* however it ends */
    }
    bench_write(b->state, "many\n");
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
    assert_true(bench_await_up(b));
    snprintf(command, sizeof command, "garbage %s 3000", b->node_end);
    assert_true(process_wire(&b->wire, command));
    assert_true(process_wire(&b->wire, "faults 2000 2000"));
    bench_send(b, (struct link_message){.type = LINK_COMMAND, .command = {LINK_COMMAND_STOP, 0}});
    for (int i = 0; i < 40 && !(link_idle(&b->host) && b->last[LINK_STATUS].status.mode == 3); i++)
        bench_await(b, LINK_STATUS, 500);
    assert_true(process_wire(&b->wire, "faults 0 0"));
    assert_true(bench_await(b, LINK_STATUS, 5000));
    assert_int_equal(b->last[LINK_STATUS].status.mode, 3);
    assert_true(b->last[LINK_STATUS].status.bad_frames > 0);
    assert_true(link_idle(&b->host));
}

static void test_unplugged_and_plugged_again(void **state)
{
    struct bench *b = *state;
    char command[200];
    b->node = start_node(b);
    assert_true(bench_await_up(b));
    uint32_t session = b->last[LINK_HELLO].hello.session;
    snprintf(command, sizeof command, "unplug %s", b->node_end);
    assert_true(process_wire(&b->wire, command));
    bench_await(b, LINK_FIRMWARE, 300);
    snprintf(command, sizeof command, "replug %s", b->node_end);
    assert_true(process_wire(&b->wire, command));
    assert_true(bench_await_up(b));
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
    b->wire = bench_start_wire(b);
    bench_open_host(b);
    assert_true(bench_await_up(b));
}

static void test_a_second_node_is_refused(void **state)
{
    struct bench *b = *state;
    char line[512] = "";
    b->node = start_node(b);
    assert_true(bench_await_up(b));
    struct process second = start_node(b);
    process_line(second.err, line, sizeof line); /* started */
    process_line(second.err, line, sizeof line);
    assert_non_null(strstr(line, "is held by another process"));
    assert_int_equal(process_wait(&second), 1);
    assert_true(bench_await(b, LINK_STATUS, 5000)); /* the first one goes on */
}

static void test_parameters_are_written_to_its_file(void **state)
{
    struct bench *b = *state;
    b->node = start_node(b);
    assert_true(bench_await_up(b));
    bench_send(b, (struct link_message){.type = LINK_PARAMETER, .parameter = {93500, 18500000, 91790000}});
    for (int i = 0; i < 50 && !strstr(bench_read(b->board), "18.5"); i++)
        bench_await(b, LINK_FIRMWARE, 100);
    assert_true(link_idle(&b->host));
    assert_string_equal(bench_read(b->board),
                        "id 1 # the first\nname L1\nkind consumer\nomega 18.5  # $/kWh\nsigma 0.0935\n"
                        "pmax_kw 91.79\non_link_loss zero\nstate L1.state\n");
    assert_int_equal(process_stop(&b->node, SIGTERM), 0);
    b->node = start_node(b);
    assert_true(bench_await_up(b));
}

/* The loss of the agent: a set-point by override, then silence; the board goes to zero as its file says. */
static void test_goes_to_zero_without_its_agent(void **state)
{
    struct bench *b = *state;
    b->node = start_node(b);
    assert_true(bench_await_up(b));
    bench_send(b, (struct link_message){.type = LINK_COMMAND, .command = {LINK_COMMAND_OVERRIDE, 5000000}});
    assert_true(bench_await(b, LINK_STATUS, 2000));
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
    bench_write(b->board, "id 1\nname L1\nkind consumer\nomega twelve\n");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)

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

/* The board as a whole: introduction, place, set-point, commands, parameters, loss of the link. */
#include "tests/link/cm.h"
#include "tests/node/rig.h"

#include <stdio.h>

static const char l1[] = "id 2\nname L1\nkind consumer\nomega 12\nsigma 0.05\npmax_kw 120\nstate x\n";
static const char ga[] = "id 1\nname Ga\nkind generator\nbeta 4\nalpha 0.02\npmax_kw 200\nstate x\n";
static const char gb[] = "id 3\nname Gb\nkind generator\nbeta 5\nalpha 0.03\npmax_kw 10\nstate x\n";
static const uint16_t ids123[] = {1, 2, 3};

static uint32_t power(const struct rig *r)
{
    return r->last[LINK_STATUS].status.power;
}

static uint8_t mode(const struct rig *r)
{
    return r->last[LINK_STATUS].status.mode;
}

/* A board whose agent runs the dispatch: it does what SETPOINT says. */
static void start_obedient(struct rig *r, const char *extra)
{
    char text[512];
    snprintf(text, sizeof text, "%s%s", ga, extra);
    rig_start(r, text);
    rig_run(r, 100);
    rig_send(r, rig_config(3, LINK_WHERE_AGENT, 1, ids123 + 1));
}

static void test_introduction(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r, l1);
    rig_run(&r, 100);
    const struct link_hello *h = &r.last[LINK_HELLO].hello;
    assert_int_equal(h->board, 2);
    assert_int_equal(h->role, LINK_ROLE_CONSUMER);
    assert_int_equal(h->features, LINK_FEATURE_DISPATCH);
    assert_string_equal(h->name, "L1");
    assert_int_equal(h->firmware, 1 << 8);
    assert_true(r.count[LINK_STATUS] >= 1);
    assert_int_equal(r.last[LINK_STATUS].status.incarnation, 3);
    assert_int_equal(r.count[LINK_DISPATCH], 0); /* no place yet */
}

static void test_heartbeat_of_status_and_measured(void **state)
{
    (void)state;
    struct rig r;
    start_obedient(&r, "");
    rig_run(&r, 500);
    int before = r.count[LINK_STATUS];
    rig_run(&r, 10000);
    assert_in_range(r.count[LINK_STATUS] - before, 9, 11);
    assert_in_range(r.count[LINK_MEASURED], 9, 13);
    assert_int_equal(r.last[LINK_STATUS].status.uptime_s, 10);
}

/* Ga − L − Gb through three boards and their links: the optimum of the unit vector, certified, applied. */
static void test_three_boards_find_the_optimum(void **state)
{
    (void)state;
    static struct rig r[3];
    const char *const texts[] = {ga, l1, gb};
    for (int i = 0; i < 3; i++) {
        rig_start(&r[i], texts[i]);
        rig_run(&r[i], 100);
        rig_send(&r[i], i == 1 ? rig_config(3, LINK_WHERE_BOARD, 2, (uint16_t[]){1, 3})
                               : rig_config(3, LINK_WHERE_BOARD, 1, ids123 + 1));
    }
    for (int step = 0; step < 300; step++)
        for (int i = 0; i < 3; i++) {
            rig_run(&r[i], 10);
            for (size_t f = 0; f < r[i].frames; f++)
                for (int j = 0; j < 3; j++) {
                    struct link_message m = {.type = LINK_DISPATCH, .source = (uint16_t)(i + 1)};
                    m.dispatch.payload = (struct bytes){r[i].frame[f], r[i].frame_size[f]};
                    if (j == i + 1 || j == i - 1)
                        assert_int_equal(link_send(&r[j].host, &m, r[j].now), BB_OK);
                }
            r[i].frames = 0;
        }
    const uint32_t expected[] = {50000000, 60000000, 10000000};
    for (int i = 0; i < 3; i++) {
        const struct link_status *s = &r[i].last[LINK_STATUS].status;
        assert_int_equal(s->lambda, 6000000);
        assert_int_equal(s->setpoint, expected[i]);
        assert_int_equal(s->power, expected[i]);
        assert_int_equal(s->live, 3);
        assert_int_equal(s->flags, LINK_FLAG_CERTIFIED);
        assert_int_equal(r[i].count[LINK_CURVE], 0); /* its parameters stay its own */
    }
}

static void test_bad_neighbours_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint16_t size;
        size_t count;
        uint16_t ids[3];
        const char *text;
    } cases[] = {
        {3, 1, {2}, "CONFIG: the board is its own neighbour"},
        {3, 2, {0, 1}, "CONFIG: a neighbour has id 0"},
        {3, 2, {3, 3}, "CONFIG: a neighbour is given twice"},
        {3, 3, {1, 3, 4}, "CONFIG: more neighbours than boards"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig r;
        rig_start(&r, l1);
        rig_run(&r, 100);
        rig_send(&r, rig_config(cases[i].size, LINK_WHERE_BOARD, cases[i].count, cases[i].ids));
        assert_int_equal(r.last[LINK_REFUSE].refuse.code, LINK_REFUSE_RANGE);
        assert_string_equal(r.last[LINK_REFUSE].refuse.text, cases[i].text);
        assert_false(node_view(&r.node).configured);
        assert_int_equal(r.events & NODE_REFUSED, NODE_REFUSED);
    }
}

static void test_a_second_start_counts_as_a_boot(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r, l1);
    rig_run(&r, 100);
    rig_send(&r, rig_config(3, LINK_WHERE_BOARD, 1, ids123));
    assert_int_equal(r.events & NODE_PERSIST_COUNTER, 0);
    rig_send(&r, rig_config(3, LINK_WHERE_BOARD, 2, (uint16_t[]){1, 3})); /* only the list: no new start */
    assert_int_equal(r.last[LINK_STATUS].status.incarnation, 3);
    struct link_message other = rig_config(3, LINK_WHERE_BOARD, 1, ids123);
    other.config.method = 1;
    rig_send(&r, other);
    assert_int_equal(r.events & NODE_PERSIST_COUNTER, NODE_PERSIST_COUNTER);
    assert_int_equal(r.last[LINK_STATUS].status.incarnation, 4);
}

static void test_agent_mode_shows_the_curve_and_obeys(void **state)
{
    (void)state;
    struct rig r;
    start_obedient(&r, "");
    const struct link_curve *c = &r.last[LINK_CURVE].curve;
    assert_int_equal(r.count[LINK_CURVE], 1);
    assert_int_equal(c->lo, 4000000);
    assert_int_equal(c->hi, 12000000);
    assert_int_equal(c->pmax, 200000000);
    assert_int_equal(c->incarnation, 3);
    rig_send(&r, rig_setpoint(50000000));
    assert_int_equal(power(&r), 50000000);
    assert_int_equal(r.last[LINK_MEASURED].measured.power, 50000000);
    assert_int_equal(r.last[LINK_STATUS].status.lambda, 7000000);
    assert_int_equal(r.count[LINK_DISPATCH], 0);
    rig_send(&r, rig_setpoint(200000001));
    assert_string_equal(r.last[LINK_REFUSE].refuse.text, "SETPOINT: more than the board's greatest power");
    assert_int_equal(power(&r), 50000000);
    rig_host(&r, 78, LINK_MAJOR); /* the agent restarts: the curve is shown again */
    rig_run(&r, 2000);
    assert_int_equal(r.count[LINK_CURVE], 2);
}

static void test_setpoint_is_refused_when_the_board_decides(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r, ga);
    rig_run(&r, 100);
    rig_send(&r, rig_config(1, LINK_WHERE_BOARD, 0, NULL));
    rig_send(&r, rig_setpoint(1));
    assert_int_equal(r.last[LINK_REFUSE].refuse.code, LINK_REFUSE_NOT_NOW);
    assert_int_equal(power(&r), 0);
}

static void test_commands_win_over_the_algorithm(void **state)
{
    (void)state;
    struct rig r;
    start_obedient(&r, "");
    rig_send(&r, rig_setpoint(50000000));
    rig_send(&r, rig_command(LINK_COMMAND_HOLD, 0));
    rig_send(&r, rig_setpoint(60000000));
    assert_int_equal(power(&r), 50000000);
    assert_int_equal(r.last[LINK_STATUS].status.setpoint, 60000000);
    assert_int_equal(mode(&r), ACTUATOR_HOLD);
    rig_send(&r, rig_command(LINK_COMMAND_OVERRIDE, 12500000));
    assert_int_equal(power(&r), 12500000);
    assert_int_equal(mode(&r), ACTUATOR_OVERRIDE);
    rig_send(&r, rig_command(LINK_COMMAND_OVERRIDE, 200000001));
    assert_string_equal(r.last[LINK_REFUSE].refuse.text, "COMMAND: more than the board's greatest power");
    assert_int_equal(power(&r), 12500000);
    rig_send(&r, rig_command(LINK_COMMAND_STOP, 0));
    assert_int_equal(power(&r), 0);
    assert_int_equal(mode(&r), ACTUATOR_STOPPED);
    rig_send(&r, rig_command(LINK_COMMAND_RELEASE, 0));
    assert_int_equal(power(&r), 60000000);
    assert_int_equal(mode(&r), ACTUATOR_AUTOMATIC);
}

static void test_ramp_and_emergency_stop(void **state)
{
    (void)state;
    struct rig r;
    start_obedient(&r, "ramp_kw_per_s 10\n");
    rig_send(&r, rig_setpoint(50000000));
    rig_run(&r, 1000);
    assert_in_range(power(&r), 9000000, 11000000);
    assert_int_equal(r.last[LINK_STATUS].status.flags, LINK_FLAG_RAMPING);
    rig_run(&r, 2000);
    assert_in_range(power(&r), 29000000, 31000000);
    rig_send(&r, rig_command(LINK_COMMAND_STOP, 0));
    assert_int_equal(power(&r), 0); /* at once */
    rig_send(&r, rig_command(LINK_COMMAND_RELEASE, 0));
    rig_run(&r, 5200);
    assert_int_equal(power(&r), 50000000);
    assert_int_equal(r.last[LINK_STATUS].status.flags, 0);
}

static void test_parameters_change_and_are_persisted(void **state)
{
    (void)state;
    struct rig r;
    start_obedient(&r, "fixed_kw 5\n");
    rig_send(&r, rig_setpoint(150000000));
    struct link_message m = {.type = LINK_PARAMETER, .parameter = {10000, 5000000, 100000000}};
    rig_send(&r, m);
    assert_int_equal(r.events & NODE_PERSIST_PARAMETERS, NODE_PERSIST_PARAMETERS);
    assert_int_equal(node_settings(&r.node)->parameters.intercept, 5000000);
    assert_int_equal(r.last[LINK_CURVE].curve.hi, 7000000);
    assert_int_equal(power(&r), 100000000); /* what is above the new greatest power comes down */
    r.events = 0;
    m.parameter = (struct link_parameter){UINT32_MAX - 1, UINT32_MAX - 1, 100000000};
    rig_send(&r, m);
    assert_string_equal(r.last[LINK_REFUSE].refuse.text, "PARAMETER: the curve leaves the range of prices");
    m.parameter = (struct link_parameter){10000, 5000000, 4000000};
    rig_send(&r, m);
    assert_string_equal(r.last[LINK_REFUSE].refuse.text,
                        "PARAMETER: pmax_kw is less than the board's fixed_kw");
    assert_int_equal(r.events & NODE_PERSIST_PARAMETERS, 0);
    assert_int_equal(node_settings(&r.node)->parameters.pmax, 100000000);
    m.parameter = (struct link_parameter){LINK_UNCHANGED, 6000000, LINK_UNCHANGED};
    rig_send(&r, m);
    const struct curve_parameters *p = &node_settings(&r.node)->parameters;
    assert_int_equal(p->slope, 10000);
    assert_int_equal(p->intercept, 6000000);
    assert_int_equal(p->pmax, 100000000);
}

static void lose_link(struct rig *r)
{
    rig_send(r, rig_setpoint(50000000));
    r->cut = true;
    rig_run(r, 2500);
    assert_int_equal(node_view(&r->node).mode, ACTUATOR_AUTOMATIC);
    rig_run(r, 1000);
    assert_int_equal(node_view(&r->node).mode, ACTUATOR_LINK_LOST);
}

static void test_link_loss_hold_zero_fixed(void **state)
{
    (void)state;
    static const struct {
        const char *extra;
        int64_t least, most;
    } cases[] = {
        {"on_link_loss hold\n", 50000000, 50000000},
        {"on_link_loss zero\n", 0, 0},
        {"on_link_loss fixed\nfixed_kw 7.5\n", 7500000, 7500000},
        {"on_link_loss zero\nramp_kw_per_s 1000\n", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig r;
        start_obedient(&r, cases[i].extra);
        lose_link(&r);
        rig_run(&r, 200);
        assert_in_range(node_view(&r.node).applied_mw, cases[i].least, cases[i].most);
        /* Back: the old set-point is trusted when the agent says one, or has had its time. */
        r.cut = false;
        rig_run(&r, 1500);
        assert_int_equal(mode(&r), ACTUATOR_LINK_LOST);
        rig_send(&r, rig_setpoint(40000000));
        rig_run(&r, 100);
        assert_int_equal(mode(&r), ACTUATOR_AUTOMATIC);
        assert_int_equal(power(&r), 40000000);
    }
}

static void test_link_loss_ends_after_patience(void **state)
{
    (void)state;
    struct rig r;
    start_obedient(&r, "on_link_loss zero\n");
    lose_link(&r);
    r.cut = false;
    rig_run(&r, 6000);
    assert_int_equal(mode(&r), ACTUATOR_AUTOMATIC);
    assert_int_equal(power(&r), 50000000);
}

static void test_a_stop_survives_the_loss_of_the_link(void **state)
{
    (void)state;
    struct rig r;
    start_obedient(&r, "on_link_loss fixed\nfixed_kw 7\n");
    rig_send(&r, rig_command(LINK_COMMAND_STOP, 0));
    r.cut = true;
    rig_run(&r, 5000);
    assert_int_equal(node_view(&r.node).mode, ACTUATOR_STOPPED);
    assert_int_equal(node_view(&r.node).applied_mw, 0);
}

static void test_leave_and_return(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r, ga);
    rig_run(&r, 100);
    rig_send(&r, rig_config(3, LINK_WHERE_BOARD, 1, ids123 + 1));
    rig_run(&r, 500);
    int before = r.count[LINK_DISPATCH];
    rig_send(&r, (struct link_message){.type = LINK_LEAVE, .leave = {LINK_LEAVE_ASKED}});
    rig_run(&r, 500);
    assert_true(r.count[LINK_DISPATCH] > before); /* the neighbours are told */
    assert_int_equal(r.events & NODE_LEFT, NODE_LEFT);
    assert_int_equal(power(&r), 0);
    rig_send(&r, rig_config(3, LINK_WHERE_BOARD, 1, ids123 + 1));
    assert_int_equal(r.last[LINK_STATUS].status.incarnation, 4);
}

static void test_goodbye(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r, ga);
    rig_run(&r, 100);
    node_leave(&r.node, r.now);
    rig_run(&r, 50);
    assert_int_equal(r.count[LINK_LEAVE], 1);
    assert_int_equal(r.last[LINK_LEAVE].leave.reason, LINK_LEAVE_SHUTDOWN);
}

static void test_other_major_version(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r, ga);
    rig_host(&r, 77, 2);
    rig_run(&r, 100);
    assert_int_equal(node_view(&r.node).link, LINK_REFUSED);
    assert_int_equal(r.events & NODE_REFUSED, NODE_REFUSED);
    assert_int_equal(r.count[LINK_STATUS], 0);
}

static void test_firmware_is_refused(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r, ga);
    rig_run(&r, 100);
    rig_send(&r, (struct link_message){.type = LINK_FIRMWARE, .firmware = {.total = 1}});
    assert_string_equal(r.last[LINK_REFUSE].refuse.text, "this board has no card");
}

/* Takes the errands away: their types as a text, "S" for each SETTINGS and so on. */
static const char *errands(struct rig *r)
{
    static const char letters[] = {
        [LINK_FIRMWARE] = 'F', [LINK_RESET] = 'R', [LINK_SETTINGS] = 'S', [LINK_ASK] = 'A'};
    static char text[128];
    uint8_t type;
    struct bytes payload;
    size_t size = 0;
    for (; node_errand(&r->node, &type, &payload); node_errand_done(&r->node)) {
        struct link_message m;
        assert_int_equal(link_decode(type, 0, payload, &m), BB_OK);
        text[size++] = letters[type];
    }
    text[size] = '\0';
    return text;
}

static void test_a_card_is_the_supervisors(void **state)
{
    (void)state;
    struct rig r;
    struct settings settings = rig_settings(ga);
    rig_start(&r, ga);
    node_init(&r.node, &settings, 3, r.now);
    node_supervise(&r.node, true, 0x000203);
    node_connect(&r.node, 5, r.now);
    rig_run(&r, 100);
    assert_int_equal(r.last[LINK_HELLO].hello.firmware, 0x000203);
    assert_int_equal(r.last[LINK_HELLO].hello.features,
                     LINK_FEATURE_DISPATCH | LINK_FEATURE_FIRMWARE | LINK_FEATURE_CARD);
    assert_string_equal(errands(&r), "A"); /* its slots, for the host that has just come */
    static const uint8_t piece[200];
    for (uint32_t i = 0; i < 3; i++)
        rig_send(&r, (struct link_message){.type = LINK_FIRMWARE,
                                           .firmware = {1000, i * 200, 7, {piece, sizeof piece}}});
    rig_send(&r, (struct link_message){.type = LINK_ASK, .ask = {LINK_ASK_LOG, 3}});
    rig_send(&r, (struct link_message){.type = LINK_RESET});
    assert_string_equal(errands(&r), "FFFAR");
    for (int i = 0; i < 30; i++) /* nobody does them: what there is no room for is said to the host */
        rig_send(&r, (struct link_message){.type = LINK_SETTINGS, .board_file = {900, 0, 7, {piece, 100}}});
    assert_string_equal(r.last[LINK_REFUSE].refuse.text, "the card is busy: say it again");
    assert_string_equal(errands(&r), "SSSSSSSSSSSSSSSSSS");
}

static void test_what_the_supervisor_says_reaches_the_host(void **state)
{
    (void)state;
    struct rig r;
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    struct link_message m = {.type = LINK_SLOTS, .slots = {.running = 1, .boots = 9}};
    struct writer w = writer_at(payload, sizeof payload);
    rig_start(&r, ga);
    rig_run(&r, 100);
    assert_int_equal(link_encode(&m, &w), BB_OK);
    node_pass(&r.node, LINK_SLOTS, written(&w), r.now);
    rig_run(&r, 20);
    assert_int_equal(r.last[LINK_SLOTS].slots.boots, 9);
    assert_int_equal(r.last[LINK_SLOTS].source, node_settings(&r.node)->id);
    node_pass(&r.node, LINK_SLOTS, (struct bytes){payload, 3}, r.now); /* none */
    node_pass(&r.node, LINK_MEASURED, (struct bytes){payload, 4}, r.now);
    rig_run(&r, 20);
    assert_int_equal(r.count[LINK_SLOTS], 1);
}

static void test_a_host_of_1_0_is_served(void **state)
{
    (void)state;
    struct rig r;
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    struct link_message m = {.type = LINK_SLOTS};
    struct writer w = writer_at(payload, sizeof payload);
    rig_start(&r, ga);
    r.host.settings.me.minor = 0;
    rig_run(&r, 100);
    assert_int_equal(link_encode(&m, &w), BB_OK);
    node_pass(&r.node, LINK_SLOTS, written(&w), r.now);
    rig_send(&r, rig_config(1, LINK_WHERE_BOARD, 0, NULL));
    assert_true(node_view(&r.node).configured);
    assert_int_equal(r.count[LINK_SLOTS], 0);
}

static void test_a_board_that_is_not_enrolled_stands_still(void **state)
{
    (void)state;
    struct rig r;
    struct settings settings = {.id = LINK_BOARD_NEW, .name = LINK_NAME_NEW};
    rig_start(&r, ga);
    node_init(&r.node, &settings, 1, r.now);
    node_supervise(&r.node, false, 1);
    node_connect(&r.node, 5, r.now);
    rig_run(&r, 100);
    assert_int_equal(r.last[LINK_HELLO].hello.board, LINK_BOARD_NEW);
    assert_true(r.last[LINK_HELLO].hello.features & LINK_FEATURE_NEW);
    rig_send(&r, rig_config(1, LINK_WHERE_BOARD, 0, NULL));
    rig_send(&r, rig_command(LINK_COMMAND_OVERRIDE, 0));
    rig_send(&r, (struct link_message){.type = LINK_PARAMETER, .parameter = {1, 1, 1}});
    assert_int_equal(r.count[LINK_REFUSE], 3);
    assert_int_equal(r.last[LINK_REFUSE].refuse.code, LINK_REFUSE_NOT_NOW);
    assert_false(node_view(&r.node).configured);
    assert_int_equal(r.events & NODE_PERSIST_PARAMETERS, 0);
}

/* node_due is never in the past after node_poll: an idle board sleeps. */
static void test_an_idle_board_sleeps(void **state)
{
    (void)state;
    struct rig r;
    rig_start(&r, ga);
    rig_run(&r, 100);
    rig_send(&r, rig_config(1, LINK_WHERE_BOARD, 0, NULL));
    rig_run(&r, 3000);
    int wakes = 0;
    for (struct mono end = mono_after(r.now, 10000); r.now.ms < end.ms; wakes++) {
        rig_carry(&r);
        struct mono due = node_due(&r.node);
        struct mono other = link_due(&r.host);
        if (other.ms < due.ms)
            due = other;
        r.now.ms = due.ms > r.now.ms ? due.ms : r.now.ms + 1;
    }
    assert_true(wakes < 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_introduction),
        cmocka_unit_test(test_heartbeat_of_status_and_measured),
        cmocka_unit_test(test_three_boards_find_the_optimum),
        cmocka_unit_test(test_bad_neighbours_are_refused),
        cmocka_unit_test(test_a_second_start_counts_as_a_boot),
        cmocka_unit_test(test_agent_mode_shows_the_curve_and_obeys),
        cmocka_unit_test(test_setpoint_is_refused_when_the_board_decides),
        cmocka_unit_test(test_commands_win_over_the_algorithm),
        cmocka_unit_test(test_ramp_and_emergency_stop),
        cmocka_unit_test(test_parameters_change_and_are_persisted),
        cmocka_unit_test(test_link_loss_hold_zero_fixed),
        cmocka_unit_test(test_link_loss_ends_after_patience),
        cmocka_unit_test(test_a_stop_survives_the_loss_of_the_link),
        cmocka_unit_test(test_leave_and_return),
        cmocka_unit_test(test_goodbye),
        cmocka_unit_test(test_other_major_version),
        cmocka_unit_test(test_firmware_is_refused),
        cmocka_unit_test(test_a_card_is_the_supervisors),
        cmocka_unit_test(test_what_the_supervisor_says_reaches_the_host),
        cmocka_unit_test(test_a_host_of_1_0_is_served),
        cmocka_unit_test(test_a_board_that_is_not_enrolled_stands_still),
        cmocka_unit_test(test_an_idle_board_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

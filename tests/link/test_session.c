/* The session: handshake, window, repetition, reboots, duplicates, echoes and a side that stops reading. */
#include "node-fw/link/session.h"
#include "tests/link/cm.h"
#include "tests/link/pair.h"

static struct link_message command(uint32_t power)
{
    return (struct link_message){.type = LINK_COMMAND, .command = {LINK_COMMAND_OVERRIDE, power}};
}

static struct link_message dispatch(const uint8_t *payload, size_t size)
{
    return (struct link_message){.type = LINK_DISPATCH, .source = 7, .dispatch.payload = {payload, size}};
}

static void test_handshake(void **state)
{
    (void)state;
    struct pair p;
    struct link_message m;
    pair_start(&p);
    assert_int_equal(link_state(&p.board), LINK_DOWN);
    assert_int_equal(pair_carry(&p.board, &p.host, p.now, &m), 1);
    assert_int_equal(m.type, LINK_HELLO);
    assert_int_equal(m.hello.board, 7);
    assert_string_equal(m.hello.name, "L7");
    assert_int_equal(link_state(&p.host), LINK_UP);
    assert_int_equal(pair_carry(&p.host, &p.board, p.now, &m), 1);
    assert_int_equal(m.hello.role, LINK_ROLE_HOST);
    assert_int_equal(link_state(&p.board), LINK_UP);
    /* And then quiet: nothing but heartbeats follows. */
    pair_connect(&p);
    uint32_t frames = link_counters(&p.board).frames_out;
    for (int i = 0; i < 100; i++, p.now.ms += 100) {
        assert_int_equal(pair_carry(&p.board, &p.host, p.now, NULL), 0);
        assert_int_equal(pair_carry(&p.host, &p.board, p.now, NULL), 0);
    }
    assert_in_range(link_counters(&p.board).frames_out - frames, 9, 11);
}

static void test_hello_is_repeated_until_answered(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p);
    for (int i = 0; i < 5; i++, p.now.ms += 1000)
        pair_lose(&p.board, p.now);
    assert_int_equal(link_counters(&p.board).frames_out, 5);
    pair_connect(&p);
    assert_int_equal(link_state(&p.board), LINK_UP);
    assert_int_equal(link_state(&p.host), LINK_UP);
}

static void test_versions_refuse_each_other(void **state)
{
    (void)state;
    struct pair p;
    struct link_message m;
    pair_start(&p);
    struct link_settings newer = pair_settings(true, 5);
    newer.me.major = 2;
    link_init(&p.host, &newer, p.now);
    assert_int_equal(pair_carry(&p.board, &p.host, p.now, &m), 1);
    assert_int_equal(m.type, LINK_HELLO);
    assert_int_equal(m.hello.major, 1);
    assert_int_equal(link_state(&p.host), LINK_REFUSED);
    link_init(&p.board, &p.board.settings, p.now);
    pair_lose(&p.board, p.now);
    link_init(&p.host, &newer, p.now);
    assert_int_equal(pair_carry(&p.host, &p.board, p.now, &m), 1);
    assert_int_equal(m.hello.major, 2);
    assert_int_equal(link_state(&p.board), LINK_REFUSED);
    assert_int_equal(pair_carry(&p.board, &p.host, p.now, &m), 1);
    assert_int_equal(m.type, LINK_REFUSE);
    assert_int_equal(m.refuse.code, LINK_REFUSE_VERSION);
    assert_string_equal(m.refuse.text, "HELLO has a major version that is not spoken here");
    assert_int_equal(link_state(&p.host), LINK_REFUSED);
    struct link_message c = command(1);
    assert_int_equal(link_send(&p.host, &c, p.now), BB_CLOSED);
    /* After silence a new attempt is made. */
    p.now.ms += LINK_DEAD_MS;
    link_poll(&p.host, p.now);
    assert_int_equal(link_state(&p.host), LINK_DOWN);
    assert_true(link_output(&p.host).size > 0);
}

static void test_window_is_bounded_and_in_order(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p);
    pair_connect(&p);
    for (uint32_t i = 0; i < BB_LINK_WINDOW; i++) {
        struct link_message c = command(i);
        assert_int_equal(link_send(&p.host, &c, p.now), BB_OK);
    }
    struct link_message c = command(9), m;
    assert_int_equal(link_send(&p.host, &c, p.now), BB_FULL);
    assert_false(link_idle(&p.host));
    assert_int_equal(pair_carry(&p.host, &p.board, p.now, &m), BB_LINK_WINDOW);
    assert_int_equal(m.command.power, 3);
    p.now.ms += 8;
    assert_int_equal(pair_carry(&p.board, &p.host, p.now, NULL), 0);
    assert_true(link_idle(&p.host));
    assert_int_equal(p.host.rto_ms, 60); /* 3 × 8 ms, but never less */
    assert_int_equal(link_send(&p.host, &c, p.now), BB_OK);
    pair_carry(&p.host, &p.board, p.now, NULL);
    p.now.ms += 100;
    pair_carry(&p.board, &p.host, p.now, NULL);
    assert_int_equal(p.host.rto_ms, 60); /* 3 × 19.5 ms, smoothed by eighths: still less */
}

static void test_lost_frames_are_repeated_in_order(void **state)
{
    (void)state;
    struct pair p;
    struct link_message m;
    pair_start(&p);
    pair_connect(&p);
    for (uint32_t i = 1; i <= 3; i++) {
        struct link_message c = command(i);
        assert_int_equal(link_send(&p.host, &c, p.now), BB_OK);
        if (i == 2)
            assert_int_equal(pair_carry(&p.host, &p.board, p.now, &m), 0); /* 1 was lost: 2 is out of turn */
        else
            pair_lose(&p.host, p.now);
    }
    p.now.ms += 249;
    assert_int_equal(pair_carry(&p.host, &p.board, p.now, &m), 0);
    p.now.ms += 1;
    assert_int_equal(link_due(&p.host).ms, p.now.ms);
    assert_int_equal(pair_carry(&p.host, &p.board, p.now, &m), 3);
    assert_int_equal(m.command.power, 3);
    assert_int_equal(link_counters(&p.host).retransmitted, 3);
    pair_carry(&p.board, &p.host, p.now, NULL);
    assert_true(link_idle(&p.host));
}

static void test_back_off_is_bounded(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p);
    pair_connect(&p);
    struct link_message c = command(1);
    assert_int_equal(link_send(&p.host, &c, p.now), BB_OK);
    int64_t start = p.now.ms;
    int repeats = 0;
    for (; p.now.ms < start + 10000; p.now.ms += 10) {
        pair_carry(&p.board, &p.host, p.now, NULL); /* the board is alive, but hears nothing */
        p.board.heard = p.board.proven = p.now;
        pair_lose(&p.host, p.now);
        repeats = (int)link_counters(&p.host).retransmitted;
    }
    assert_in_range(repeats, 10, 12); /* 250, 500, then each second */
}

/* The acknowledgement is lost: the repetition is recognised, acknowledged again and not delivered. */
static void test_duplicates_are_delivered_once(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p);
    pair_connect(&p);
    struct link_message c = command(1);
    assert_int_equal(link_send(&p.host, &c, p.now), BB_OK);
    assert_int_equal(pair_carry(&p.host, &p.board, p.now, NULL), 1);
    pair_lose(&p.board, p.now);
    p.now.ms += 250;
    assert_int_equal(pair_carry(&p.host, &p.board, p.now, NULL), 0);
    assert_int_equal(link_counters(&p.board).duplicates, 1);
    pair_carry(&p.board, &p.host, p.now, NULL);
    assert_true(link_idle(&p.host));
}

static void test_reboot_in_the_middle(void **state)
{
    (void)state;
    struct pair p;
    struct link_message c = command(1), m;
    pair_start(&p);
    pair_connect(&p);
    for (uint32_t i = 0; i < 3; i++) {
        c = command(i);
        assert_int_equal(link_send(&p.host, &c, p.now), BB_OK);
        pair_carry(&p.host, &p.board, p.now, NULL);
        pair_carry(&p.board, &p.host, p.now, NULL);
    }
    assert_int_equal(link_send(&p.host, &c, p.now), BB_OK); /* on its way when the board reboots */
    struct link_settings again = pair_settings(false, 0xB0A2D002);
    link_init(&p.board, &again, p.now);
    assert_int_equal(pair_carry(&p.host, &p.board, p.now, NULL), 0); /* not up: ignored */
    assert_int_equal(pair_carry(&p.board, &p.host, p.now, &m), 1);
    assert_int_equal(m.hello.session, 0xB0A2D002);
    assert_true(link_idle(&p.host)); /* the old session's command is gone with it */
    assert_int_equal(pair_carry(&p.host, &p.board, p.now, NULL), 1);
    c = command(42);
    assert_int_equal(link_send(&p.host, &c, p.now), BB_OK);
    assert_int_equal(pair_carry(&p.host, &p.board, p.now, &m), 1);
    assert_int_equal(m.command.power, 42);
}

/* One direction was dead for a while; neither side rebooted, so nothing is lost and nothing comes twice. */
static void test_silence_and_resumption(void **state)
{
    (void)state;
    struct pair p;
    struct link_message c = command(5), m;
    pair_start(&p);
    pair_connect(&p);
    assert_int_equal(link_send(&p.host, &c, p.now), BB_OK);
    for (int64_t end = p.now.ms + 3500; p.now.ms < end; p.now.ms += 50) {
        pair_carry(&p.board, &p.host, p.now, NULL);
        pair_lose(&p.host, p.now);
    }
    assert_int_equal(link_state(&p.board), LINK_DOWN);
    assert_int_equal(link_state(&p.host), LINK_UP);
    int commands = 0;
    for (int i = 0; i < 40; i++, p.now.ms += 50) {
        pair_carry(&p.board, &p.host, p.now, NULL);
        m.type = LINK_ACK;
        pair_carry(&p.host, &p.board, p.now, &m);
        commands += m.type == LINK_COMMAND;
    }
    assert_int_equal(link_state(&p.board), LINK_UP);
    assert_int_equal(commands, 1);
    assert_true(link_idle(&p.host));
}

/* Carries for `ms`: to the host always, to the board if it hears. */
static void half(struct pair *p, int64_t ms, bool host_hears, bool board_hears)
{
    for (int64_t end = p->now.ms + ms; p->now.ms < end; p->now.ms += 20) {
        if (host_hears)
            pair_carry(&p->board, &p->host, p->now, NULL);
        else
            pair_lose(&p->board, p->now);
        if (board_hears)
            pair_carry(&p->host, &p->board, p->now, NULL);
        else
            pair_lose(&p->host, p->now);
    }
}

/* A line that carries one way only is no link, for neither side, until it carries both ways again. The side
 * that hears nothing knows after 3 s, the other one a heartbeat later; neither comes and goes meanwhile. */
static void one_way(bool host_hears)
{
    struct pair p;
    pair_start(&p);
    pair_connect(&p);
    struct link *deaf = host_hears ? &p.board : &p.host, *other = host_hears ? &p.host : &p.board;
    half(&p, 2900, host_hears, !host_hears);
    assert_int_equal(link_state(deaf), LINK_UP);
    half(&p, 200, host_hears, !host_hears);
    assert_int_equal(link_state(deaf), LINK_DOWN);
    assert_int_equal(link_state(other), LINK_UP);
    half(&p, 1100, host_hears, !host_hears);
    assert_int_equal(link_state(other), LINK_DOWN);
    for (int i = 0; i < 500; i++) {
        half(&p, 20, host_hears, !host_hears);
        assert_int_equal(link_state(deaf), LINK_DOWN);
        assert_int_equal(link_state(other), LINK_DOWN);
    }
    half(&p, 2100, true, true);
    assert_int_equal(link_state(deaf), LINK_UP);
    assert_int_equal(link_state(other), LINK_UP);
}

static void test_a_line_that_carries_one_way_is_no_link(void **state)
{
    (void)state;
    one_way(true);
    one_way(false);
}

/* Both have been deaf in turn, and find back whatever replaces what in the output. */
static void test_both_sides_deaf_in_turn(void **state)
{
    (void)state;
    for (int64_t part = 0; part < 2000; part += 100) {
        struct pair p;
        pair_start(&p);
        pair_connect(&p);
        half(&p, 5000 + part, true, false);
        half(&p, 300 + part / 3, false, true);
        half(&p, 2100, true, true);
        assert_int_equal(link_state(&p.board), LINK_UP);
        assert_int_equal(link_state(&p.host), LINK_UP);
        uint32_t before = link_counters(&p.host).frames_in;
        half(&p, 1000, true, true);
        assert_in_range(link_counters(&p.host).frames_in - before, 1, 5); /* no storm of HELLOs */
    }
}

/* Two cables are exchanged and nobody hangs up: nothing of the wrong board is taken, and each host has the
 * other's board before long, in a session of its own. */
static void test_exchanged_boards(void **state)
{
    (void)state;
    struct pair a, b;
    struct link_message m, s = {.type = LINK_STATUS, .source = 9, .status.uptime_s = 1};
    pair_start(&a);
    pair_start(&b);
    struct link_settings nine = pair_settings(false, 0xB0A2D009), host = pair_settings(true, 0x40570009);
    nine.me.board = 9;
    link_init(&b.board, &nine, b.now);
    link_init(&b.host, &host, b.now);
    pair_connect(&a);
    pair_connect(&b);
    struct link_message c = command(5);
    assert_int_equal(link_send(&a.host, &c, a.now), BB_OK); /* for board 7: not for 9 */
    pair_lose(&a.host, a.now);
    assert_int_equal(link_send(&b.board, &s, a.now), BB_OK);
    assert_int_equal(pair_carry(&b.board, &a.host, a.now, &m), 0);
    assert_int_equal(link_counters(&a.host).strangers, 1);
    assert_int_equal(link_state(&a.host), LINK_DOWN);
    int hellos = 0;
    for (int i = 0; i < 4; i++, a.now.ms += 10) {
        m.type = LINK_ACK;
        pair_carry(&b.board, &a.host, a.now, &m);
        hellos += m.type == LINK_HELLO && m.hello.board == 9;
        m.type = LINK_ACK;
        pair_carry(&a.host, &b.board, a.now, &m);
        assert_int_not_equal(m.type, LINK_COMMAND);
    }
    assert_int_equal(hellos, 1);
    assert_int_equal(link_state(&a.host), LINK_UP);
    assert_int_equal(link_state(&b.board), LINK_UP);
    s.status.uptime_s = 2;
    assert_int_equal(link_send(&b.board, &s, a.now), BB_OK);
    assert_int_equal(pair_carry(&b.board, &a.host, a.now, &m), 1);
    assert_int_equal(m.status.uptime_s, 2);
    assert_true(link_idle(&a.host));
}

static void test_echo_is_dropped(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p);
    assert_int_equal(pair_carry(&p.host, &p.host, p.now, NULL), 0);
    assert_int_equal(link_counters(&p.host).echo, 1);
    assert_int_equal(link_state(&p.host), LINK_DOWN);
}

/* The other side stops reading: memory stays bounded, the newest status stays, dispatches go oldest first. */
static void test_half_open_side(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p);
    pair_connect(&p);
    uint8_t payload[200] = {0};
    for (int i = 0; i < 100; i++) {
        payload[0] = (uint8_t)i;
        struct link_message d = dispatch(payload, sizeof payload);
        assert_int_equal(link_send(&p.board, &d, p.now), BB_OK);
        struct link_message s = {.type = LINK_STATUS, .source = 7, .status.uptime_s = (uint32_t)i};
        assert_int_equal(link_send(&p.board, &s, p.now), BB_OK);
    }
    assert_true(link_output(&p.board).size <= LINK_OUTPUT_MAX);
    assert_true(link_counters(&p.board).dropped_out > 0);
    struct link_message c = {.type = LINK_LEAVE};
    assert_int_equal(link_send(&p.board, &c, p.now), BB_OK); /* reliable ones push datagrams out */
    uint8_t wire[LINK_OUTPUT_MAX];
    struct bytes in = {wire, link_output(&p.board).size};
    memcpy(wire, link_output(&p.board).data, in.size);
    struct link_message m;
    int statuses = 0, last = -1, count = 0;
    while (link_feed(&p.host, &in, p.now, &m)) {
        if (m.type == LINK_STATUS) {
            statuses++;
            assert_int_equal(m.status.uptime_s, 99);
        } else if (m.type == LINK_DISPATCH) {
            assert_true(last < 0 || m.dispatch.payload.data[0] == last + 1);
            last = m.dispatch.payload.data[0];
            count++;
        }
    }
    assert_int_equal(statuses, 1);
    assert_int_equal(last, 99);
    assert_in_range(count, 15, 20);
}

/* A frame of which a part has left is finished whatever comes. */
static void test_started_frames_stay_whole(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p);
    pair_connect(&p);
    struct link_message s = {.type = LINK_STATUS, .source = 7, .status.uptime_s = 1}, m;
    assert_int_equal(link_send(&p.board, &s, p.now), BB_OK);
    uint8_t wire[LINK_OUTPUT_MAX];
    memcpy(wire, link_output(&p.board).data, 10);
    link_sent(&p.board, 10);
    s.status.uptime_s = 2;
    assert_int_equal(link_send(&p.board, &s, p.now), BB_OK);
    struct bytes rest = link_output(&p.board);
    memcpy(wire + 10, rest.data, rest.size);
    struct bytes in = {wire, 10 + rest.size};
    assert_true(link_feed(&p.host, &in, p.now, &m));
    assert_int_equal(m.status.uptime_s, 1);
    assert_true(link_feed(&p.host, &in, p.now, &m));
    assert_int_equal(m.status.uptime_s, 2);
}

static void test_what_cannot_be_sent(void **state)
{
    (void)state;
    struct pair p;
    pair_start(&p);
    struct link_message c = command(1);
    assert_int_equal(link_send(&p.host, &c, p.now), BB_CLOSED);
    pair_connect(&p);
    c.command.mode = 4;
    assert_int_equal(link_send(&p.host, &c, p.now), BB_RANGE);
    uint8_t big[BB_LINK_PAYLOAD_MAX + 1] = {0};
    struct link_message d = dispatch(big, sizeof big);
    assert_int_equal(link_send(&p.host, &d, p.now), BB_RANGE);
    d.dispatch.payload.size--;
    assert_int_equal(link_send(&p.host, &d, p.now), BB_OK);
    struct link_message h = {.type = LINK_HELLO, .hello = p.host.settings.me};
    assert_int_equal(link_send(&p.host, &h, p.now), BB_RANGE);
    assert_int_equal(link_counters(&p.host).dropped_out, 0);
}

/* A message that this version does not know is acknowledged and refused, and the link goes on. */
static void test_unknown_reliable_message_is_refused(void **state)
{
    (void)state;
    struct pair p;
    struct link_message m;
    pair_start(&p);
    pair_connect(&p);
    uint8_t wire[BB_LINK_FRAME_MAX];
    struct frame f = {.version = 1, .type = 40, .flags = FRAME_FROM_HOST | FRAME_RELIABLE};
    struct bytes in = {wire, frame_pack(&f, wire)};
    assert_false(link_feed(&p.board, &in, p.now, &m));
    assert_int_equal(pair_carry(&p.board, &p.host, p.now, &m), 1);
    assert_int_equal(m.type, LINK_REFUSE);
    assert_int_equal(m.refuse.code, LINK_REFUSE_UNKNOWN);
    assert_string_equal(m.refuse.text, "a message has a number that is not known here");
    assert_int_equal(p.board.rx_next, 1);
}

/* A refusal acknowledges what it refuses: nothing is sent again for it. */
static void test_a_refusal_acknowledges(void **state)
{
    (void)state;
    struct pair p;
    struct link_message m = {.type = LINK_RESET};
    pair_start(&p);
    pair_connect(&p);
    assert_int_equal(link_send(&p.host, &m, p.now), BB_OK);
    assert_int_equal(pair_carry(&p.host, &p.board, p.now, &m), 1);
    m = (struct link_message){.type = LINK_REFUSE, .refuse = {LINK_REFUSE_NOT_NOW, "no"}};
    assert_int_equal(link_send(&p.board, &m, p.now), BB_OK);
    assert_int_equal(pair_carry(&p.board, &p.host, p.now, &m), 1);
    assert_int_equal(m.type, LINK_REFUSE);
    assert_true(link_idle(&p.host));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_refusal_acknowledges),
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_hello_is_repeated_until_answered),
        cmocka_unit_test(test_versions_refuse_each_other),
        cmocka_unit_test(test_window_is_bounded_and_in_order),
        cmocka_unit_test(test_lost_frames_are_repeated_in_order),
        cmocka_unit_test(test_back_off_is_bounded),
        cmocka_unit_test(test_duplicates_are_delivered_once),
        cmocka_unit_test(test_reboot_in_the_middle),
        cmocka_unit_test(test_silence_and_resumption),
        cmocka_unit_test(test_a_line_that_carries_one_way_is_no_link),
        cmocka_unit_test(test_both_sides_deaf_in_turn),
        cmocka_unit_test(test_exchanged_boards),
        cmocka_unit_test(test_echo_is_dropped),
        cmocka_unit_test(test_half_open_side),
        cmocka_unit_test(test_started_frames_stay_whole),
        cmocka_unit_test(test_what_cannot_be_sent),
        cmocka_unit_test(test_unknown_reliable_message_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

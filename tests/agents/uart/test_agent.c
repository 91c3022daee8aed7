/* busbar-uart-agent as a process, with the real broker, against boards that the test plays by hand on ptys.
 */
#include "bus/client/base64.h"
#include "node-fw/dispatch/dispatch.h"
#include "node-fw/link/crc.h"
#include "tests/agents/uart/agent_world.h"

#define IMAGE 20000

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

/* A piece of an image of zeros for L1. */
static void send_piece(struct world *w, uint32_t total, uint32_t offset, size_t size)
{
    static const uint8_t zeros[IMAGE];
    static char text[BASE64_SIZE(IMAGE)], params[BASE64_SIZE(IMAGE) + 200];
    base64_encode((struct bytes){zeros, size}, text);
    snprintf(params, sizeof params,
             "{\"name\":\"L1\",\"total\":%u,\"crc32\":%u,\"offset\":%u,\"data\":\"%s\"}", total,
             crc_32(0, (struct bytes){zeros, total}), offset, text);
    call(w, "node.update", params);
}

static void an_image_leaves_the_link_to_commands_and_broadcasts(void **state)
{
    struct world *w = *state;
    struct scripted_board *b = &w->boards[L1];
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    size_t size;
    start_agent(w, false);
    bring_up(w, L1);
    bring_up(w, L2);
    send_piece(w, IMAGE, 0, IMAGE);
    assert_non_null(strstr(w->reply, "takes no firmware"));
    scripted_board_unplug(b);
    UNTIL(w, !online(w, L1));
    b->hello.features |= LINK_FEATURE_FIRMWARE;
    bring_up(w, L1);
    send_piece(w, IMAGE, 0, IMAGE);
    assert_string_equal(w->reply, "{\"received\":20000}");
    UNTIL(w, b->slots.received > 1000);
    int64_t began = bb_loop_mono_ms();
    call(w, "board.hold", "{\"name\":\"L1\"}");
    assert_int_equal(w->status, BB_OK);
    send_broadcast(&w->boards[L2], 2, payload, &size);
    UNTIL(w, b->heard_count > 0);
    print_message("a command and a broadcast beside an image: %d ms\n", (int)(bb_loop_mono_ms() - began));
    assert_true(b->slots.received < IMAGE); /* it was really beside */
    UNTIL(w, b->slots.received == IMAGE);
    call(w, "nodes", "[]");
    assert_non_null(strstr(w->reply, "\"phase\":\"sending\"")); /* until the board says that it is whole */
    call(w, "node.reset", "{\"name\":\"L1\",\"what\":\"restart\"}");
    assert_non_null(strstr(w->reply, "has no card"));
}

static void a_board_that_is_not_enrolled_keeps_its_port(void **state)
{
    struct world *w = *state;
    start_agent(w, false);
    w->boards[EXTRA].hello.board = LINK_BOARD_NEW;
    w->boards[EXTRA].hello.features = LINK_FEATURE_CARD | LINK_FEATURE_NEW;
    link_set_text(w->boards[EXTRA].hello.name, sizeof w->boards[EXTRA].hello.name, LINK_NAME_NEW);
    assert_true(scripted_board_plug(&w->boards[EXTRA]));
    do
        call(w, "nodes", "[]");
    while (strstr(w->reply, "\"enrolled\":false") == NULL && w->status == BB_OK);
    steps(w, 500);
    assert_int_equal(w->alerts, 0);
    assert_int_equal(w->boards[EXTRA].refusals + w->boards[EXTRA].configs, 0);
    scripted_board_unplug(&w->boards[EXTRA]);
    do
        call(w, "nodes", "[]");
    while (strstr(w->reply, "\"enrolled\":false") != NULL);
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
        AGENT_TEST(an_image_leaves_the_link_to_commands_and_broadcasts),
        AGENT_TEST(a_board_that_is_not_enrolled_keeps_its_port),
        AGENT_TEST(the_agent_dispatches_for_a_board_that_only_obeys),
        AGENT_TEST(an_unplugged_board_is_offline_and_comes_back),
        AGENT_TEST(a_board_behind_libserialport_is_served_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

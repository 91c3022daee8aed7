/* busbar-node with a card, as processes on a real pty: enrolment, updates over the link, images that are no
 * good. This program is the agent. */
#include "tests/firmware/board.h"

static struct board_image next, other;

/* -- enrolment and settings -- */

static void test_a_new_board_is_enrolled(void **state)
{
    struct bench *b = *state;
    board_format(b, "");
    board_start(b, NULL, NULL);
    assert_true(bench_await_up(b));
    const struct link_hello *hello = &b->last[LINK_HELLO].hello;
    assert_int_equal(hello->board, LINK_BOARD_NEW);
    assert_string_equal(hello->name, "new");
    assert_int_equal(hello->features,
                     LINK_FEATURE_DISPATCH | LINK_FEATURE_FIRMWARE | LINK_FEATURE_CARD | LINK_FEATURE_NEW);
    bench_send(b, (struct link_message){.type = LINK_CONFIG, .config.size = 1});
    assert_true(bench_await(b, LINK_REFUSE, 5000));
    assert_string_equal(b->last[LINK_REFUSE].refuse.text,
                        "this board is not enrolled: it waits for its settings");
    board_send_settings(b, board_l7);
    assert_true(bench_await(b, LINK_HELLO, 5000));
    assert_int_equal(hello->board, 7);
    assert_string_equal(hello->name, "L7");
    assert_true(board_await_slots(b, 0, 0, 5000));
    assert_int_equal(board_slots(b)->cause, LINK_CAUSE_SETTINGS);
    assert_int_equal(board_slots(b)->boots, 2);
    bench_send(b, (struct link_message){.type = LINK_CONFIG, .config.size = 1});
    assert_true(bench_await(b, LINK_DISPATCH, 5000));

    board_send_settings(b, "+\npmax_kw much\n");
    assert_true(bench_await(b, LINK_REFUSE, 5000));
    assert_non_null(
        strstr(b->last[LINK_REFUSE].refuse.text, "SETTINGS: line 6: pmax_kw: much is not a number"));
    board_send_settings(b, "+\nname L8 # moved\n");
    assert_true(bench_await(b, LINK_HELLO, 5000));
    assert_string_equal(hello->name, "L8");
    bench_send(b, (struct link_message){.type = LINK_RESET, .reset.what = LINK_RESET_FORGET});
    assert_true(bench_await(b, LINK_HELLO, 5000));
    assert_int_equal(hello->board, LINK_BOARD_NEW);
    assert_int_equal(process_stop(&b->node, SIGTERM), 0);
}

/* A change of the curve by the dispatch's own message survives a kill. */
static void test_a_parameter_is_kept(void **state)
{
    struct bench *b = *state;
    char line[200] = "";
    board_start(b, NULL, NULL);
    assert_true(bench_await_up(b));
    bench_send(b, (struct link_message){.type = LINK_PARAMETER,
                                        .parameter = {LINK_UNCHANGED, 18500000, LINK_UNCHANGED}});
    for (int i = 0; i < 20 && !link_idle(&b->host); i++)
        bench_await(b, LINK_FIRMWARE, 50);
    bench_await(b, LINK_FIRMWARE, 200);
    process_stop(&b->node, SIGKILL);
    const char *const show[] = {"busbar-node", "--card", b->card, "--show", NULL};
    struct process p = process_start(show);
    for (int i = 0; i < 12 && strcmp(line, "omega 18.5") != 0; i++)
        process_line(p.out, line, sizeof line);
    assert_string_equal(line, "omega 18.5");
    assert_int_equal(process_wait(&p), 0);
}

/* -- updates -- */

static void test_an_update_is_confirmed(void **state)
{
    struct bench *b = *state;
    board_start(b, NULL, NULL);
    assert_true(bench_await_up(b));
    assert_true(board_await_slots(b, 0, 0, 5000));
    assert_int_equal(board_slots(b)->boots, 1);
    uint32_t before = b->last[LINK_HELLO].hello.firmware;
    assert_int_equal(board_slots(b)->version_builtin, before);
    assert_int_equal(board_slots(b)->version_a, 0);
    assert_true(board_update(b, &next));
    assert_int_equal(b->last[LINK_HELLO].hello.firmware, 0x000200);
    assert_int_equal(b->last[LINK_HELLO].hello.board, 7);
    assert_true(board_await_slots(b, 1, LINK_IMAGE_CONFIRMED, 10000));
    assert_int_equal(board_slots(b)->cause, LINK_CAUSE_UPDATE);
    assert_int_equal(board_slots(b)->version_a, 0x000200);
    assert_int_equal(board_slots(b)->total, 0);

    process_stop(&b->node, SIGKILL); /* it stays after a loss of power */
    board_start(b, NULL, NULL);
    assert_true(bench_await(b, LINK_HELLO, 10000));
    assert_int_equal(b->last[LINK_HELLO].hello.firmware, 0x000200);

    bench_send(b, (struct link_message){.type = LINK_RESET, .reset.what = LINK_RESET_OTHER_SLOT});
    assert_true(bench_await(b, LINK_HELLO, 10000));
    assert_int_equal(b->last[LINK_HELLO].hello.firmware, before);
    assert_true(board_await_slots(b, 0, LINK_IMAGE_CONFIRMED, 5000));
    bench_send(b, (struct link_message){.type = LINK_ASK, .ask = {LINK_ASK_LOG, 5}});
    int lines = b->count[LINK_LOG];
    for (int i = 0; i < 100 && b->count[LINK_LOG] < lines + 5; i++)
        bench_turn(b);
    assert_true(b->count[LINK_LOG] >= lines + 5);
    assert_non_null(strstr(b->last[LINK_LOG].log.text, " event="));
    assert_int_equal(process_stop(&b->node, SIGTERM), 0);
}

static void check_rolled_back(struct bench *b, const char *image, const char *option, const char *value)
{
    board_read_image(&other, image);
    board_start(b, option, value);
    assert_true(bench_await_up(b));
    uint32_t before = b->last[LINK_HELLO].hello.firmware;
    assert_true(board_update(b, &other));
    assert_int_equal(b->last[LINK_HELLO].hello.firmware, before);
    assert_true(board_await_slots(b, 0, LINK_IMAGE_ROLLED_BACK, 5000));
    assert_int_equal(board_slots(b)->running, LINK_IMAGE_BUILTIN);
    assert_int_equal(board_slots(b)->cause, LINK_CAUSE_ROLLBACK);
    assert_int_equal(process_stop(&b->node, SIGTERM), 0);
}

static void test_an_image_that_crashes_is_given_up(void **state)
{
    struct bench *b = *state;
    check_rolled_back(b, "image-bad-1", NULL, NULL);
    board_start(b, NULL, NULL);
    assert_true(bench_await_up(b));
    assert_true(board_update(b, &next)); /* the next one works */
    assert_true(board_await_slots(b, 1, LINK_IMAGE_CONFIRMED, 15000));
}

static void test_an_image_that_hangs_is_given_up(void **state)
{
    check_rolled_back(*state, "image-bad-2", "--stall", "2");
}

static void test_an_image_without_a_link_is_given_up(void **state)
{
    check_rolled_back(*state, "image-bad-3", "--trial", "2");
}

static void refuses(struct bench *b, const struct board_image *image, const char *why)
{
    int before = b->count[LINK_REFUSE];
    board_send_image(b, image, 0, image->size);
    for (int i = 0; i < 400 && b->count[LINK_REFUSE] == before; i++)
        bench_turn(b);
    assert_int_equal(b->last[LINK_REFUSE].refuse.code, LINK_REFUSE_RANGE);
    assert_string_equal(b->last[LINK_REFUSE].refuse.text, why);
    for (int64_t end = process_ms() + 200; process_ms() < end || !link_idle(&b->host);)
        bench_turn(b); /* what is on its way */
}

static void test_what_is_no_image_is_refused(void **state)
{
    struct bench *b = *state;
    board_start(b, NULL, NULL);
    assert_true(bench_await_up(b));
    uint32_t session = b->last[LINK_HELLO].hello.session;
    other = next;
    other.size = 1 << 20 | 1;
    refuses(b, &other, "FIRMWARE: the image is larger than a slot, 1048576 bytes");
    other.size = next.size;
    other.bytes[18] ^= 0x55;
    refuses(b, &other, "FIRMWARE: it is a program for another processor");
    memset(other.bytes, '#', 300);
    refuses(b, &other, "FIRMWARE: it is no ELF program");
    board_read_image(&other, "image-bad-1");
    other.bytes[other.size - 1] ^= 1;
    refuses(b, &other, "FIRMWARE: the CRC-32 of what has arrived is another one");
    for (uint32_t at = 0; at + 8 < other.size; at++)
        if (memcmp(other.bytes + at, "firmware", 8) == 0)
            other.bytes[at] = 'F';
    other.crc32 = crc_32(0, (struct bytes){other.bytes, other.size});
    refuses(b, &other, "FIRMWARE: it is no image of busbar-node");
    assert_int_equal(b->last[LINK_HELLO].hello.session, session); /* nothing of it made it start again */
    assert_int_equal(process_stop(&b->node, SIGTERM), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, board_set_up, bench_tear_down)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    board_read_image(&next, "image-next");
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_board_is_enrolled),         TEST(test_a_parameter_is_kept),
        TEST(test_an_update_is_confirmed),          TEST(test_an_image_that_crashes_is_given_up),
        TEST(test_an_image_that_hangs_is_given_up), TEST(test_an_image_without_a_link_is_given_up),
        TEST(test_what_is_no_image_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

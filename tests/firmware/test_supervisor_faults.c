/* busbar-node with a card, as processes on a real pty: unplugs and kills at any moment, workers that stand
 * still, the watchdog, cards that are none. This program is the agent. */
#include "tests/firmware/board.h"
#include "tests/link/seed.h"
#include "tests/support/effort.h"

static uint64_t seed;
static struct board_image next;
static int kills; /* the second argument, or a few */

/* -- interruptions -- */

static void test_a_transfer_goes_on_after_an_unplug(void **state)
{
    struct bench *b = *state;
    char command[200];
    board_start(b, NULL, NULL);
    assert_true(bench_await_up(b));
    assert_true(board_send_image(b, &next, 0, 50 * 228));
    snprintf(command, sizeof command, "unplug %s", b->node_end);
    assert_true(process_wire(&b->wire, command));
    bench_await(b, LINK_FIRMWARE, 300);
    snprintf(command, sizeof command, "replug %s", b->node_end);
    assert_true(process_wire(&b->wire, command));
    assert_true(bench_await(b, LINK_HELLO, 10000));
    assert_true(board_await_slots(b, -1, -1, 10000));
    assert_int_equal(board_slots(b)->received, 50 * 228);
    assert_int_equal(board_slots(b)->total, next.size);
    assert_int_equal(board_slots(b)->crc32, next.crc32);
    assert_true(board_send_image(b, &next, board_slots(b)->received, next.size));
    assert_true(board_await_slots(b, 1, LINK_IMAGE_CONFIRMED, 15000));
    assert_int_equal(process_stop(&b->node, SIGTERM), 0);
}

/* The supervisor is killed at random moments of an update, which is taken up again each time: the board
 * always comes back, and the update arrives in the end. */
static void test_kills_at_any_moment(void **state)
{
    struct bench *b = *state;
    int resumed = 0;
    for (int i = 0; i < kills; i++) {
        board_start(b, NULL, NULL);
        int64_t until = process_ms() + 100 + seed_below(&seed, 900);
        assert_true(bench_await(b, LINK_HELLO, 10000));
        assert_true(board_await_slots(b, -1, -1, 10000));
        assert_true(board_slots(b)->running == 0 || board_slots(b)->version_a == 0x000200 ||
                    board_slots(b)->version_b == 0x000200);
        resumed += board_has(b, &next) > 0;
        uint32_t at = board_has(b, &next);
        uint32_t stop = at + seed_below(&seed, next.size);
        if (board_slots(b)->state != LINK_IMAGE_ON_TRIAL)
            board_send_image(b, &next, at, stop < next.size ? stop : next.size);
        while (process_ms() < until)
            bench_turn(b);
        process_stop(&b->node, SIGKILL);
    }
    printf("%d of %d transfers went on where they were cut\n", resumed, kills);
    board_start(b, NULL, NULL);
    assert_true(bench_await_up(b));
    if (!board_await_slots(b, -1, LINK_IMAGE_CONFIRMED, 5000) || board_slots(b)->running == 0)
        assert_true(board_send_image(b, &next, board_has(b, &next), next.size));
    if (board_slots(b)->running == 0)
        assert_true(board_await_slots(b, 1, LINK_IMAGE_CONFIRMED, 15000));
    assert_int_equal(b->last[LINK_HELLO].hello.board, 7);
    assert_int_equal(process_stop(&b->node, SIGTERM), 0);
}

/* -- the watchdog -- */

/* Bytes that were fed within `ms`, while the agent's end runs. */
static size_t fed(struct bench *b, int fd, int64_t ms)
{
    char text[64];
    size_t count = 0;
    for (int64_t end = process_ms() + ms; process_ms() < end;) {
        bench_turn(b);
        board_drain(b);
        ssize_t n = read(fd, text, sizeof text);
        count += n > 0 ? (size_t)n : 0;
    }
    return count;
}

/* The one child of a process. */
static pid_t child_of(pid_t pid)
{
    char path[64];
    long child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld", &child), 1);
    fclose(f);
    return (pid_t)child;
}

/* A worker that stands still is started again; meanwhile nobody feeds the watchdog. */
static void test_the_watchdog_is_fed_by_progress_only(void **state)
{
    struct bench *b = *state;
    char dog[128];
    snprintf(dog, sizeof dog, "%s/dog", b->folder);
    assert_int_equal(mkfifo(dog, 0600), 0);
    int fd = open(dog, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    board_start_with(b, (const char *const[]){"--watchdog", dog, "--stall", "3", NULL});
    assert_true(bench_await_up(b));
    assert_in_range(fed(b, fd, 2200), 2, 10);
    pid_t worker = child_of(b->node.pid);
    kill(worker, SIGSTOP);
    fed(b, fd, 200); /* on its way */
    assert_int_equal(fed(b, fd, 1600), 0);
    assert_true(bench_await(b, LINK_HELLO, 10000));
    assert_true(board_await_slots(b, 0, 0, 5000));
    assert_int_equal(board_slots(b)->cause, LINK_CAUSE_CRASH);
    assert_int_equal(board_slots(b)->boots, 2);
    assert_int_not_equal(child_of(b->node.pid), worker);
    assert_in_range(fed(b, fd, 1200), 1, 10);
    assert_int_equal(process_stop(&b->node, SIGTERM), 0);
    close(fd);
    unlink(dog);
}

/* -- cards -- */

static void complains(const char *const *arguments, const char *what, int code)
{
    char line[512];
    struct process p = process_start(arguments);
    process_line(p.err, line, sizeof line);
    assert_non_null(strstr(line, what));
    assert_int_equal(process_wait(&p), code);
}

static void test_cards_that_are_none(void **state)
{
    struct bench *b = *state;
    const char *const run[] = {"busbar-node", "--card", b->card, "--port", b->node_end, NULL};
    const char *const show[] = {"busbar-node", "--card", b->card, "--show", NULL};
    board_start(b, NULL, NULL);
    assert_true(bench_await_up(b));
    complains(run, "is held by another process", 1);
    assert_int_equal(process_stop(&b->node, SIGTERM), 0);
    bench_write(b->card, "short");
    complains(run, "is shorter than a card area", 1);
    assert_int_equal(truncate(b->card, 4 << 20), 0);
    complains(show, "holds no card area: --format makes one", 1);
    unlink(b->card);
    complains(run, "there is no such file", 1);
}

/* Without a card a board forgets, and does all else. */
static void test_a_card_of_memory(void **state)
{
    struct bench *b = *state;
    const char *const run[] = {"busbar-node", "--card", "memory",    "--config",
                               b->board,      "--port", b->node_end, NULL};
    b->node = process_start(run);
    fcntl(b->node.err, F_SETFL, O_NONBLOCK);
    assert_true(bench_await_up(b));
    assert_int_equal(b->last[LINK_HELLO].hello.board, 7);
    assert_true(board_await_slots(b, 0, LINK_IMAGE_CONFIRMED, 5000));
    assert_int_equal(board_slots(b)->boots, 1);
    assert_int_equal(process_stop(&b->node, SIGTERM), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, board_set_up, bench_tear_down)

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    kills = argc > 2 ? (int)strtol(argv[2], NULL, 10) : effort(8);
    signal(SIGPIPE, SIG_IGN);
    board_read_image(&next, "image-next");
    const struct CMUnitTest tests[] = {
        TEST(test_a_transfer_goes_on_after_an_unplug),
        TEST(test_kills_at_any_moment),
        TEST(test_the_watchdog_is_fed_by_progress_only),
        TEST(test_cards_that_are_none),
        TEST(test_a_card_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

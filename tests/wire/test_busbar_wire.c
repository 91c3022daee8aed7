/* busbar-wire as a process: links, speed, faults, unplugging, garbage and its command line. */
#include "tests/firmware/process.h"
#include "tests/link/cm.h"

#include <sys/stat.h>

struct bench {
    char folder[64], a[96], b[96];
    struct process wire;
    int fd_a, fd_b;
};

static int open_end(const char *path)
{
    return open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

static int set_up(void **state)
{
    struct bench *t = calloc(1, sizeof *t);
    char line[80];
    assert_non_null(t);
    snprintf(t->folder, sizeof t->folder, "/tmp/busbar-wire-XXXXXX");
    if (!mkdtemp(t->folder))
        return -1;
    snprintf(t->a, sizeof t->a, "%s/a", t->folder);
    snprintf(t->b, sizeof t->b, "%s/b", t->folder);
    const char *const arguments[] = {"busbar-wire", "--baud", "57600", "--cable", t->a, t->b, NULL};
    t->wire = process_start(arguments);
    assert_string_equal(process_line(t->wire.out, line, sizeof line), "ready");
    t->fd_a = open_end(t->a);
    t->fd_b = open_end(t->b);
    assert_true(t->fd_a >= 0 && t->fd_b >= 0);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *t = *state;
    close(t->fd_a);
    close(t->fd_b);
    process_stop(&t->wire, SIGTERM);
    int result = rmdir(t->folder); /* the links are gone */
    free(t);
    return result;
}

/* Reads until `size` bytes have come or `ms` have passed; how many came. */
static size_t receive(int fd, uint8_t *out, size_t size, int64_t ms)
{
    size_t got = 0;
    for (int64_t end = process_ms() + ms; got < size && process_ms() < end;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        poll(&p, 1, 10);
        ssize_t n = read(fd, out + got, size - got);
        got += n > 0 ? (size_t)n : 0;
    }
    return got;
}

static void test_all_bytes_both_ways(void **state)
{
    struct bench *t = *state;
    uint8_t all[256], got[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    assert_int_equal(write(t->fd_a, all, sizeof all), sizeof all);
    assert_int_equal(write(t->fd_b, all, 10), 10);
    assert_int_equal(receive(t->fd_b, got, sizeof got, 5000), sizeof all);
    assert_memory_equal(got, all, sizeof all); /* raw: no echo, no signals, no line ends */
    assert_int_equal(receive(t->fd_a, got, 10, 5000), 10);
    assert_int_equal(receive(t->fd_a, got, 1, 100), 0);
}

/* 1152 bytes at 57600 baud take 200 ms: never less; more only on a busy machine. */
static void test_speed(void **state)
{
    struct bench *t = *state;
    static uint8_t block[1152];
    int64_t start = process_ms();
    assert_int_equal(write(t->fd_a, block, sizeof block), sizeof block);
    assert_int_equal(receive(t->fd_b, block, sizeof block, 10000), sizeof block);
    assert_true(process_ms() - start >= 195);
}

static void test_unplug_and_replug(void **state)
{
    struct bench *t = *state;
    char command[200];
    uint8_t got[16];
    struct stat st;
    snprintf(command, sizeof command, "unplug %s", t->b);
    assert_true(process_wire(&t->wire, command));
    struct pollfd p = {.fd = t->fd_b, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 2000), 1);
    assert_true(p.revents & POLLHUP);
    assert_int_equal(lstat(t->b, &st), -1);
    assert_int_equal(write(t->fd_a, "lost", 4), 4); /* the other end notices nothing */
    poll(NULL, 0, 50);
    close(t->fd_b);
    snprintf(command, sizeof command, "replug %s", t->b);
    assert_true(process_wire(&t->wire, command));
    t->fd_b = open_end(t->b);
    assert_int_equal(write(t->fd_a, "here", 4), 4);
    assert_int_equal(receive(t->fd_b, got, 4, 5000), 4);
    assert_memory_equal(got, "here", 4);
}

/* A process that comes and goes does not hang the other one up, nor lock anyone out. */
static void test_reopening(void **state)
{
    struct bench *t = *state;
    uint8_t got[4];
    for (int i = 0; i < 3; i++) {
        close(t->fd_b);
        t->fd_b = open_end(t->b);
        assert_true(t->fd_b >= 0);
        assert_int_equal(write(t->fd_b, "x", 1), 1);
        assert_int_equal(receive(t->fd_a, got, 1, 5000), 1);
    }
    struct pollfd p = {.fd = t->fd_a, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
}

static void test_faults_and_garbage(void **state)
{
    struct bench *t = *state;
    static uint8_t block[500], got[500];
    char command[200];
    assert_true(process_wire(&t->wire, "faults 0 1000000"));
    assert_int_equal(write(t->fd_a, block, sizeof block), sizeof block);
    assert_int_equal(receive(t->fd_b, got, 1, 300), 0); /* every byte is lost */
    assert_true(process_wire(&t->wire, "faults 1000000 0"));
    assert_int_equal(write(t->fd_a, block, sizeof block), sizeof block);
    assert_int_equal(receive(t->fd_b, got, sizeof got, 5000), sizeof got);
    for (size_t i = 0; i < sizeof got; i++)
        assert_int_not_equal(got[i], 0);
    snprintf(command, sizeof command, "garbage %s 100", t->a);
    assert_true(process_wire(&t->wire, command));
    assert_int_equal(receive(t->fd_a, got, 100, 5000), 100);
}

/* Says a command about an end, which is to be done. */
static void say(struct bench *t, const char *before, const char *end, const char *after)
{
    char command[300];
    snprintf(command, sizeof command, "%s %s %s", before, end, after);
    if (!process_wire(&t->wire, command))
        fail_msg("%s", command);
}

static void test_echo_dead_stall_and_babble(void **state)
{
    struct bench *t = *state;
    static uint8_t got[4096], block[65536];
    say(t, "echo", t->a, "on");
    assert_int_equal(write(t->fd_a, "hello", 5), 5);
    assert_int_equal(receive(t->fd_a, got, 5, 5000), 5);
    assert_memory_equal(got, "hello", 5);
    assert_int_equal(receive(t->fd_b, got, 5, 5000), 5);
    say(t, "echo", t->a, "off");
    say(t, "dead", t->b, "on");
    assert_int_equal(write(t->fd_a, "lost", 4), 4);
    assert_int_equal(write(t->fd_b, "kept", 4), 4);
    assert_int_equal(receive(t->fd_a, got, 5, 200), 4);
    assert_int_equal(receive(t->fd_b, got, 1, 100), 0);
    say(t, "dead", t->b, "off");
    say(t, "babble", t->b, "on");
    assert_int_equal(receive(t->fd_b, got, sizeof got, 5000), sizeof got);
    say(t, "babble", t->b, "off");
    say(t, "stall", t->a, "on");
    ssize_t taken = 0;
    for (ssize_t n; (n = write(t->fd_a, block, sizeof block)) > 0;)
        taken += n;
    assert_true(taken > 0 && taken < 1000000 && errno == EAGAIN);
    receive(t->fd_b, got, sizeof got, 100);
    assert_int_equal(receive(t->fd_b, got, 1, 100), 0);
    say(t, "stall", t->a, "off");
    assert_int_equal(receive(t->fd_b, got, 100, 5000), 100);
}

static void test_unplugged_in_the_middle_of_a_frame_and_back_under_another_name(void **state)
{
    struct bench *t = *state;
    static const uint8_t frame[] = {0, 1, 2, 3, 4, 5, 0};
    uint8_t got[16];
    char command[300], other[100];
    struct stat st;
    say(t, "unplug", t->b, "3");
    assert_int_equal(write(t->fd_a, frame, sizeof frame), sizeof frame);
    struct pollfd p = {.fd = t->fd_b, .events = 0};
    for (int64_t end = process_ms() + 5000; !(p.revents & POLLHUP) && process_ms() < end;)
        poll(&p, 1, 10);
    assert_true(p.revents & POLLHUP);
    assert_int_equal(lstat(t->b, &st), -1);
    close(t->fd_b);
    snprintf(other, sizeof other, "%s/other", t->folder);
    snprintf(command, sizeof command, "replug %s %s", t->b, other);
    assert_true(process_wire(&t->wire, command));
    t->fd_b = open_end(other);
    assert_int_equal(write(t->fd_a, "here", 4), 4);
    assert_int_equal(receive(t->fd_b, got, 4, 5000), 4);
    assert_memory_equal(got, "here", 4);
    say(t, "unplug", other, "");
}

/* Two cables of a wire of their own: their far ends change places. */
static void test_swapped_cables(void **state)
{
    struct bench *t = *state;
    char name[4][100], command[300], line[100];
    int fd[4];
    uint8_t got[8];
    for (int i = 0; i < 4; i++)
        snprintf(name[i], sizeof name[i], "%s/%d", t->folder, i);
    const char *const arguments[] = {"busbar-wire", "--cable", name[0], name[1],      "--cable",
                                     name[2],       name[3],   "--do",  "bursts 0 1", NULL};
    struct process p = process_start(arguments);
    assert_string_equal(process_line(p.out, line, sizeof line), "ready");
    for (int i = 0; i < 4; i++)
        fd[i] = open_end(name[i]);
    snprintf(command, sizeof command, "swap %s %s", name[0], name[1]);
    assert_false(process_wire(&p, command)); /* one cable */
    snprintf(command, sizeof command, "swap %s %s", name[0], name[2]);
    assert_true(process_wire(&p, command));
    assert_int_equal(write(fd[0], "to 3", 4), 4);
    assert_int_equal(write(fd[1], "to 2", 4), 4);
    assert_int_equal(receive(fd[3], got, 4, 5000), 4);
    assert_memory_equal(got, "to 3", 4);
    assert_int_equal(receive(fd[2], got, 4, 5000), 4);
    assert_memory_equal(got, "to 2", 4);
    for (int i = 0; i < 4; i++)
        close(fd[i]);
    assert_int_equal(process_stop(&p, SIGTERM), 0);
}

static void test_bursts_and_counters(void **state)
{
    struct bench *t = *state;
    static const uint8_t frame[] = {1, 2, 3, 0};
    uint8_t got[8];
    char command[300], line[300];
    say(t, "bursts 500000 1000", t->b, "");
    size_t came = 0;
    for (int i = 0; i < 400; i++)
        assert_int_equal(write(t->fd_a, frame, sizeof frame), sizeof frame);
    while (receive(t->fd_b, got, 1, 300) == 1)
        came++;
    say(t, "bursts 0 1", t->b, "");
    snprintf(command, sizeof command, "counters %s\n", t->b);
    dprintf(t->wire.in, "%s", command);
    process_line(t->wire.out, line, sizeof line);
    unsigned bytes, frames, eaten, arrived;
    assert_int_equal(sscanf(line, "ok bytes=%u flipped=0 dropped=0 frames=%u eaten=%u arrived=%u overrun=0",
                            &bytes, &frames, &eaten, &arrived),
                     4);
    assert_int_equal(bytes, 1600);
    assert_int_equal(frames, 400);
    assert_int_equal(arrived, came);
    assert_int_equal(came, 4 * (400 - eaten));
}

static void test_wrong_commands(void **state)
{
    struct bench *t = *state;
    char line[200];
    dprintf(t->wire.in, "unplug nobody\n");
    assert_string_equal(process_line(t->wire.out, line, sizeof line),
                        "error unplug nobody: needs the name of an end");
    dprintf(t->wire.in, "replug %s\n", t->a);
    process_line(t->wire.out, line, sizeof line);
    assert_non_null(strstr(line, "is plugged already"));
    static const char *const wrong[] = {"dance",
                                        "unplug",
                                        "faults 1",
                                        "faults 1 1000001",
                                        "faults 1 2 nobody",
                                        "faults 1 2 3 4",
                                        "bursts 500001 1",
                                        "bursts 1 0",
                                        "bursts -1 1",
                                        "bursts 1 1x",
                                        "quit now",
                                        "swap nobody some",
                                        "counters",
                                        "echo nobody on",
                                        "faults 1e3 0",
                                        "faults 0x1 0",
                                        "garbage",
                                        "faults 1 2 3 4 5 6 7 8 9 10"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        dprintf(t->wire.in, "%s\n", wrong[i]);
        process_line(t->wire.out, line, sizeof line);
        if (strncmp(line, "error ", 6) != 0)
            fail_msg("%s: %s", wrong[i], line);
    }
    static const char *const about[][2] = {{"echo", ""},      {"echo", "maybe"},  {"unplug", "0"},
                                           {"unplug", "241"}, {"swap", "same"},   {"replug", "x y"},
                                           {"unplug", "3 4"}, {"bursts 1 1", "2"}};
    for (size_t i = 0; i < sizeof about / sizeof *about; i++) {
        char command[300];
        snprintf(command, sizeof command, "%s %s %s", about[i][0], t->a, about[i][1]);
        assert_false(process_wire(&t->wire, command));
    }
    close(t->wire.in); /* no more commands: the cables stay */
    t->wire.in = open("/dev/null", O_WRONLY | O_CLOEXEC);
    uint8_t got[4];
    assert_int_equal(write(t->fd_a, "x", 1), 1);
    assert_int_equal(receive(t->fd_b, got, 1, 5000), 1);
}

/* Always something to read: a signal comes through all the same. */
static void test_ends_when_asked_in_the_middle_of_a_flood(void **state)
{
    struct bench *t = *state;
    char a[100], b[100];
    snprintf(a, sizeof a, "%s/x", t->folder);
    snprintf(b, sizeof b, "%s/y", t->folder);
    int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    const char *const arguments[] = {"busbar-wire", "--cable", a, b, NULL};
    struct process p = process_start_reading(arguments, zeros);
    close(zeros);
    assert_string_equal(process_line(p.out, a, sizeof a), "ready");
    assert_int_equal(process_stop(&p, SIGTERM), 0);
}

static void test_command_line(void **state)
{
    struct bench *t = *state;
    char file[100], line[200];
    snprintf(file, sizeof file, "%s/file", t->folder);
    close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    const char *const wrong[][6] = {
        {"busbar-wire", NULL},
        {"busbar-wire", "--cable", "x", NULL},
        {"busbar-wire", "--cable", "x", "x", NULL},
        {"busbar-wire", "--baud", "fast", "--cable", "x", NULL},
        {"busbar-wire", "--flip", "1000001", NULL},
        {"busbar-wire", "--burst", "500001", NULL},
        {"busbar-wire", "--burst-frames", "0", NULL},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct process p = process_start(wrong[i]);
        assert_int_equal(process_wait(&p), 2);
    }
    char other[100], third[100];
    snprintf(other, sizeof other, "%s/other", t->folder);
    snprintf(third, sizeof third, "%s/third", t->folder);
    const char *const unknown[] = {"busbar-wire", "--cable", other, third, "--do", "dance", NULL};
    struct process q = process_start(unknown);
    process_line(q.err, line, sizeof line);
    assert_non_null(strstr(line, "is no command"));
    assert_int_equal(process_wait(&q), 1);
    const char *const occupied[] = {"busbar-wire", "--cable", other, file, NULL};
    struct process p = process_start(occupied);
    process_line(p.err, line, sizeof line);
    assert_non_null(strstr(line, "a file that is no link has this name"));
    assert_int_equal(process_wait(&p), 1);
    assert_int_equal(unlink(file), 0); /* it was not touched */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(test_all_bytes_both_ways),
        TEST(test_speed),
        TEST(test_unplug_and_replug),
        TEST(test_reopening),
        TEST(test_faults_and_garbage),
        TEST(test_echo_dead_stall_and_babble),
        TEST(test_unplugged_in_the_middle_of_a_frame_and_back_under_another_name),
        TEST(test_swapped_cables),
        TEST(test_bursts_and_counters),
        TEST(test_wrong_commands),
        TEST(test_ends_when_asked_in_the_middle_of_a_flood),
        TEST(test_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

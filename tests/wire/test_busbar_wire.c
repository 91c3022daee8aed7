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
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct process p = process_start(wrong[i]);
        assert_int_equal(process_wait(&p), 2);
    }
    char other[100];
    snprintf(other, sizeof other, "%s/other", t->folder);
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
        TEST(test_wrong_commands),
        TEST(test_ends_when_asked_in_the_middle_of_a_flood),
        TEST(test_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What the service manager hears: a real datagram socket, and one process for each case, because the
 * environment is taken once. */
#include "bus/client/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static int manager_fd;
static char path[64];
static char heard[8192]; /* the datagrams, a line of dashes behind each */

static int open_manager(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)state;
    manager_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(path, sizeof path, "/tmp/bb-notify-%d", (int)getpid());
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    unlink(path);
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    setenv("NOTIFY_SOCKET", path, 1);
    return bind(manager_fd, (const struct sockaddr *)&at, sizeof at);
}

static int close_manager(void **state)
{
    (void)state;
    close(manager_fd);
    return unlink(path);
}

/* Lets a process of its own do it, and then reads all that it sent; its exit status. */
static int heard_of(void (*what)(void))
{
    size_t used = 0;
    int status;
    pid_t child = fork();
    if (child == 0) {
        what();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    for (;;) {
        ssize_t size = recv(manager_fd, heard + used, sizeof heard - used - 8, MSG_DONTWAIT);
        if (size < 0)
            break;
        used += (size_t)size;
        used += (size_t)snprintf(heard + used, 5, "\n--\n");
    }
    heard[used] = '\0';
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int count_of(const char *word)
{
    int count = 0;
    for (const char *at = heard; (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

static void tell_all(void)
{
    notify_ready("The doors are open");
    notify_status("two\nREADY=1\nlines");
    notify_reloading();
    notify_ready(NULL);
    notify_stopping();
}

static void a_manager_hears_what_it_is_told(void **state)
{
    (void)state;
    assert_int_equal(heard_of(tell_all), 0);
    assert_int_equal(strncmp(heard,
                             "READY=1\nSTATUS=The doors are open\n--\nSTATUS=two READY=1 lines\n--\n"
                             "RELOADING=1\nMONOTONIC_USEC=",
                             90),
                     0);
    assert_non_null(strstr(heard, "\n--\nREADY=1\n--\nSTOPPING=1\n--\n"));
}

static void look_at_environment(void)
{
    notify_ready("x");
    if (getenv("NOTIFY_SOCKET") != NULL || getenv("WATCHDOG_USEC") != NULL || getenv("WATCHDOG_PID") != NULL)
        _exit(1);
}

static void what_is_started_does_not_speak_for_it(void **state)
{
    (void)state;
    setenv("WATCHDOG_USEC", "1000000", 1);
    assert_int_equal(heard_of(look_at_environment), 0);
    assert_int_equal(count_of("READY=1"), 1);
}

static void feed_by_hand(void)
{
    if (notify_feed_ms() != 200)
        _exit(1);
    notify_feed(1000); /* the first at once */
    notify_feed(1199);
    notify_feed(1200);
    notify_feed(1300);
    notify_stopping();
    notify_feed(2000);
}

static void the_watchdog_is_fed_at_half_its_interval(void **state)
{
    (void)state;
    setenv("WATCHDOG_USEC", "400000", 1);
    assert_int_equal(heard_of(feed_by_hand), 0);
    assert_int_equal(count_of("WATCHDOG=1"), 2);
}

static void want_no_feed(void)
{
    notify_feed(1000);
    _exit(notify_feed_ms() == 0 ? 0 : 1);
}

static void another_processs_watchdog_is_not_fed(void **state)
{
    (void)state;
    setenv("WATCHDOG_USEC", "400000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(heard_of(want_no_feed), 0);
    assert_string_equal(heard, "");
    setenv("WATCHDOG_USEC", "4e5", 1);
    unsetenv("WATCHDOG_PID");
    assert_int_equal(heard_of(want_no_feed), 0);
    assert_string_equal(heard, "");
}

static void hang(void *context)
{
    (void)context;
    notify_status("hangs");
    nanosleep(&(struct timespec){0, 600000000}, NULL);
    notify_status("goes on");
}

static void stop(void *loop)
{
    bb_loop_stop(loop);
}

static void run_and_hang(void)
{
    struct bb_loop *loop;
    int timer;
    if (bb_loop_open(&loop) != BB_OK)
        _exit(1);
    notify_start(loop, "runs");
    if (bb_loop_after(loop, 250, hang, NULL, &timer) != BB_OK ||
        bb_loop_after(loop, 1000, stop, loop, &timer) != BB_OK || bb_loop_run(loop) != BB_OK)
        _exit(1);
    notify_stopping();
    bb_loop_close(loop);
}

/* The handler that does not return is what a hanging loop is; the process lives all the time. */
static void a_loop_that_hangs_feeds_no_more(void **state)
{
    (void)state;
    setenv("WATCHDOG_USEC", "100000", 1);
    assert_int_equal(heard_of(run_and_hang), 0);
    char *hangs = strstr(heard, "STATUS=hangs"), *on = strstr(heard, "STATUS=goes on");
    assert_non_null(hangs);
    assert_non_null(on);
    assert_non_null(strstr(on, "WATCHDOG=1"));
    *on = '\0';
    assert_null(strstr(hangs, "WATCHDOG=1"));
    *hangs = '\0';
    assert_true(count_of("WATCHDOG=1") >= 1);
}

static void without_a_manager_nothing_happens(void **state)
{
    static const char *const NONE[] = {"", "relative", "/nonexistent/socket", "@"};
    (void)state;
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
        setenv("NOTIFY_SOCKET", NONE[i], 1);
        assert_int_equal(heard_of(tell_all), 0);
        assert_string_equal(heard, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_manager_hears_what_it_is_told, open_manager, close_manager),
        cmocka_unit_test_setup_teardown(what_is_started_does_not_speak_for_it, open_manager, close_manager),
        cmocka_unit_test_setup_teardown(the_watchdog_is_fed_at_half_its_interval, open_manager,
                                        close_manager),
        cmocka_unit_test_setup_teardown(another_processs_watchdog_is_not_fed, open_manager, close_manager),
        cmocka_unit_test_setup_teardown(a_loop_that_hangs_feeds_no_more, open_manager, close_manager),
        cmocka_unit_test_setup_teardown(without_a_manager_nothing_happens, open_manager, close_manager)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

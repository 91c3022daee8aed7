#include "bus/client/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char got[8192];
static int ends[2], saved;

static void capture(void)
{
    saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
}

static void release(void)
{
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t size = read(ends[0], got, sizeof got - 1);
    got[size > 0 ? size : 0] = '\0';
    close(ends[0]);
}

static void a_line_has_time_level_program_event_and_fields(void **state)
{
    (void)state;
    unsetenv("BUSBAR_LOG");
    capture();
    log_open("tester");
    log_info("port-open", LOG_TEXT("port", "/dev/x"), LOG_INT("boards", -3), LOG_REAL("kw", 1.5),
             LOG_TEXT("none", NULL));
    release();
    assert_int_equal(strncmp(got, "time=2", 6), 0);
    assert_non_null(
        strstr(got, "Z level=info program=tester event=port-open port=/dev/x boards=-3 kw=1.5\n"));
}

static void values_are_quoted_when_needed(void **state)
{
    (void)state;
    capture();
    log_open("tester");
    log_error("odd", LOG_TEXT("a", "x y"), LOG_TEXT("b", "q\"\\"), LOG_TEXT("c", ""), LOG_TEXT("d", "l\nm"),
              LOG_TEXT("e", "k=v"));
    release();
    assert_non_null(strstr(got, "a=\"x y\" b=\"q\\\"\\\\\" c=\"\" d=\"l\\x0am\" e=\"k=v\"\n"));
}

static void the_level_comes_from_the_environment(void **state)
{
    (void)state;
    setenv("BUSBAR_LOG", "warning", 1);
    capture();
    log_open("tester");
    log_info("quiet");
    log_debug("quieter");
    log_warning("heard");
    release();
    unsetenv("BUSBAR_LOG");
    assert_null(strstr(got, "quiet"));
    assert_non_null(strstr(got, "event=heard\n"));
    assert_false(log_wants(LOG_LEVEL_INFO));
}

static void the_journal_gets_priorities_and_no_time(void **state)
{
    (void)state;
    struct stat about;
    char stream[64];
    capture();
    assert_int_equal(fstat(STDERR_FILENO, &about), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)about.st_dev,
             (unsigned long long)about.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_open("tester");
    log_warning("w");
    setenv("JOURNAL_STREAM", "1:1", 1); /* of a parent: not ours */
    log_open("tester");
    log_warning("v");
    release();
    unsetenv("JOURNAL_STREAM");
    assert_int_equal(strncmp(got, "<4>level=warning program=tester event=w\ntime=", 45), 0);
}

static void a_long_line_is_cut_and_ended(void **state)
{
    (void)state;
    static char big[6000];
    memset(big, 'x', sizeof big - 1);
    capture();
    log_open("tester");
    log_info("big", LOG_TEXT("value", big));
    release();
    assert_int_equal(strlen(got), 4096);
    assert_int_equal(got[4095], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_program_event_and_fields),
        cmocka_unit_test(values_are_quoted_when_needed),
        cmocka_unit_test(the_level_comes_from_the_environment),
        cmocka_unit_test(the_journal_gets_priorities_and_no_time),
        cmocka_unit_test(a_long_line_is_cut_and_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The words of a kernel's command line. */
#include "node-fw/machine.h"
#include "tests/link/cm.h"

#include <string.h>

static struct machine_words read_words(const char *line)
{
    struct machine_words words = {.tty = "/dev/ttyS0", .card = "memory", .watchdog_s = 16, .trial_s = 30};
    machine_read_words(line, &words);
    return words;
}

static void test_words_are_taken(void **state)
{
    (void)state;
    struct machine_words w = read_words("console=tty0 quiet busbar.tty=/dev/ttyS1 busbar.card=/dev/mmcblk0p2 "
                                        "busbar.watchdog=0 busbar.trial=60 panic=5\n");
    assert_string_equal(w.tty, "/dev/ttyS1");
    assert_string_equal(w.card, "/dev/mmcblk0p2");
    assert_int_equal(w.watchdog_s, 0);
    assert_int_equal(w.trial_s, 60);
}

static void test_what_is_no_word_changes_nothing(void **state)
{
    (void)state;
    static const char *const lines[] = {"",
                                        "quiet",
                                        "busbar.tty= busbar.card=",
                                        "xbusbar.tty=/dev/x busbar.ttyx=/dev/x",
                                        "busbar.watchdog=-1 busbar.trial=soon",
                                        "busbar.watchdog=16s busbar.trial=3601",
                                        "busbar.watchdog= busbar.trial=99999999999999999999"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct machine_words w = read_words(lines[i]);
        assert_string_equal(w.tty, "/dev/ttyS0");
        assert_string_equal(w.card, "memory");
        assert_int_equal(w.watchdog_s, 16);
        assert_int_equal(w.trial_s, 30);
    }
    char long_line[6000] = "busbar.tty=/dev/";
    memset(long_line + 16, 'x', sizeof long_line - 17);
    assert_string_equal(read_words(long_line).tty, "/dev/ttyS0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_taken),
        cmocka_unit_test(test_what_is_no_word_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

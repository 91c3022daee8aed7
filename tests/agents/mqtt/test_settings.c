/* Settings that do not go together, circles, passwords, and the pause between attempts. */
#include "agents/mqtt/link.h"
#include "agents/mqtt/settings.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Starts with the words as flags; the reason, or "" when they are taken. */
static const char *check(const char *const *words)
{
    static struct bb_reason reason;
    struct settings settings = {0};
    struct bridge_maps *maps = calloc(1, sizeof *maps);
    reason.text[0] = '\0';
    config_defaults(&settings_config, &settings);
    for (size_t i = 0; words[i] != NULL; i += 2)
        assert_int_equal(config_set(&settings_config, words[i], words[i + 1], &settings, &reason), BB_OK);
    if (settings_check(&settings, maps, &reason) == BB_OK)
        assert_string_equal(reason.text, "");
    config_free(&settings_config, &settings);
    free(maps);
    return reason.text;
}

#define CHECK_WORDS(...) check((const char *const[]){__VA_ARGS__, NULL})

static void holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void test_discord(void **state)
{
    (void)state;
    holds(CHECK_WORDS("host", "x"), "nothing to carry");
    holds(CHECK_WORDS("to_bus", "a => b"), "to_bus: \"a => b\"");
    holds(CHECK_WORDS("to_bus", "a/ => b", "to_bus", "a/ => c"), "a map for these topics already");
    holds(CHECK_WORDS("to_bus", "a/ => b", "certificate", "x"), "go together");
    holds(CHECK_WORDS("to_bus", "a/ => b", "ca_file", "x"), "want tls");
    holds(CHECK_WORDS("to_bus", "a/ => b", "password_file", "x"), "wants a username");
    holds(CHECK_WORDS("to_bus", "a/ => b", "tls", "true", "ca_file", "/nowhere/x"), "/nowhere/x");
    holds(CHECK_WORDS("to_bus", "a/ => b", "retry_min_ms", "500", "retry_max_ms", "100"), "retry_max_ms");
    assert_string_equal(CHECK_WORDS("to_bus", "a/ => b", "to_bus", "a/b/ => c"), "");
}

static void test_circles(void **state)
{
    (void)state;
    assert_string_equal(CHECK_WORDS("to_mqtt", "a/ => h/", "to_bus", "h/ => a/"), "");
    holds(CHECK_WORDS("to_mqtt", "a/ => h/", "to_bus", "h/ => a/", "protocol", "3.1.1"), "comes back");
    assert_string_equal(CHECK_WORDS("to_mqtt", "a/ => h/", "to_bus", "g/ => a/", "protocol", "3.1.1"), "");
}

static const char *password(const char *path, const char *content, mode_t mode)
{
    static char text[600];
    struct bb_reason reason = {""};
    char *secret = NULL;
    struct settings settings = {.password_file = (char *)(uintptr_t)path};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, content, strlen(content)) >= 0 && fchmod(fd, mode) == 0);
    close(fd);
    bool done = settings_password(&settings, &reason, &secret) == BB_OK;
    snprintf(text, sizeof text, "%s", done ? secret : reason.text);
    free(secret);
    return text;
}

static void test_password(void **state)
{
    (void)state;
    char path[] = "/tmp/bb-mqtt-XXXXXX", longest[1100];
    close(mkstemp(path));
    assert_string_equal(password(path,
                                 "s e\xc3\xa9"
                                 "cret\nmore",
                                 0600),
                        "s e\xc3\xa9"
                        "cret");
    assert_string_equal(password(path, "s\r\n", 0400), "s");
    holds(password(path, "s\n", 0640), "chmod 600");
    holds(password(path, "\nx", 0600), "first line");
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    holds(password(path, longest, 0600), "first line");
    longest[1000] = '\0';
    assert_int_equal(strlen(password(path, longest, 0600)), 599);
    unlink(path);
}

static void test_pause(void **state)
{
    (void)state;
    assert_int_equal(link_pause_ms(0, 500, 30000, 0), 500);
    assert_int_equal(link_pause_ms(1, 500, 30000, 0), 1000);
    assert_int_equal(link_pause_ms(6, 500, 30000, 0), 30000);
    assert_int_equal(link_pause_ms(UINT32_MAX, 500, UINT32_MAX, 0), UINT32_MAX);
    for (uint32_t noise = 0; noise < 10000; noise += 7) {
        uint32_t pause = link_pause_ms(3, 500, 30000, noise);
        assert_in_range(pause, 3000, 4000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_discord), cmocka_unit_test(test_circles),
                                       cmocka_unit_test(test_password), cmocka_unit_test(test_pause)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A hostile configuration file: refused with a reason, or taken; and what was taken is printed as a file that
 * is taken again. */
#include "bus/client/config.h"

#include <busbar/check.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct kitchen {
    char *name;
    int64_t period_ms;
    double gain;
    bool loud;
    int colour;
    struct setting_list ports;
};

static const char *const colours[] = {"red", "green", NULL};
static const struct setting settings[] = {
    {"name", SETTING_TEXT, offsetof(struct kitchen, name), 1, 8, NULL, "pan", NULL, "what it is called"},
    {"period_ms", SETTING_INTEGER, offsetof(struct kitchen, period_ms), 10, 60000, "ms", "100", NULL,
     "pause"},
    {"gain", SETTING_REAL, offsetof(struct kitchen, gain), 0, 1, NULL, "0.5", NULL, "how much"},
    {"loud", SETTING_SWITCH, offsetof(struct kitchen, loud), 0, 0, NULL, NULL, NULL, "noise"},
    {"colour", SETTING_WORD, offsetof(struct kitchen, colour), 0, 0, NULL, "green", colours, "paint"},
    {"ports", SETTING_LIST, offsetof(struct kitchen, ports), 0, 3, NULL, "a b", NULL, "doors"},
};
static const struct config config = {"kitchen", "cooks.", settings, sizeof settings / sizeof *settings};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The path of an open descriptor, in path_out[32]. */
static void path_of(int fd, char *path_out)
{
    CHECK(snprintf(path_out, 32, "/proc/self/fd/%d", fd) < 32);
}

/* Prints `from` to a file of its own, and reads it again. */
static void check_round_trip(const struct kitchen *from)
{
    int fd = memfd_create("printed", 0);
    char path[32];
    path_of(fd, path);
    FILE *to = fdopen(dup(fd), "w");
    CHECK(to != NULL);
    config_print(&config, from, to);
    CHECK(fclose(to) == 0);

    struct kitchen again = {0};
    struct bb_reason reason = {""};
    config_defaults(&config, &again);
    CHECK(config_file(&config, path, &again, &reason) == BB_OK);
    CHECK(again.period_ms == from->period_ms && again.loud == from->loud && again.colour == from->colour);
    config_free(&config, &again);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("config", 0);
    char path[32];
    path_of(fd, path);
    CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);

    struct kitchen kitchen = {0};
    struct bb_reason reason = {""};
    config_defaults(&config, &kitchen);
    enum status status = config_file(&config, path, &kitchen, &reason);
    if (status == BB_OK)
        check_round_trip(&kitchen);
    else
        CHECK(reason.text[0] != '\0');
    config_free(&config, &kitchen);
    close(fd);
    return 0;
}

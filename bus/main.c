/* busbard: the broker. */
#include "bus/broker.h"
#include "bus/client/log.h"

#include <stdlib.h>
#include <string.h>

/* The home that the flags name, before they are read in full: the configuration file stands in it. */
static const char *home_flag(int argc, char **argv)
{
    const char *home = "";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--home") == 0 && i + 1 < argc)
            home = argv[i + 1];
        else if (strncmp(argv[i], "--home=", 7) == 0)
            home = argv[i] + 7;
    }
    return home;
}

/* 1 for trouble that may pass (an address in use), 2 for what only a person can change. */
static int exit_code(enum status status)
{
    return status == BB_IO || status == BB_EXISTS ? 1 : 2;
}

int main(int argc, char **argv)
{
    struct settings settings = {.home = NULL};
    struct bb_reason reason = {""};
    struct broker *broker = NULL;
    char file[BB_PATH_MAX];
    bool done = false;
    log_open("busbard");
    bool has_home = config_home(home_flag(argc, argv), "busbard.json", file, sizeof file) == BB_OK;
    enum status status =
        config_start(&SETTINGS, argc, argv, has_home ? file : NULL, &settings, &done, &reason);
    if (status == BB_OK && !done)
        status = settings_complete(&settings, &reason);
    if (status == BB_OK && !done)
        status = broker_open(&settings, &broker, &reason);
    if (broker != NULL)
        broker_run(broker);
    if (status != BB_OK)
        fprintf(stderr, "busbard: %s\n", reason.text[0] != '\0' ? reason.text : bb_status_text(status));
    broker_close(broker);
    config_free(&SETTINGS, &settings);
    return status == BB_OK ? EXIT_SUCCESS : exit_code(status);
}

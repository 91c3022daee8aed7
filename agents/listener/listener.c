/* listener-agent: prints what is published on the bus, one line a message: time, topic, sender, message. */
#include "bus/client/bus_settings.h"
#include "bus/client/config.h"
#include "bus/client/log.h"
#include "bus/client/notify.h"

#include <busbar/client.h>

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct settings {
    char *identity, *address, *home;
    struct setting_list prefix;
    bool headers;
    int64_t heartbeat_ms;
};

static const struct setting table[] = {
    BUS_SETTING_IDENTITY(struct settings, 255, "listener-agent"),
    BUS_SETTING_ADDRESS(struct settings),
    BUS_SETTING_HOME(struct settings),
    {.key = "prefix",
     .kind = SETTING_LIST,
     .offset = offsetof(struct settings, prefix),
     .high = 64,
     .help = "beginnings of the topics to print; none: all"},
    {.key = "headers",
     .kind = SETTING_SWITCH,
     .offset = offsetof(struct settings, headers),
     .help = "print the headers too"},
    BUS_SETTING_HEARTBEAT(struct settings),
};
static const struct config config = {"listener-agent", "prints what is published on the bus.", table,
                                     sizeof table / sizeof *table};

static void on_message(void *context, const char *topic, const char *sender, const char *headers,
                       const char *message)
{
    const struct settings *settings = context;
    char text[32];
    int64_t now = bb_loop_wall_ms();
    time_t seconds = now / 1000;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%H:%M:%S", &utc);
    printf("%s.%03d %s %s %s%s%s\n", text, (int)(now % 1000), topic, sender, settings->headers ? headers : "",
           settings->headers ? " " : "", message);
}

static enum status subscribe(struct bb_client *client, struct settings *settings)
{
    enum status status = BB_OK;
    if (settings->prefix.count == 0)
        return bb_subscribe(client, "", on_message, settings);
    for (size_t i = 0; i < settings->prefix.count && status == BB_OK; i++)
        status = bb_subscribe(client, settings->prefix.items[i], on_message, settings);
    return status;
}

static int listen_to_bus(struct settings *settings)
{
    struct bb_loop *loop = NULL;
    struct bb_client *client = NULL;
    struct bb_reason reason = {"the event loop cannot be made"};
    struct bb_client_options options = {.identity = settings->identity,
                                        .address = settings->address,
                                        .home = settings->home,
                                        .heartbeat_ms = (uint32_t)settings->heartbeat_ms,
                                        .reason = &reason};
    enum status status = bb_loop_open(&loop);
    if (status == BB_OK)
        status = bb_client_open(loop, &options, &client);
    if (status == BB_OK) {
        status = subscribe(client, settings);
        snprintf(reason.text, sizeof reason.text, "%s", bb_client_reason(client));
    }
    if (status == BB_OK) {
        notify_start(loop, "Prints what is on the bus");
        status = bb_loop_run(loop);
        notify_stopping();
    }
    if (status != BB_OK && status != BB_INTERRUPTED)
        log_error("stopped", LOG_TEXT("status", bb_status_word(status)), LOG_TEXT("reason", reason.text));
    bb_client_close(client);
    bb_loop_close(loop);
    return status == BB_OK || status == BB_INTERRUPTED ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct settings settings = {0};
    struct bb_reason reason = {""};
    bool done = false;
    int code = 2;
    log_open("listener-agent");
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (config_start(&config, argc, argv, NULL, &settings, &done, &reason) != BB_OK)
        fprintf(stderr, "listener-agent: %s\n", reason.text);
    else
        code = done ? 0 : listen_to_bus(&settings);
    config_free(&config, &settings);
    return code;
}

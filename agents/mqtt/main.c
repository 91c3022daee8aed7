/* mqtt-agent: carries chosen topics between the bus and an MQTT broker. Wiring only. */
#include "agents/mqtt/bridge.h"

#include "bus/client/log.h"
#include "bus/client/notify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a stopping agent waits for what is under way. */
#define FAREWELL_MS 2000

static struct bridge bridge;

static enum status run_on(struct bb_loop *loop, const struct settings *settings, const char *password,
                          struct bb_reason *reason)
{
    struct bb_client *client = NULL;
    struct bb_client_options options = {.identity = settings->identity,
                                        .address = settings->address,
                                        .home = settings->home,
                                        .heartbeat_ms = (uint32_t)settings->heartbeat_ms,
                                        .reason = reason};
    enum status status = bb_client_open(loop, &options, &client);
    if (status == BB_OK) {
        status = bridge_open(&bridge, loop, client, settings, password, reason);
        if (status == BB_OK) {
            notify_start(loop, "Carries topics to the MQTT broker and back");
            status = bb_loop_run(loop);
            notify_stopping();
        }
        bridge_close(&bridge, FAREWELL_MS);
    }
    bb_client_close(client);
    return status;
}

static enum status run(const struct settings *settings, struct bb_reason *reason)
{
    struct bb_loop *loop = NULL;
    char *password = NULL;
    enum status status = settings_password(settings, reason, &password);
    if (status == BB_OK && bb_loop_open(&loop) != BB_OK) {
        status = BB_IO;
        bb_reason_say(reason, "the event loop cannot be made");
    }
    if (status == BB_OK && password[0] != '\0' && !settings->tls)
        log_warning("password-in-clear",
                    LOG_TEXT("reason", "the password goes to the MQTT broker without tls"));
    if (status == BB_OK)
        status = run_on(loop, settings, password, reason);
    bb_loop_close(loop);
    if (password != NULL)
        explicit_bzero(password, strlen(password));
    free(password);
    return status;
}

int main(int argc, char **argv)
{
    struct settings settings = {0};
    struct bb_reason reason = {""};
    bool done = false;
    int code = 2;
    log_open("mqtt-agent");
    signal(SIGPIPE, SIG_IGN);
    enum status status = config_start(&settings_config, argc, argv, NULL, &settings, &done, &reason);
    if (status == BB_OK && !done)
        status = settings_check(&settings, &bridge.maps, &reason);
    if (status != BB_OK) {
        fprintf(stderr, "mqtt-agent: %s\n", reason.text);
    } else if (done) {
        code = 0;
    } else {
        log_open(settings.identity);
        mosquitto_lib_init();
        status = run(&settings, &reason);
        mosquitto_lib_cleanup();
        code = status == BB_OK || status == BB_INTERRUPTED ? 0 : 1;
        if (code != 0)
            log_error("stopped", LOG_TEXT("status", bb_status_word(status)), LOG_TEXT("reason", reason.text));
    }
    config_free(&settings_config, &settings);
    return code;
}

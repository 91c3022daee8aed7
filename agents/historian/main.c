/* historian-agent: keeps the readings of chosen topics. Wiring only. */
#include "agents/historian/agent.h"
#include "bus/client/log.h"
#include "bus/client/notify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct agent agent;

static enum status run_on(struct bb_loop *loop, const struct settings *settings, const struct rules *rules,
                          const char *secret, struct bb_reason *reason)
{
    struct bb_client *client = NULL;
    const struct target_settings target = settings_target(settings, secret);
    const struct bb_client_options options = {.identity = settings->identity,
                                              .address = settings->address,
                                              .home = settings->home,
                                              .heartbeat_ms = (uint32_t)settings->heartbeat_ms,
                                              .reason = reason};
    enum status status = bb_client_open(loop, &options, &client);
    if (status == BB_OK) {
        status = agent_open(&agent, loop, client, settings, &target, rules, reason);
        if (status == BB_OK) {
            log_info("started", LOG_TEXT("target", SETTINGS_TARGETS[settings->target]->name),
                     LOG_TEXT("cache", settings->cache));
            notify_start(loop, "Keeps the readings of the bus");
            status = bb_loop_run(loop);
            notify_stopping();
        }
        agent_close(&agent);
    }
    bb_client_close(client);
    return status;
}

static enum status run(const struct settings *settings, const struct rules *rules, struct bb_reason *reason)
{
    struct bb_loop *loop = NULL;
    char *secret = NULL;
    enum status status = settings_secret(settings, reason, &secret);
    if (status == BB_OK && bb_loop_open(&loop) != BB_OK) {
        status = BB_IO;
        bb_reason_say(reason, "the event loop cannot be made");
    }
    if (status == BB_OK)
        status = run_on(loop, settings, rules, secret, reason);
    bb_loop_close(loop);
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
    return status;
}

/* What busbar-agentd gives a hosted agent; else historian.json in the home: that of --home, or the usual one.
 */
static const char *find_file(int argc, char **argv, char *path, size_t size)
{
    const char *home = NULL, *hosted = getenv("BUSBAR_AGENT_CONFIG");
    if (hosted != NULL && *hosted != '\0')
        return hosted;
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--home=", 7) == 0)
            home = argv[i] + 7;
        else if (strcmp(argv[i], "--home") == 0 && i + 1 < argc)
            home = argv[i + 1];
    return config_home(home, "historian.json", path, size) == BB_OK ? path : NULL;
}

/* A hosted agent has the identity that it was installed with. */
static enum status take_identity(struct settings *settings)
{
    const char *hosted = getenv("BUSBAR_AGENT_CONFIG"), *identity = getenv("BUSBAR_IDENTITY");
    if (hosted == NULL || *hosted == '\0' || identity == NULL || *identity == '\0')
        return BB_OK;
    free(settings->identity);
    settings->identity = strdup(identity);
    return settings->identity == NULL ? BB_FULL : BB_OK;
}

int main(int argc, char **argv)
{
    static struct rules rules;
    struct settings settings = {0};
    struct bb_reason reason = {""};
    char file[BB_PATH_MAX];
    bool done = false;
    int code = 2;
    log_open("historian-agent");
    signal(SIGPIPE, SIG_IGN);
    /* A file that may not grow (ulimit -f) is a full disk, not an end. */
    signal(SIGXFSZ, SIG_IGN);
    enum status status = config_start(&settings_config, argc, argv, find_file(argc, argv, file, sizeof file),
                                      &settings, &done, &reason);
    if (status == BB_OK && !done)
        status = take_identity(&settings);
    if (status == BB_OK && !done)
        status = settings_check(&settings, &rules, &reason);
    if (status != BB_OK) {
        fprintf(stderr, "historian-agent: %s\n", reason.text);
    } else if (done) {
        code = 0;
    } else {
        log_open(settings.identity);
        status = run(&settings, &rules, &reason);
        code = status == BB_OK || status == BB_INTERRUPTED ? 0 : 1;
        if (code != 0)
            log_error("stopped", LOG_TEXT("status", bb_status_word(status)), LOG_TEXT("reason", reason.text));
    }
    config_free(&settings_config, &settings);
    return code;
}

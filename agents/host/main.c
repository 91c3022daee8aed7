/* busbar-agentd: hosts agents. */
#include "agents/host/directory_desk.h"
#include "agents/host/method.h"
#include "agents/host/move_desk.h"
#include "agents/host/roster.h"
#include "agents/host/supervisor.h"
#include "agents/host/uploads.h"
#include "bus/client/log.h"
#include "bus/client/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How long another busbar-agentd that is about to end is waited for. */
#define LOCK_TRIES    100
#define LOCK_PAUSE_NS 20000000
#define HEARTBEAT_MS  30000

/* One process for each home: the descriptor of agents/agentd.lock, −1: another has it. */
static int take_home(const struct paths *paths, struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    int folder;
    if (paths_folder(paths_below(paths, "agents", path), 1, &folder, reason) != BB_OK)
        return -1;
    int fd = openat(folder, "agentd.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    close(folder);
    for (int i = 0; fd >= 0 && i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return fd;
        nanosleep(&pause, NULL);
    }
    bb_reason_say(reason, "%.400s/agentd.lock: %s", path,
                  fd < 0 ? strerror(errno) : "another busbar-agentd runs here");
    if (fd >= 0)
        close(fd);
    return -1;
}

static enum status open_store(struct host *host, struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    enum status status =
        store_open(paths_below(&host->paths, "agents/agents.db", path), reason, &host->store);
    return status == BB_OK ? roster_load(host, reason) : status;
}

static enum status open_host(struct host *host, struct bb_reason *reason)
{
    const struct bb_client_options options = {
        .identity = HOST_IDENTITY,
        .address = host->settings->address[0] == '\0' ? NULL : host->settings->address,
        .home = host->paths.home,
        .later = 1,
        .heartbeat_ms = HEARTBEAT_MS,
        .reason = reason};
    enum status status = bb_client_open(host->loop, &options, &host->client);
    if (status != BB_OK)
        return status;
    host->uploads = uploads_open();
    status = supervisor_open(host, reason);
    if (status == BB_OK)
        status = open_store(host, reason);
    if (status == BB_OK)
        status = move_desk_open(host, reason);
    if (status == BB_OK)
        status = directory_desk_open(host);
    return status == BB_OK ? method_serve_all(host) : status;
}

static void close_host(struct host *host)
{
    move_desk_close(host);
    directory_desk_close(host);
    while (host->count > 0)
        roster_drop(host->agents[host->count - 1]);
    roster_bury(host);
    supervisor_close(host->supervisor);
    uploads_close(host->uploads);
    bb_client_close(host->client);
    store_close(host->store);
    free(host->served);
}

/* Runs until it is told to end, and then until all agents have. */
static enum status serve(struct host *host)
{
    log_info("started", LOG_INT("agents", host->count));
    move_desk_wake(host);
    supervisor_boot(host);
    notify_start(host->loop, "Hosts agents");
    enum status status = bb_loop_run(host->loop);
    notify_stopping();
    if (status != BB_INTERRUPTED)
        return status;
    log_info("stopping", LOG_INT("agents", host->count));
    supervisor_end(host);
    return bb_loop_run(host->loop);
}

static int run(const struct settings *settings)
{
    struct host host = {.settings = settings};
    struct bb_reason reason = {"the event loop cannot be made"};
    int lock = -1;
    enum status status = paths_open(settings->home, &host.paths, &reason);
    if (status == BB_OK)
        status = (lock = take_home(&host.paths, &reason)) >= 0 ? BB_OK : BB_EXISTS;
    if (status == BB_OK)
        status = bb_loop_open(&host.loop);
    if (status == BB_OK)
        status = open_host(&host, &reason);
    if (status == BB_OK)
        status = serve(&host);
    if (status != BB_OK && status != BB_INTERRUPTED)
        log_error("stopped", LOG_TEXT("status", bb_status_word(status)), LOG_TEXT("reason", reason.text));
    close_host(&host);
    bb_loop_close(host.loop);
    if (lock >= 0)
        close(lock);
    return status == BB_OK || status == BB_INTERRUPTED ? 0 : 1;
}

/* The home that the flags name, before they are read in full: agentd.json stands in it. */
static const char *home_flag(int argc, char **argv)
{
    const char *home = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--home") == 0 && i + 1 < argc)
            home = argv[i + 1];
        else if (strncmp(argv[i], "--home=", 7) == 0)
            home = argv[i] + 7;
    }
    return home == NULL || home[0] == '\0' ? NULL : home;
}

int main(int argc, char **argv)
{
    struct settings settings = {0};
    struct bb_reason reason = {""};
    char file[BB_PATH_MAX];
    bool done = false;
    int code = 2;
    log_open("busbar-agentd");
    umask(0027);
    enum status status = config_home(home_flag(argc, argv), "agentd.json", file, sizeof file);
    status =
        config_start(&settings_config, argc, argv, status == BB_OK ? file : NULL, &settings, &done, &reason);
    if (status != BB_OK)
        fprintf(stderr, "busbar-agentd: %s\n", reason.text);
    else
        code = done ? 0 : run(&settings);
    config_free(&settings_config, &settings);
    return code;
}

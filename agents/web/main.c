/* busbar-webd: the dashboard. Wiring only. */
#include "agents/web/door.h"
#include "agents/web/files.h"
#include "agents/web/house.h"
#include "agents/web/pem.h"
#include "agents/web/settings.h"
#include "bus/client/log.h"
#include "bus/client/notify.h"

#include <busbar/limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct web {
    const struct settings *settings;
    const struct settings_door *door;
    struct bb_reason *reason;
    struct bb_client *client;
    struct house house;
    char url[DOOR_URL_SIZE], url_file[BB_PATH_MAX];
    char *certificate, *key;
};

static const char *home_of(const struct settings *settings)
{
    return *settings->home == '\0' ? NULL : settings->home;
}

/* A broker that does not run yet has not told its address; its usual door is waited for, then. */
static enum status open_bus(struct web *web)
{
    const struct settings *s = web->settings;
    char door[BB_PATH_MAX] = "ipc://";
    struct bb_client_options options = {.identity = s->identity,
                                        .address = s->address,
                                        .home = s->home,
                                        .later = 1,
                                        .heartbeat_ms = (uint32_t)s->heartbeat_ms,
                                        .reason = web->reason};
    enum status status = bb_client_open(web->house.loop, &options, &web->client);
    size_t used = strlen(door);
    if (status != BB_NOT_FOUND || *s->address != '\0' ||
        config_home(home_of(s), "run/vip.sock", door + used, sizeof door - used) != BB_OK)
        return status;
    options.address = door;
    return bb_client_open(web->house.loop, &options, &web->client);
}

static enum status open_gate(struct web *web)
{
    const struct settings *s = web->settings;
    const struct gate_options options = {.tokens = s->tokens,
                                         .viewer_open = s->viewer == SETTINGS_VIEWER_OPEN,
                                         .host = web->door->host,
                                         .hosts = s->hosts.items,
                                         .host_count = s->hosts.count,
                                         .posts_per_s = (unsigned)s->posts_per_s};
    return gate_open(&options, &web->house.gate);
}

/* The home of a demo says that it is one. */
static enum status open_api(struct web *web)
{
    char home[BB_PATH_MAX], mark[BB_PATH_MAX];
    enum status status = config_home(home_of(web->settings), "", home, sizeof home);
    if (status == BB_OK)
        status = config_home(home_of(web->settings), "demo", mark, sizeof mark);
    if (status != BB_OK)
        return status;
    home[strlen(home) - 1] = '\0';
    const struct api_options options = {.loop = web->house.loop,
                                        .client = web->client,
                                        .hub = web->house.hub,
                                        .home = home,
                                        .simulated = access(mark, F_OK) == 0};
    return api_open(&options, &web->house.api);
}

static enum status open_server(struct web *web)
{
    const struct settings *s = web->settings;
    bool tls = s->certificate[0] != '\0';
    int fd = -1;
    enum status status = tls ? pem_read(s, web->reason, &web->certificate, &web->key) : BB_OK;
    if (status == BB_OK)
        status = door_open(web->door->host, web->door->port, (unsigned)s->listen_tries,
                           tls ? "https" : "http", web->reason, &fd, web->url);
    if (status != BB_OK)
        return status;
    const struct server_options options = {.loop = web->house.loop,
                                           .socket = fd,
                                           .gate = web->house.gate,
                                           .tables = {{house_routes, house_route_count, &web->house},
                                                      {api_routes, api_route_count, web->house.api}},
                                           .table_count = 2,
                                           .otherwise = files_handle,
                                           .connections = (unsigned)s->connections,
                                           .connections_per_address = (unsigned)s->connections_per_address,
                                           .header_ms = (unsigned)s->header_ms,
                                           .idle_ms = (unsigned)s->idle_ms,
                                           .certificate = web->certificate,
                                           .key = web->key};
    status = server_open(&options, web->reason, &web->house.server);
    if (status != BB_OK)
        close(fd);
    return status;
}

/* Where the pages are, for `busbar demo` and for tests; nobody else misses it. */
static void tell_address(struct web *web)
{
    struct bb_reason why = {"the path is too long"};
    enum status status =
        config_home(home_of(web->settings), "run/web.address", web->url_file, sizeof web->url_file);
    if (status == BB_OK)
        status = door_tell(web->url_file, web->url, &why);
    log_info("started", LOG_TEXT("url", web->url), LOG_TEXT("untold", status == BB_OK ? NULL : why.text));
    if (status != BB_OK)
        web->url_file[0] = '\0';
}

static enum status open_all(struct web *web)
{
    struct house *house = &web->house;
    enum status status = open_bus(web);
    house->client = web->client;
    house->connections = (unsigned)web->settings->connections;
    if (status == BB_OK)
        status = stream_open(&house->hub);
    if (status == BB_OK)
        status = events_open(house->loop, house->hub, &house->events);
    if (status == BB_OK)
        status = open_gate(web);
    if (status == BB_OK)
        status = open_api(web);
    if (status == BB_OK)
        status = open_server(web);
    if (status == BB_OK)
        status = house_open(house);
    if (status == BB_OK)
        tell_address(web);
    return status;
}

/* The bus first: that answers what handlers wait for; then those who would be answered. */
static void close_all(struct web *web)
{
    if (web->url_file[0] != '\0')
        unlink(web->url_file);
    bb_client_close(web->client);
    if (web->house.hub != NULL)
        stream_on_interest(web->house.hub, NULL, NULL);
    house_close(&web->house);
    server_close(web->house.server);
    api_close(web->house.api);
    events_close(web->house.events);
    stream_close(web->house.hub);
    gate_close(web->house.gate);
    pem_wipe(web->key);
    free(web->certificate);
}

static enum status run(const struct settings *settings, const struct settings_door *door,
                       struct bb_reason *reason)
{
    struct web web = {.settings = settings, .door = door, .reason = reason};
    enum status status = bb_loop_open(&web.house.loop);
    if (status != BB_OK) {
        bb_reason_say(reason, "the event loop cannot be made");
        return status;
    }
    status = open_all(&web);
    if (status == BB_OK) {
        notify_start(web.house.loop, "Shows the neighbourhood");
        status = bb_loop_run(web.house.loop);
        notify_stopping();
    }
    close_all(&web);
    bb_loop_close(web.house.loop);
    return status;
}

/* webd.json in the home: that of --home, or the usual one. */
static const char *find_file(int argc, char **argv, char *path, size_t size)
{
    const char *home = NULL;
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--home=", 7) == 0)
            home = argv[i] + 7;
        else if (strcmp(argv[i], "--home") == 0 && i + 1 < argc)
            home = argv[i + 1];
    return config_home(home, "webd.json", path, size) == BB_OK ? path : NULL;
}

int main(int argc, char **argv)
{
    struct settings settings = {0};
    struct settings_door door;
    struct bb_reason reason = {""};
    char path[BB_PATH_MAX];
    bool done = false;
    int code = 2;
    log_open("busbar-webd");
    signal(SIGPIPE, SIG_IGN);
    enum status status = config_start(&settings_config, argc, argv, find_file(argc, argv, path, sizeof path),
                                      &settings, &done, &reason);
    if (status == BB_OK && !done)
        status = settings_check(&settings, &door, &reason);
    if (status != BB_OK) {
        fprintf(stderr, "busbar-webd: %s\n", reason.text);
    } else if (done) {
        code = 0;
    } else {
        status = run(&settings, &door, &reason);
        code = status == BB_OK || status == BB_INTERRUPTED ? 0 : 1;
        if (code != 0)
            log_error("stopped", LOG_TEXT("status", bb_status_word(status)), LOG_TEXT("reason", reason.text));
    }
    config_free(&settings_config, &settings);
    return code;
}

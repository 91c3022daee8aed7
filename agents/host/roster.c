#include "agents/host/roster.h"

#include "agents/host/output.h"
#include "agents/host/process.h"
#include "agents/host/supervisor.h"
#include "agents/host/sweep.h"
#include "bus/client/log.h"

#include <busbar/check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The bundle's own manifest, as it was unpacked. */
static enum status read_manifest(const struct host *host, const char *digest, struct manifest *out,
                                 struct bb_reason *reason)
{
    char folder[BB_PATH_MAX], path[BB_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", paths_bundle(&host->paths, digest, folder), MANIFEST_FILE);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint8_t *text = malloc(MANIFEST_SIZE_MAX);
    CHECK(text != NULL);
    ssize_t size = fd < 0 ? -1 : read(fd, text, MANIFEST_SIZE_MAX);
    if (fd >= 0)
        close(fd);
    if (size < 0)
        bb_reason_say(reason, "%.400s: its bundle cannot be read", path);
    enum status status =
        size < 0 ? BB_IO : manifest_read(path, (struct bytes){text, (size_t)size}, reason, out);
    free(text);
    return status;
}

/* Puts it where it belongs in the order of starting. */
static void insert(struct host *host, struct hosted *agent)
{
    size_t at = host->count++;
    for (; at > 0; at--) {
        const struct store_agent *before = &host->agents[at - 1]->row;
        if (before->priority < agent->row.priority ||
            (before->priority == agent->row.priority && strcmp(before->name, agent->row.name) < 0))
            break;
        host->agents[at] = host->agents[at - 1];
    }
    host->agents[at] = agent;
}

enum status roster_add(struct host *host, const struct store_agent *row, struct hosted **out,
                       struct bb_reason *reason)
{
    struct hosted *agent = calloc(1, sizeof *agent);
    CHECK(agent != NULL);
    enum status status = host->count == HOST_AGENTS_MAX ? BB_FULL : BB_OK;
    if (status == BB_FULL)
        bb_reason_say(reason, "at most %d agents can be hosted", HOST_AGENTS_MAX);
    else
        status = read_manifest(host, row->digest, &agent->manifest, reason);
    if (status != BB_OK) {
        free(agent);
        return status;
    }
    agent->host = host;
    agent->row = *row;
    life_init(&agent->life, agent->manifest.once, (int64_t)agent->manifest.stop_s * 1000, bb_loop_mono_ms());
    agent->process = process_open(agent);
    agent->output = output_open(agent, host->supervisor->ears);
    snprintf(agent->told, sizeof agent->told, "%s", host_state_word(agent));
    insert(host, agent);
    *out = agent;
    return BB_OK;
}

void roster_drop(struct hosted *agent)
{
    struct host *host = agent->host;
    size_t at = 0;
    while (at < host->count && host->agents[at] != agent)
        at++;
    CHECK(at < host->count);
    memmove(host->agents + at, host->agents + at + 1, (host->count - at - 1) * sizeof(struct hosted *));
    host->count--;
    output_close(agent->output);
    process_close(agent->process);
    manifest_free(&agent->manifest);
    agent->next = host->removed;
    host->removed = agent;
}

void roster_bury(struct host *host)
{
    while (host->removed != NULL) {
        struct hosted *agent = host->removed;
        host->removed = agent->next;
        while (agent->waiters != NULL) {
            struct host_waiter *waiter = agent->waiters;
            agent->waiters = waiter->next;
            free(waiter);
        }
        free(agent);
    }
}

struct loading {
    struct host *host;
    size_t failed;
};

static void on_agent(void *context, const struct store_agent *row)
{
    struct loading *loading = context;
    struct bb_reason reason = {""};
    struct hosted *agent;
    if (roster_add(loading->host, row, &agent, &reason) == BB_OK)
        return;
    loading->failed++;
    log_error("agent-lost", LOG_TEXT("name", row->name), LOG_TEXT("reason", reason.text));
}

enum status roster_load(struct host *host, struct bb_reason *reason)
{
    struct loading loading = {host, 0};
    enum status status = store_each_agent(host->store, on_agent, &loading, reason);
    /* Where a row could not be read nobody knows what it needs. */
    if (status == BB_OK && loading.failed == 0) {
        sweep_bundles(host);
        sweep_homes(host);
    }
    return status;
}

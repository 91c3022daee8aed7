#include "agents/cli/demo_crew.h"

#include "agents/cli/call.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_ROOM 1024
/* Where a package for ARM boards puts their program. */
#define BUSBAR_FIRMWARE "/usr/lib/busbar/armhf/busbar-node"

/* Arguments of a program that is being put together: room for a cable of three words for each of 64 boards.
 */
struct words {
    char room[32768];
    size_t used;
    const char *list[256];
    size_t count;
};

static void add(struct words *w, const char *word)
{
    size_t size = strlen(word) + 1;
    if (w->used + size > sizeof w->room || w->count + 1 == sizeof w->list / sizeof *w->list)
        return;
    memcpy(w->room + w->used, word, size);
    w->list[w->count++] = w->room + w->used;
    w->used += size;
}

/* Starts the words with the program's path. */
static enum status begin(struct words *w, const char *program, struct bb_reason *reason)
{
    char path[PATH_ROOM];
    *w = (struct words){.used = 0};
    enum status status = crew_find(program, reason, path, sizeof path);
    if (status == BB_OK)
        add(w, path);
    return status;
}

enum status demo_crew_cables(struct crew *crew, const struct plan *plan, int64_t baud,
                             struct bb_reason *reason)
{
    struct words w;
    char text[32];
    enum status status = begin(&w, "busbar-wire", reason);
    if (status != BB_OK)
        return status;
    snprintf(text, sizeof text, "%lld", (long long)baud);
    add(&w, "--baud");
    add(&w, text);
    for (size_t i = 0; i < plan->scenario->count; i++) {
        char agent[128], board[128];
        plan_cable(plan, i, agent, board);
        add(&w, "--cable");
        add(&w, agent);
        add(&w, board);
    }
    return crew_start(crew, "busbar-wire", w.list, reason);
}

enum status demo_crew_broker(struct crew *crew, const struct plan *plan, struct bb_reason *reason)
{
    static const char *const doors[] = {"vip", "sub", "pub"};
    struct words w;
    enum status status = begin(&w, "busbard", reason);
    if (status != BB_OK)
        return status;
    add(&w, "--home");
    add(&w, plan->home);
    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++) {
        char flag[8], endpoint[512];
        snprintf(flag, sizeof flag, "--%s", doors[i]);
        snprintf(endpoint, sizeof endpoint, "ipc://%s/run/%s.sock", plan->home, doors[i]);
        add(&w, flag);
        add(&w, endpoint);
    }
    return crew_start(crew, "busbard", w.list, reason);
}

static enum status start_agent(struct crew *crew, const struct plan *plan, const char *agent,
                               struct bb_reason *reason)
{
    struct words w;
    char file[512];
    enum status status = begin(&w, "busbar-uart-agent", reason);
    if (status != BB_OK)
        return status;
    snprintf(file, sizeof file, "%s/%s.json", plan->home, agent);
    add(&w, "--home");
    add(&w, plan->home);
    add(&w, "--config");
    add(&w, file);
    return crew_start(crew, agent, w.list, reason);
}

enum status demo_crew_agents(struct crew *crew, const struct plan *plan, struct bb_reason *reason)
{
    enum status status = BB_OK;
    for (enum curve_kind kind = CURVE_GENERATOR; kind <= CURVE_CONSUMER && status == BB_OK; kind++)
        if (plan_serves(plan, kind))
            status = start_agent(crew, plan, plan_agent(kind), reason);
    return status;
}

enum status demo_crew_ledger(struct crew *crew, const struct plan *plan, struct bb_reason *reason)
{
    struct words w;
    enum status status = begin(&w, "busbar-ledgerd", reason);
    if (status != BB_OK)
        return status;
    add(&w, "--home");
    add(&w, plan->home);
    return crew_start(crew, "busbar-ledgerd", w.list, reason);
}

enum status demo_crew_firmware(struct bb_reason *reason, char *path_out)
{
    static const char beside[] = "/../../armhf/bin/busbar-node", installed[] = BUSBAR_FIRMWARE;
    char path[PATH_MAX + sizeof beside];
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash != NULL) {
        memcpy(slash, beside, sizeof beside);
        if (realpath(path, path_out) != NULL)
            return BB_OK;
    }
    if (realpath(installed, path_out) != NULL)
        return BB_OK;
    return call_reason(
        reason, BB_NOT_FOUND,
        "there is no busbar-node for ARM: ./demo --boards emulated builds it, in the source tree; "
        "installed it would be %s",
        installed);
}

/* The words that run a board's program: this machine's, or another's through the emulator. */
static enum status begin_board(struct words *w, const char *firmware, struct bb_reason *reason)
{
    if (firmware == NULL)
        return begin(w, "busbar-node", reason);
    enum status status = begin(w, "qemu-arm", reason);
    if (status != BB_OK)
        return call_reason(reason, status, "qemu-arm is not there: install the package qemu-user");
    add(w, "-cpu");
    add(w, "cortex-a7");
    add(w, firmware);
    return BB_OK;
}

enum status demo_crew_boards(struct crew *crew, const struct plan *plan, const char *firmware,
                             struct bb_reason *reason)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < plan->scenario->count && status == BB_OK; i++) {
        const char *id = plan->scenario->nodes[i].id;
        struct words w;
        char agent[128], board[128], file[512], name[32];
        status = begin_board(&w, firmware, reason);
        if (status != BB_OK)
            break;
        plan_cable(plan, i, agent, board);
        snprintf(file, sizeof file, "%s/boards/%s.board", plan->home, id);
        snprintf(name, sizeof name, "board-%s", id);
        add(&w, "--config");
        add(&w, file);
        add(&w, "--port");
        add(&w, board);
        status = crew_start(crew, name, w.list, reason);
    }
    return status;
}

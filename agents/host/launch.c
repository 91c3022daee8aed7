#include "agents/host/launch.h"

#include "agents/host/fence.h"
#include "agents/host/install.h"
#include "agents/host/members.h"
#include "agents/host/spawn.h"
#include "bus/client/vip_address.h"

#include <busbar/check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VARIABLES_MAX 32
/* Processes and threads of all agents of one user together, beyond which none of them forks: the last guard
 * against a bomb, where the user is not root. */
#define TASKS_MAX 2048

struct environment {
    char *texts[VARIABLES_MAX];
    size_t count;
};

__attribute__((format(printf, 2, 3))) static void put(struct environment *environment, const char *format,
                                                      ...)
{
    va_list values;
    va_start(values, format);
    CHECK(environment->count < VARIABLES_MAX - 1);
    CHECK(vasprintf(&environment->texts[environment->count++], format, values) >= 0);
    va_end(values);
}

static void free_environment(struct environment *environment)
{
    for (size_t i = 0; i < environment->count; i++)
        free(environment->texts[i]);
}

static void put_inherited(struct environment *environment, const char *name)
{
    const char *value = getenv(name);
    if (value != NULL)
        put(environment, "%s=%s", name, value);
}

static void put_paths(struct environment *environment, const struct hosted *agent)
{
    char path[BB_PATH_MAX];
    const struct paths *paths = &agent->host->paths;
    const char *name = agent->row.name;
    put(environment, MEMBERS_MARK "=%s", paths_agent(paths, name, PATH_FOLDER, path));
    put(environment, "BUSBAR_HOME=%s", paths_agent(paths, name, PATH_HOME, path));
    put(environment, "BUSBAR_AGENT_CONFIG=%s", paths_agent(paths, name, PATH_CONFIG, path));
    put(environment, "AGENT_CONFIG=%s", path);
    put(environment, "BUSBAR_AGENT_STATE=%s", paths_agent(paths, name, PATH_STATE, path));
    put(environment, "HOME=%s", path);
    put(environment, "TMPDIR=%s", path);
}

static void make_environment(const struct hosted *agent, const char *address, struct environment *environment)
{
    put(environment, "PATH=/usr/local/bin:/usr/bin:/bin");
    put(environment, "LANG=C.UTF-8");
    put_inherited(environment, "TZ");
    put_inherited(environment, "BUSBAR_LOG");
    put_paths(environment, agent);
    put(environment, "BUSBAR_IDENTITY=%s", agent->row.identity);
    put(environment, "AGENT_VIP_IDENTITY=%s", agent->row.identity);
    put(environment, "BUSBAR_VIP=%s", address);
    put(environment, "VOLTTRON_VIP_ADDR=%s", address);
    environment->texts[environment->count] = NULL;
}

/* The broker's address, without anybody's keys. text_out[VIP_ADDRESS_TEXT_MAX]. */
static enum status find_address(const struct host *host, char *text_out, struct bb_reason *reason)
{
    struct vip_address address;
    const char *given = host->settings->address[0] == '\0' ? NULL : host->settings->address;
    enum status status = vip_address_find(given, host->paths.home, HOST_IDENTITY, &address, reason);
    if (status != BB_OK)
        return status;
    vip_address_format(&address, text_out);
    vip_address_wipe(&address);
    return BB_OK;
}

/* −1 where there is no Landlock, or it is not wanted. */
static enum status make_fence(const struct hosted *agent, int *fd_out, struct bb_reason *reason)
{
    const struct paths *paths = &agent->host->paths;
    char bundle[BB_PATH_MAX], home[BB_PATH_MAX], config[BB_PATH_MAX], state[BB_PATH_MAX];
    const struct fence_place places[] = {
        {paths_bundle(paths, agent->row.digest, bundle), FENCE_EXECUTE},
        {paths_agent(paths, agent->row.name, PATH_HOME, home), FENCE_READ},
        {paths_agent(paths, agent->row.name, PATH_CONFIG, config), FENCE_READ},
        {paths_agent(paths, agent->row.name, PATH_STATE, state), FENCE_OWN}};
    *fd_out = -1;
    if (!agent->host->settings->landlock)
        return BB_OK;
    enum status status = fence_open(places, sizeof places / sizeof *places, fd_out);
    if (status == BB_IO)
        bb_reason_say(reason, "Landlock: %s", strerror(errno));
    return status == BB_NOT_FOUND ? BB_OK : status;
}

static void add_limit(struct spawn_plan *plan, int resource, uint64_t value)
{
    CHECK(plan->limit_count < SPAWN_LIMITS_MAX);
    plan->limits[plan->limit_count++] = (struct spawn_limit){resource, (rlim_t)value};
}

static void set_limits(const struct hosted *agent, struct spawn_plan *plan)
{
    const struct manifest_limits *limits = &agent->manifest.limits;
    add_limit(plan, RLIMIT_NOFILE, (uint64_t)limits->files);
    add_limit(plan, RLIMIT_CORE, 0);
    add_limit(plan, RLIMIT_NPROC, TASKS_MAX);
    add_limit(plan, RLIMIT_MEMLOCK, 65536);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow takes terabytes of addresses, in the agents of a test, too */
    if (plan->cgroup < 0)
        add_limit(plan, RLIMIT_AS, (uint64_t)limits->memory_mb * 4 * 1024 * 1024);
#endif
}

enum status launch(struct hosted *agent, const struct launch_ends *ends, struct bb_reason *reason,
                   pid_t *pid_out, int *said_out)
{
    char address[VIP_ADDRESS_TEXT_MAX], folder[BB_PATH_MAX];
    struct environment environment = {.count = 0};
    struct spawn_plan plan = {.folder = paths_bundle(&agent->host->paths, agent->row.digest, folder),
                              .argv = agent->manifest.command,
                              .output = ends->output,
                              .error = ends->error,
                              .lock = ends->lock,
                              .fence = -1,
                              .cgroup = ends->cgroup};
    enum status status = install_check(agent, reason);
    if (status == BB_OK)
        status = find_address(agent->host, address, reason);
    if (status == BB_OK)
        status = make_fence(agent, &plan.fence, reason);
    if (status != BB_OK)
        return status;
    make_environment(agent, address, &environment);
    plan.envp = (const char *const *)environment.texts;
    set_limits(agent, &plan);
    status = spawn_run(&plan, pid_out, said_out);
    if (status != BB_OK)
        bb_reason_say(reason, "no process can be made: %s", strerror(errno));
    if (plan.fence >= 0)
        close(plan.fence);
    free_environment(&environment);
    return status;
}

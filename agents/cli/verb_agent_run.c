/* busbar agent run: an unpacked folder in the foreground, with a home, a configuration and a state folder of
 * its own, as busbar-agentd would start it: for who writes an agent. */
#include "agents/bundle/folder.h"
#include "agents/cli/blob.h"
#include "agents/cli/bundle_file.h"
#include "agents/cli/home.h"
#include "agents/cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct run {
    const struct call *call;
    struct manifest manifest;
    char home[512];        /* of the installation */
    char folder[PATH_MAX]; /* of the agent's program */
    char place[64];        /* the fresh folder that holds what follows */
    int place_fd;
    char state[PATH_MAX];
    char address[512];
};

static enum exit_code fail(const struct run *run, const char *what)
{
    return call_fail(run->call, EXIT_FAILED, "%s: %s", what, strerror(errno));
}

static enum exit_code read_manifest(struct run *run)
{
    char path[PATH_MAX];
    struct bb_reason reason = {""};
    uint8_t *text;
    size_t size;
    if (realpath(run->call->args[0], run->folder) == NULL)
        return call_fail(run->call, errno == ENOENT ? EXIT_MISSING : EXIT_FAILED, "%s: %s",
                         run->call->args[0], strerror(errno));
    snprintf(path, sizeof path, "%.3900s/%s", run->folder, MANIFEST_FILE);
    enum status status = blob_read(path, MANIFEST_SIZE_MAX, &reason, &text, &size);
    if (status == BB_OK) {
        status = manifest_read(path, (struct bytes){text, size}, &reason, &run->manifest);
        free(text);
    }
    if (status == BB_OK)
        return EXIT_DONE;
    return call_fail(run->call,
                     status == BB_NOT_FOUND ? EXIT_MISSING
                     : status == BB_IO      ? EXIT_FAILED
                                            : EXIT_USAGE,
                     "%s", reason.text);
}

/* Copies a file of the installation's home to the same place in the agent's. */
static enum exit_code copy_key(const struct run *run, const char *name)
{
    char from[PATH_MAX], to[PATH_MAX];
    struct bb_reason reason = {""};
    uint8_t *data;
    size_t size;
    snprintf(from, sizeof from, "%s/keys/%s", run->home, name);
    snprintf(to, sizeof to, "home/keys/%s", name);
    if (blob_read(from, 65536, &reason, &data, &size) != BB_OK)
        return call_fail(run->call, EXIT_MISSING, "%s; busbar init --agent %s makes the key", reason.text,
                         run->manifest.identity);
    enum status status = folder_store(run->place_fd, to, (struct bytes){data, size}, 0600, &reason);
    free(data);
    return status == BB_OK ? EXIT_DONE : call_fail(run->call, EXIT_FAILED, "%s", reason.text);
}

/* The configuration, with its defaults. */
static enum exit_code write_config(const struct run *run)
{
    json_error_t error;
    struct bb_reason reason = {""};
    const char *path = call_value(run->call, "config");
    json_t *filled = NULL,
           *config = path != NULL ? json_load_file(path, JSON_REJECT_DUPLICATES, &error) : NULL;
    if (path != NULL && config == NULL)
        return call_fail(run->call, EXIT_USAGE, "%s:%d: %s", path, error.line > 0 ? error.line : 1,
                         error.text);
    enum status status = manifest_configure(&run->manifest, config, &reason, &filled);
    json_decref(config);
    if (status != BB_OK)
        return call_fail(run->call, EXIT_USAGE, "%s", reason.text);
    char *text = json_dumps(filled, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    json_decref(filled);
    status =
        text != NULL ? folder_store(run->place_fd, "config.json", bytes_of(text), 0600, &reason) : BB_FULL;
    free(text);
    return status == BB_OK ? EXIT_DONE
                           : call_fail(run->call, EXIT_FAILED, "the configuration: %s", reason.text);
}

static enum exit_code find_address(struct run *run)
{
    char path[600];
    const char *given = call_value(run->call, "address");
    if (given != NULL) {
        snprintf(run->address, sizeof run->address, "%s", given);
        return EXIT_DONE;
    }
    snprintf(path, sizeof path, "%s/run/vip.address", run->home);
    FILE *file = fopen(path, "re");
    bool good = file != NULL && fgets(run->address, sizeof run->address, file) != NULL;
    if (file != NULL)
        fclose(file);
    if (!good)
        return call_fail(run->call, EXIT_UNREACHABLE, "no broker runs on %s", run->home);
    run->address[strcspn(run->address, "\r\n")] = '\0';
    return EXIT_DONE;
}

/* A fresh folder below /tmp: home/keys, config.json and, without --state, state. */
static enum exit_code lay_out(struct run *run)
{
    char key[BB_IDENTITY_MAX + 8];
    const char *state = call_value(run->call, "state");
    struct bb_reason reason = {""};
    enum status status = home_find(call_value(run->call, "home"), &reason, run->home, sizeof run->home);
    if (status != BB_OK)
        return call_fail(run->call, exit_of(status), "%s", reason.text);
    snprintf(run->place, sizeof run->place, "/tmp/busbar-run-XXXXXX");
    if (mkdtemp(run->place) == NULL)
        return fail(run, run->place);
    run->place_fd = open(run->place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run->place_fd < 0 || mkdirat(run->place_fd, "home", 0700) < 0 ||
        mkdirat(run->place_fd, "home/keys", 0700) < 0)
        return fail(run, run->place);
    snprintf(run->state, sizeof run->state, "%s/state", run->place);
    if (state != NULL && mkdir(state, 0700) < 0 && errno != EEXIST)
        return fail(run, state);
    if (state != NULL ? realpath(state, run->state) == NULL : mkdir(run->state, 0700) < 0)
        return fail(run, run->state);
    snprintf(key, sizeof key, "%s.json", run->manifest.identity);
    enum exit_code code = copy_key(run, key);
    if (code == EXIT_DONE)
        code = copy_key(run, "busbard.pub");
    if (code == EXIT_DONE)
        code = write_config(run);
    return code == EXIT_DONE ? find_address(run) : code;
}

static void set_below(const struct run *run, const char *name, const char *below)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", run->place, below);
    setenv(name, path, 1);
}

/* In the child: becomes the agent. */
static _Noreturn void become(const struct run *run, const sigset_t *before)
{
    set_below(run, "BUSBAR_HOME", "home");
    set_below(run, "BUSBAR_AGENT_CONFIG", "config.json");
    set_below(run, "AGENT_CONFIG", "config.json");
    setenv("BUSBAR_VIP", run->address, 1);
    setenv("VOLTTRON_VIP_ADDR", run->address, 1);
    setenv("BUSBAR_IDENTITY", run->manifest.identity, 1);
    setenv("AGENT_VIP_IDENTITY", run->manifest.identity, 1);
    setenv("BUSBAR_AGENT_STATE", run->state, 1);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)sigprocmask(SIG_SETMASK, before, NULL);
    if (chdir(run->folder) == 0)
        (void)execv(run->manifest.command[0], (char *const *)run->manifest.command);
    fprintf(stderr, "busbar agent run: %s: %s\n", run->manifest.command[0], strerror(errno));
    _exit(127);
}

/* Waits until the child has ended, passing signals on; its wait status. */
static int attend(const struct run *run, pid_t child, const sigset_t *signals)
{
    int how = 0, asked = 0;
    for (;;) {
        struct timespec patience = {asked != 0 ? run->manifest.stop_s : 3600, 0};
        int number = sigtimedwait(signals, NULL, &patience);
        if (waitpid(child, &how, WNOHANG) == child)
            return how;
        if (number == SIGINT || number == SIGTERM || number == SIGHUP) {
            asked = number;
            kill(child, SIGTERM);
        } else if (number < 0 && errno == EAGAIN && asked != 0) {
            fprintf(stderr, "busbar agent run: it did not end within %d s: killed\n", run->manifest.stop_s);
            kill(child, SIGKILL);
        }
    }
}

static enum exit_code supervise(const struct run *run)
{
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, &before);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        become(run, &before);
    if (child < 0)
        return fail(run, "fork");
    int how = attend(run, child, &signals);
    if (WIFSIGNALED(how))
        return WTERMSIG(how) == SIGTERM
                   ? EXIT_DONE
                   : call_fail(run->call, EXIT_FAILED, "it ended by signal %d", WTERMSIG(how));
    if (WEXITSTATUS(how) != 0)
        return call_fail(run->call, EXIT_FAILED, "it ended with exit status %d", WEXITSTATUS(how));
    return EXIT_DONE;
}

enum exit_code verb_agent_run(const struct call *call)
{
    struct run run = {.call = call, .place_fd = -1};
    enum exit_code code = read_manifest(&run);
    if (code != EXIT_DONE)
        return code;
    code = lay_out(&run);
    if (code == EXIT_DONE)
        code = supervise(&run);
    manifest_free(&run.manifest);
    if (run.place_fd >= 0)
        close(run.place_fd);
    if (run.place[0] != '\0')
        (void)!folder_remove(AT_FDCWD, run.place, NULL);
    return code;
}

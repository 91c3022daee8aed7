#include "tests/support/broker.h"

#include "bus/client/keys.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_MAX_HERE 256
#define UP_MS         20000

static void below(const struct broker *broker, const char *name, char path[PATH_MAX_HERE])
{
    snprintf(path, PATH_MAX_HERE, "%s/%s", broker->home, name);
}

static int make_key(const struct broker *broker, const char *identity, char base64[KEY_BASE64_SIZE])
{
    struct keys keys;
    char name[128], path[PATH_MAX_HERE];
    snprintf(name, sizeof name, "keys/%s.json", identity);
    below(broker, name, path);
    if (keys_generate(&keys) != BB_OK || keys_save(path, &keys, NULL) != BB_OK ||
        keys_to_base64(keys.public_key, base64) != BB_OK)
        return -1;
    below(broker, "keys/busbard.pub", path);
    return strcmp(identity, "busbard") != 0 || keys_save_public(path, keys.public_key, NULL) == BB_OK ? 0
                                                                                                      : -1;
}

static int write_access(const struct broker *broker, const char *const *identities, size_t count)
{
    char path[PATH_MAX_HERE], key[KEY_BASE64_SIZE];
    below(broker, "access.json", path);
    FILE *f = fopen(path, "w");
    if (f == NULL)
        return -1;
    int failed = 0;
    fprintf(f, "{\"version\":1,\"entries\":[");
    for (size_t i = 0; i < count; i++) {
        failed |= make_key(broker, identities[i], key);
        fprintf(f,
                "%s{\"key\":\"%s\",\"identities\":[\"%s\",\"%s.*\"],\"publish\":[\"\"],\"subscribe\":[\"\"],"
                "\"comment\":\"test\"}",
                i > 0 ? "," : "", key, identities[i], identities[i]);
    }
    fprintf(f, "]}\n");
    return fclose(f) == 0 && !failed ? 0 : -1;
}

int broker_again(struct broker *broker)
{
    char doors[3][PATH_MAX_HERE + 16], path[PATH_MAX_HERE];
    static const char *const names[] = {"vip", "sub", "pub"};
    for (size_t i = 0; i < 3; i++)
        snprintf(doors[i], sizeof doors[i], "--%s=ipc://%s/run/%s.sock", names[i], broker->home, names[i]);
    below(broker, "log", path);
    broker->pid = fork();
    if (broker->pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        dup2(open(path, O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
        execl(broker->program, broker->program, "--home", broker->home, doors[0], doors[1], doors[2],
              (char *)NULL);
        _exit(127);
    }
    below(broker, "run/vip.address", path);
    for (int waited = 0; waited < UP_MS && access(path, F_OK) != 0; waited += 10)
        usleep(10000);
    return access(path, F_OK);
}

int broker_start(struct broker *broker, const char *programs, const char *const *identities, size_t count)
{
    char path[PATH_MAX_HERE], key[KEY_BASE64_SIZE];
    snprintf(broker->home, sizeof broker->home, "/tmp/bb-broker-XXXXXX");
    snprintf(broker->program, sizeof broker->program, "%s/busbard", programs);
    if (mkdtemp(broker->home) == NULL)
        return -1;
    below(broker, "keys", path);
    if (mkdir(path, 0700) != 0)
        return -1;
    below(broker, "run", path);
    if (mkdir(path, 0700) != 0 || make_key(broker, "busbard", key) != 0 ||
        write_access(broker, identities, count) != 0)
        return -1;
    return broker_again(broker);
}

void broker_halt(struct broker *broker, int at_once)
{
    char path[PATH_MAX_HERE];
    if (broker->pid <= 0)
        return;
    kill(broker->pid, at_once ? SIGKILL : SIGTERM);
    waitpid(broker->pid, NULL, 0);
    broker->pid = 0;
    below(broker, "run/vip.address", path);
    (void)unlink(path);
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

void broker_end(struct broker *broker)
{
    broker_halt(broker, 0);
    (void)nftw(broker->home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

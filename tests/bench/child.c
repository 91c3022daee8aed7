#include "tests/bench/child.h"

#include <busbar/check.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void path_in(const struct site *site, const char *below, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", site->home, below);
}

static void make_keys(const struct site *site, const char *name, struct keys *keys)
{
    char path[128], below[64];
    snprintf(below, sizeof below, "keys/%s.json", name);
    path_in(site, below, path, sizeof path);
    CHECK(keys_generate(keys) == BB_OK && keys_save(path, keys, NULL) == BB_OK);
}

void child_site(struct site *site, bool secure)
{
    char path[128], keys[2][KEY_BASE64_SIZE];
    memset(site, 0, sizeof *site);
    site->secure = secure;
    snprintf(site->home, sizeof site->home, "/tmp/bench.XXXXXX");
    CHECK(mkdtemp(site->home) != NULL);
    path_in(site, "keys", path, sizeof path);
    CHECK(mkdir(path, 0700) == 0);
    path_in(site, "run", path, sizeof path);
    CHECK(mkdir(path, 0700) == 0);
    make_keys(site, "busbard", &site->broker);
    make_keys(site, "aa", &site->publisher);
    make_keys(site, "bb", &site->subscriber);
    CHECK(keys_to_base64(site->publisher.public_key, keys[0]) == BB_OK);
    CHECK(keys_to_base64(site->subscriber.public_key, keys[1]) == BB_OK);
    path_in(site, "access.json", path, sizeof path);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file,
            "{\"version\":1,\"entries\":[{\"key\":\"%s\",\"identities\":[\"aa*\"],\"publish\":[\"\"],"
            "\"subscribe\":[\"\"]},"
            "{\"key\":\"%s\",\"identities\":[\"bb*\",\"idle.*\"],\"publish\":[],\"subscribe\":[\"\"]}]}\n",
            keys[0], keys[1]);
    CHECK(fclose(file) == 0);
}

void child_clear(const struct site *site)
{
    static const char *const FILES[] = {"keys/busbard.json",
                                        "keys/aa.json",
                                        "keys/bb.json",
                                        "access.json",
                                        "run/vip.address",
                                        "run/sub.address",
                                        "run/pub.address",
                                        "run/busbard.lock",
                                        "mosquitto.conf",
                                        "keys",
                                        "run",
                                        ""};
    char path[128];
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        path_in(site, FILES[i], path, sizeof path);
        (void)remove(path);
    }
}

/* Waits for an address file and reads its endpoint. */
static void await_address(const struct site *site, const char *door, char *endpoint, size_t size)
{
    char path[128], below[64];
    snprintf(below, sizeof below, "run/%s.address", door);
    path_in(site, below, path, sizeof path);
    for (int i = 0; i < 1000; i++) {
        FILE *file = fopen(path, "r");
        if (file != NULL) {
            bool read = fgets(endpoint, (int)size, file) != NULL;
            fclose(file);
            if (read) {
                endpoint[strcspn(endpoint, "?\n")] = '\0';
                return;
            }
        }
        usleep(10000);
    }
    CHECK(!"the child did not come up");
}

static pid_t await(struct site *site, pid_t pid)
{
    await_address(site, "vip", site->vip, sizeof site->vip);
    await_address(site, "sub", site->sub, sizeof site->sub);
    await_address(site, "pub", site->pub, sizeof site->pub);
    return pid;
}

pid_t child_fork(struct site *site, void (*loop)(const struct site *site))
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        /* What the parent has used and freed is not the loop's memory. */
        malloc_trim(0);
        loop(site);
        _exit(0);
    }
    return await(site, pid);
}

pid_t child_busbard(struct site *site, const char *busbard)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        setenv("BUSBAR_LOG", "error", 1);
        execl(busbard, "busbard", "--home", site->home, "--vip", "tcp://127.0.0.1:*", "--sub",
              "tcp://127.0.0.1:*", "--pub", "tcp://127.0.0.1:*", "--security",
              site->secure ? "curve" : "none", (char *)NULL);
        fprintf(stderr, "cannot run %s\n", busbard);
        _exit(127);
    }
    return await(site, pid);
}

void child_stop(pid_t pid)
{
    CHECK(kill(pid, SIGTERM) == 0);
    CHECK(waitpid(pid, NULL, 0) == pid);
}

double child_cpu_us(pid_t pid)
{
    clockid_t clock;
    struct timespec used;
    CHECK(clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &used) == 0);
    return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

size_t child_resident_bytes(pid_t pid)
{
    char path[64];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL && fscanf(file, "%*s %ld", &pages) == 1);
    fclose(file);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

void child_announce(const struct site *site, const char *door, const char *endpoint)
{
    char path[128], fresh[136], below[64];
    snprintf(below, sizeof below, "run/%s.address", door);
    path_in(site, below, path, sizeof path);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "w");
    CHECK(file != NULL && fprintf(file, "%s\n", endpoint) > 0 && fclose(file) == 0 &&
          rename(fresh, path) == 0);
}

#include "agents/host/paths.h"

#include "bus/client/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The longest that is put behind a home. */
#define BELOW_MAX 512

enum status paths_open(const char *given, struct paths *out, struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    enum status status = config_home(given[0] == '\0' ? NULL : given, "", path, sizeof path);
    if (status != BB_OK) {
        bb_reason_say(reason, "no home: set BUSBAR_HOME or --home");
        return status;
    }
    char *real = realpath(path, NULL);
    if (real == NULL) {
        bb_reason_say(reason, "%s: %s; `busbar init` makes a home", path, strerror(errno));
        return BB_NOT_FOUND;
    }
    if (strlen(real) >= sizeof out->home) {
        bb_reason_say(reason, "%s: too long a path for a home", real);
        free(real);
        return BB_RANGE;
    }
    snprintf(out->home, sizeof out->home, "%s", real);
    free(real);
    return BB_OK;
}

char *paths_below(const struct paths *paths, const char *below, char *path_out)
{
    snprintf(path_out, BB_PATH_MAX, "%s/%.*s", paths->home, BELOW_MAX, below);
    return path_out;
}

char *paths_agent(const struct paths *paths, const char *name, enum path_of_agent which, char *path_out)
{
    static const char *const parts[] = {
        [PATH_FOLDER] = "",      [PATH_HOME] = "/home",          [PATH_KEYS] = "/home/keys",
        [PATH_STATE] = "/state", [PATH_CONFIG] = "/config.json", [PATH_LOCK] = "/lock",
        [PATH_LOG] = "/log",     [PATH_LOG_OLD] = "/log.1"};
    snprintf(path_out, BB_PATH_MAX, "%s/agents/%.64s%s", paths->home, name, parts[which]);
    return path_out;
}

char *paths_bundle(const struct paths *paths, const char *digest, char *path_out)
{
    snprintf(path_out, BB_PATH_MAX, "%s/agents/bundles/%.64s", paths->home, digest);
    return path_out;
}

char *paths_archive(const struct paths *paths, const char *digest, char *path_out)
{
    snprintf(path_out, BB_PATH_MAX, "%s/agents/bundles/%.64s.agent", paths->home, digest);
    return path_out;
}

enum status paths_folder(const char *path, int secret, int *fd_out, struct bb_reason *reason)
{
    char part[BB_PATH_MAX];
    size_t size = strlen(path);
    int fd = -1;
    for (size_t i = 1; i <= size && size < sizeof part; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, secret && i == size ? 0700 : 0755) != 0 && errno != EEXIST)
            break;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        bb_reason_say(reason, "%.400s: %s", path, strerror(errno));
        return BB_IO;
    }
    *fd_out = fd;
    return BB_OK;
}

#include "tests/agents/bundle/home.h"

#include <busbar/check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[32];

void home_put(int folder, const char *path, const char *text, unsigned mode)
{
    char above[256];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(above, sizeof above, "%.*s", (int)(slash - path), path);
        (void)!mkdirat(folder, above, 0755);
    }
    int file = openat(folder, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0);
    CHECK(write(file, text, strlen(text)) == (ssize_t)strlen(text));
    CHECK(fchmod(file, mode) == 0);
    CHECK(close(file) == 0);
}

int home_open(void)
{
    snprintf(place, sizeof place, "/tmp/bb-bundle-XXXXXX");
    CHECK(mkdtemp(place) != NULL);
    int home = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(home >= 0);
    home_put(home, "agent/manifest.json", HOME_MANIFEST, 0644);
    home_put(home, "agent/run", "#!/bin/sh\nexec sleep 60\n", 0755);
    home_put(home, "agent/data/table.csv", "a,b\n1,2\n", 0644);
    return home;
}

static int open_up(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about, (void)where;
    return kind == FTW_D ? chmod(path, 0700) : 0;
}

static int take_away(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about, (void)where, (void)kind;
    return remove(path);
}

void home_close(int home)
{
    close(home);
    CHECK(nftw(place, open_up, 16, FTW_PHYS) == 0);
    CHECK(nftw(place, take_away, 16, FTW_PHYS | FTW_DEPTH) == 0);
}

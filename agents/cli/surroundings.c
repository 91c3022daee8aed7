#include "agents/cli/surroundings.h"

#include "agents/cli/call.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_ROOM 1024
#define LINE_ROOM 1024

static bool is_name(const char *text, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    return size > 7 && strncmp(text, "BUSBAR_", 7) == 0 && strspn(text, letters) >= size;
}

/* Takes one line, without its end; `skip` (or NULL) is not taken. */
static bool take_line(char *line, const char *skip)
{
    size_t size = strcspn(line, "=");
    if (*line == '\0' || *line == '#')
        return true;
    if (line[size] != '=' || !is_name(line, size))
        return false;
    line[size] = '\0';
    if (skip == NULL || strcmp(line, skip) != 0)
        return setenv(line, line + size + 1, 0) == 0;
    return true;
}

static enum status take_file(const char *path, const char *skip, struct bb_reason *reason)
{
    char line[LINE_ROOM];
    enum status status = BB_OK;
    FILE *file = fopen(path, "re");
    for (int number = 1; file != NULL && status == BB_OK && fgets(line, sizeof line, file) != NULL;
         number++) {
        size_t size = strcspn(line, "\n");
        bool whole = line[size] == '\n' || feof(file);
        line[size] = '\0';
        if (!whole || !take_line(line, skip))
            status = call_reason(reason, BB_MALFORMED, "%s:%d: expected BUSBAR_NAME=VALUE", path, number);
    }
    if (file != NULL)
        fclose(file);
    return status;
}

static bool has_own_home(const char *user)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/.local/share/busbar", user);
    return access(path, F_OK) == 0;
}

enum status surroundings_load(struct bb_reason *reason)
{
    const char *user = getenv("HOME"), *given = getenv("XDG_CONFIG_HOME"), *etc = getenv("BUSBAR_ETC");
    char path[PATH_ROOM];
    enum status status = BB_OK;
    bool own = user != NULL && *user != '\0';
    if (given != NULL && *given == '/')
        snprintf(path, sizeof path, "%s/busbar/environment", given);
    else
        snprintf(path, sizeof path, "%s/.config/busbar/environment", own ? user : "");
    if (own || (given != NULL && *given == '/'))
        status = take_file(path, NULL, reason);
    snprintf(path, sizeof path, "%s/environment", etc != NULL && *etc != '\0' ? etc : "/etc/busbar");
    if (status == BB_OK)
        status = take_file(path, own && has_own_home(user) ? "BUSBAR_HOME" : NULL, reason);
    return status;
}

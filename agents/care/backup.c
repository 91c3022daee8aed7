#include "agents/care/backup.h"

#include "agents/care/database.h"
#include "agents/care/inventory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 1100
#define DEPTH_MAX 32

struct backup {
    const char *home, *to;
    json_t *manifest;
    struct bb_reason *reason;
};

static enum status say(struct backup *b, const char *path)
{
    bb_reason_say(b->reason, "%s: %s", path, strerror(errno));
    return errno == ENOENT ? BB_NOT_FOUND : errno == EEXIST ? BB_EXISTS : BB_IO;
}

static bool ends_in(const char *text, const char *end)
{
    size_t size = strlen(text), most = strlen(end);
    return size >= most && strcmp(text + size - most, end) == 0;
}

/* What its program makes anew, or what means nothing elsewhere. `path` is below the home, `name` its last
 * part. */
static bool is_passing(const char *path, const char *name)
{
    static const char *const tops[] = {"run", "log"};
    static const char *const ends[] = {"-wal", "-shm", "-journal", ".lock", ".new"};
    static const char *const logs[] = {"lock", "log", "log.1"};
    bool of_agent = strncmp(path, "agents/", 7) == 0 && strstr(path, "/state/") == NULL;
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
        if (strcmp(path, tops[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_in(name, ends[i]))
            return true;
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++)
        if (of_agent && strcmp(name, logs[i]) == 0 && strncmp(path, "agents/bundles/", 15) != 0)
            return true;
    return false;
}

static void name_owner(const struct stat *about, struct inventory_entry *entry)
{
    const struct passwd *user = getpwuid(about->st_uid);
    const struct group *group = getgrgid(about->st_gid);
    if (user != NULL)
        snprintf(entry->owner, sizeof entry->owner, "%s", user->pw_name);
    else
        snprintf(entry->owner, sizeof entry->owner, "%u", (unsigned)about->st_uid);
    if (group != NULL)
        snprintf(entry->group, sizeof entry->group, "%s", group->gr_name);
    else
        snprintf(entry->group, sizeof entry->group, "%u", (unsigned)about->st_gid);
}

static enum status take_file(struct backup *b, const char *from, const char *to,
                             struct inventory_entry *entry)
{
    enum status status;
    if (database_head(from, &entry->application, &entry->format)) {
        entry->kind = INVENTORY_DATABASE;
        status = database_copy(from, to, b->reason);
    } else {
        entry->kind = INVENTORY_FILE;
        status = copy_file(from, to, b->reason);
    }
    if (status == BB_OK)
        status = copy_hash(to, b->reason, entry->sha256, &entry->size);
    return status;
}

static enum status take_folder(struct backup *b, const char *path, int depth);

/* Copies one thing of the home; what is no folder and no plain file stays out. */
static enum status take(struct backup *b, const char *path, int depth)
{
    char from[PATH_ROOM], to[PATH_ROOM];
    struct inventory_entry entry = {.kind = INVENTORY_FOLDER};
    struct stat about;
    snprintf(from, sizeof from, "%s%s%s", b->home, *path == '\0' ? "" : "/", path);
    snprintf(to, sizeof to, "%s/files%s%s", b->to, *path == '\0' ? "" : "/", path);
    if (lstat(from, &about) != 0)
        return errno == ENOENT && depth > 0 ? BB_OK : say(b, from); /* gone meanwhile */
    if (!S_ISDIR(about.st_mode) && !S_ISREG(about.st_mode))
        return BB_OK;
    snprintf(entry.path, sizeof entry.path, "%s", path);
    entry.mode = about.st_mode & 07777;
    name_owner(&about, &entry);
    enum status status = BB_OK;
    if (S_ISREG(about.st_mode))
        status = take_file(b, from, to, &entry);
    else if (mkdir(to, 0700) != 0)
        return say(b, to);
    if (status == BB_NOT_FOUND && depth > 0 && access(from, F_OK) != 0) {
        (void)unlink(to);
        return BB_OK;
    }
    if (status == BB_OK)
        status = inventory_add(b->manifest, &entry, b->reason);
    return status == BB_OK && S_ISDIR(about.st_mode) ? take_folder(b, path, depth) : status;
}

static enum status take_folder(struct backup *b, const char *path, int depth)
{
    char folder[PATH_ROOM], below[INVENTORY_PATH_ROOM * 2];
    struct dirent **names;
    enum status status = BB_OK;
    snprintf(folder, sizeof folder, "%s%s%s", b->home, *path == '\0' ? "" : "/", path);
    if (depth == DEPTH_MAX) {
        bb_reason_say(b->reason, "%s: folders within folders, more than %d", folder, DEPTH_MAX);
        return BB_FULL;
    }
    int count = scandir(folder, &names, NULL, alphasort);
    if (count < 0)
        return say(b, folder);
    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        bool self = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
        int size = snprintf(below, sizeof below, "%s%s%s", path, *path == '\0' ? "" : "/", name);
        if (status == BB_OK && !self && size >= INVENTORY_PATH_ROOM) {
            bb_reason_say(b->reason, "%s/%s: its path is too long", folder, name);
            status = BB_RANGE;
        }
        if (status == BB_OK && !self && !is_passing(below, name))
            status = take(b, below, depth + 1);
        free(names[i]);
    }
    free(names);
    return status;
}

enum status backup_make(const char *home, const char *to, struct bb_reason *reason, json_t **manifest_out)
{
    struct backup backup = {.home = home, .to = to, .reason = reason};
    struct stat about;
    if (stat(home, &about) != 0 || !S_ISDIR(about.st_mode)) {
        bb_reason_say(reason, "%s: there is no home", home);
        return BB_NOT_FOUND;
    }
    if (strlen(to) > PATH_ROOM - INVENTORY_PATH_ROOM - 16 ||
        strlen(home) > PATH_ROOM - INVENTORY_PATH_ROOM - 16) {
        bb_reason_say(reason, "the paths are too long");
        return BB_RANGE;
    }
    if (mkdir(to, 0700) != 0)
        return say(&backup, to);
    backup.manifest = inventory_new(home);
    enum status status = take(&backup, "", 0);
    if (status == BB_OK)
        status = inventory_write(backup.manifest, to, reason);
    if (status == BB_OK)
        *manifest_out = backup.manifest;
    else
        json_decref(backup.manifest);
    return status;
}

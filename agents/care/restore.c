/* The way back: a backup is checked whole before anything is made of it. */
#include "agents/care/backup.h"

#include "agents/care/database.h"
#include "agents/care/inventory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of at most 568 bytes ("%.568s": is_short has looked) and an entry below it. */
#define PATH_ROOM 1100
/* A chain of many gigabytes is looked through for so long; its hash says that it is what it was. */
#define CHECK_MS 60000

static enum status say(struct bb_reason *reason, const char *path)
{
    bb_reason_say(reason, "%s: %s", path, strerror(errno));
    return BB_IO;
}

static enum status check_database(const char *path, const struct inventory_entry *entry,
                                  struct bb_reason *reason)
{
    const struct database_kind *kind = database_kind_of(entry->application);
    if (kind != NULL && entry->format > kind->version) {
        bb_reason_say(reason, "%s: format %lld of %s is of a newer Busbar", entry->path,
                      (long long)entry->format, kind->what);
        return BB_VERSION;
    }
    enum status status = database_check(path, CHECK_MS, reason);
    return status == BB_TIMEOUT ? BB_OK : status;
}

static enum status check_entry(const char *from, const struct inventory_entry *entry,
                               struct bb_reason *reason)
{
    char path[PATH_ROOM], hash[COPY_HASH_ROOM];
    uint64_t size = 0;
    struct stat about;
    snprintf(path, sizeof path, "%.568s/files/%s", from, entry->path);
    if (entry->kind == INVENTORY_FOLDER) {
        if (lstat(path, &about) == 0 && S_ISDIR(about.st_mode))
            return BB_OK;
        bb_reason_say(reason, "%s: the folder is missing from the backup", path);
        return BB_MALFORMED;
    }
    enum status status = copy_hash(path, reason, hash, &size);
    if (status != BB_OK)
        return status == BB_NOT_FOUND ? BB_MALFORMED : status;
    if (size != entry->size || strcmp(hash, entry->sha256) != 0) {
        bb_reason_say(reason, "%s: it is not what was copied (its %s differs)", path,
                      size != entry->size ? "size" : "hash");
        return BB_MALFORMED;
    }
    return entry->kind == INVENTORY_DATABASE ? check_database(path, entry, reason) : BB_OK;
}

/* How many things are below a folder, at any depth. */
static size_t count_below(const char *folder)
{
    char path[PATH_ROOM];
    size_t count = 0;
    DIR *all = opendir(folder);
    for (const struct dirent *one; all != NULL && (one = readdir(all)) != NULL;) {
        struct stat about;
        if (strcmp(one->d_name, ".") == 0 || strcmp(one->d_name, "..") == 0)
            continue;
        count++;
        int size = snprintf(path, sizeof path, "%s/%s", folder, one->d_name);
        if (size > 0 && (size_t)size < sizeof path && lstat(path, &about) == 0 && S_ISDIR(about.st_mode))
            count += count_below(path);
    }
    if (all != NULL)
        closedir(all);
    return count;
}

/* A path's length is bounded once for all entries. */
static bool is_short(const char *folder)
{
    return strlen(folder) < PATH_ROOM - INVENTORY_PATH_ROOM - 32;
}

enum status backup_check(const char *from, struct bb_reason *reason, json_t **manifest_out)
{
    char files[PATH_ROOM];
    json_t *manifest;
    struct inventory_entry entry;
    if (!is_short(from)) {
        bb_reason_say(reason, "%.100s…: the path is too long", from);
        return BB_RANGE;
    }
    enum status status = inventory_read(from, reason, &manifest);
    if (status != BB_OK)
        return status;
    for (size_t i = 0; i < inventory_count(manifest) && status == BB_OK; i++) {
        inventory_entry(manifest, i, &entry);
        status = check_entry(from, &entry, reason);
    }
    snprintf(files, sizeof files, "%s/files", from);
    if (status == BB_OK && count_below(files) + 1 != inventory_count(manifest)) {
        bb_reason_say(reason, "%s: there is more in it than the manifest names", files);
        status = BB_MALFORMED;
    }
    if (status == BB_OK)
        *manifest_out = manifest;
    else
        json_decref(manifest);
    return status;
}

/* BB_OK: nothing is there, or an empty folder. */
static enum status check_place(const char *home, struct bb_reason *reason)
{
    struct stat about;
    if (lstat(home, &about) != 0)
        return errno == ENOENT ? BB_OK : say(reason, home);
    if (S_ISDIR(about.st_mode) && count_below(home) == 0)
        return BB_OK;
    bb_reason_say(reason, "%s: something is there; stop its programs and move it away first: mv %s %s.old",
                  home, home, home);
    return BB_EXISTS;
}

/* The number behind a name that is there, or in a number itself; the present one else. */
static uid_t user_of(const char *name)
{
    const struct passwd *user = getpwnam(name);
    return user != NULL ? user->pw_uid : (uid_t)-1;
}

static gid_t group_of(const char *name)
{
    const struct group *group = getgrnam(name);
    return group != NULL ? group->gr_gid : (gid_t)-1;
}

static enum status make_entry(const char *from, const char *part, const struct inventory_entry *entry,
                              struct bb_reason *reason)
{
    char source[PATH_ROOM], path[PATH_ROOM];
    snprintf(source, sizeof source, "%.568s/files/%s", from, entry->path);
    snprintf(path, sizeof path, "%.568s/%s", part, entry->path);
    if (entry->kind != INVENTORY_FOLDER)
        return copy_file(source, path, reason);
    return mkdir(path, 0700) == 0 ? BB_OK : say(reason, path);
}

/* Modes and owners from the last entry to the first: a folder that may not be written is closed behind its
 * files. */
static enum status settle(const json_t *manifest, const char *part, struct bb_reason *reason)
{
    char path[PATH_ROOM];
    struct inventory_entry entry;
    for (size_t i = inventory_count(manifest); i-- > 0;) {
        inventory_entry(manifest, i, &entry);
        snprintf(path, sizeof path, "%.568s/%s", part, entry.path);
        bool given = geteuid() != 0 || lchown(path, user_of(entry.owner), group_of(entry.group)) == 0;
        if (!given || chmod(path, (mode_t)entry.mode) != 0)
            return say(reason, path);
    }
    return BB_OK;
}

static enum status force(const char *folder, struct bb_reason *reason)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && syncfs(fd) == 0;
    enum status status = done ? BB_OK : say(reason, folder);
    if (fd >= 0)
        close(fd);
    return status;
}

static enum status make_home(const char *from, const char *home, const json_t *manifest,
                             struct bb_reason *reason)
{
    char part[PATH_ROOM];
    struct inventory_entry entry;
    enum status status = BB_OK;
    snprintf(part, sizeof part, "%s.restoring", home);
    if (access(part, F_OK) == 0) {
        bb_reason_say(reason, "%s: left by a restore that broke off; remove it first", part);
        return BB_EXISTS;
    }
    for (size_t i = 0; i < inventory_count(manifest) && status == BB_OK; i++) {
        inventory_entry(manifest, i, &entry);
        status = make_entry(from, part, &entry, reason);
    }
    if (status == BB_OK)
        status = settle(manifest, part, reason);
    if (status == BB_OK)
        status = force(part, reason);
    if (status == BB_OK && rmdir(home) != 0 && errno != ENOENT)
        status = say(reason, home);
    if (status == BB_OK && rename(part, home) != 0)
        status = say(reason, home);
    return status;
}

enum status backup_restore(const char *from, const char *home, struct bb_reason *reason,
                           json_t **manifest_out)
{
    json_t *manifest;
    enum status status = is_short(home) ? check_place(home, reason) : BB_RANGE;
    if (status != BB_OK)
        return status;
    status = backup_check(from, reason, &manifest);
    if (status != BB_OK)
        return status;
    status = make_home(from, home, manifest, reason);
    if (status == BB_OK)
        *manifest_out = manifest;
    else
        json_decref(manifest);
    return status;
}

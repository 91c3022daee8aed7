#include "agents/bundle/entry.h"
#include "agents/bundle/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What lies in the folder can be anybody's work, nested deeper than a process can open files or call itself.
 * So nothing descends: the folders of a folder are moved up beside it, until the top holds none. */

/* Opens a folder so that what is in it can be taken out; -1 and errno. */
static int open_folder(int parent, const char *name)
{
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
        folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0)
        (void)fchmod(folder, 0700);
    return folder;
}

static bool is_self(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Moves the folder `name` of `from` up into `top` under a name that is not there. */
static bool lift(int from, const char *name, int top)
{
    static unsigned long count;
    char fresh[64];
    int folder = open_folder(from, name); /* a folder that nobody may write cannot be moved */
    if (folder < 0)
        return false;
    close(folder);
    do
        snprintf(fresh, sizeof fresh, ".lifted-%lu", count++);
    while (renameat2(from, name, top, fresh, RENAME_NOREPLACE) < 0 && errno == EEXIST);
    struct stat about;
    return fstatat(from, name, &about, AT_SYMLINK_NOFOLLOW) < 0;
}

/* Unlinks what is in `folder` (taken) but its folders; these are lifted to `top`, or counted when `top` is
 * -1. */
static bool clear(int folder, int top, size_t *folders)
{
    DIR *entries = fdopendir(folder);
    const struct dirent *entry;
    bool good = entries != NULL;
    if (!good)
        close(folder);
    while (good && (entry = readdir(entries)) != NULL) {
        if (is_self(entry->d_name) || unlinkat(dirfd(entries), entry->d_name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno != EISDIR && errno != EPERM)
            good = false;
        else if (top >= 0)
            good = lift(dirfd(entries), entry->d_name, top);
        else
            ++*folders;
    }
    if (entries != NULL)
        closedir(entries);
    return good;
}

/* One pass over the folders of `top`: each is emptied and removed. */
static bool flatten(int top)
{
    int own = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = own >= 0 ? fdopendir(own) : NULL;
    const struct dirent *entry;
    bool good = entries != NULL;
    while (good && (entry = readdir(entries)) != NULL) {
        if (is_self(entry->d_name))
            continue;
        int folder = open_folder(top, entry->d_name);
        good = folder >= 0 && clear(folder, top, NULL) && unlinkat(top, entry->d_name, AT_REMOVEDIR) == 0;
    }
    if (entries != NULL)
        closedir(entries);
    return good;
}

static bool empty(int top)
{
    for (;;) {
        size_t folders = 0;
        int own = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (own < 0 || !clear(own, -1, &folders))
            return false;
        if (folders == 0)
            return true;
        if (!flatten(top))
            return false;
    }
}

enum status folder_remove(int parent, const char *name, struct bb_reason *reason)
{
    char shown[96];
    struct stat about;
    bool good = false;
    if (fstatat(parent, name, &about, AT_SYMLINK_NOFOLLOW) < 0) {
        bb_reason_say(reason, "%s: %s", entry_shown(name, shown), strerror(errno));
        return errno == ENOENT ? BB_NOT_FOUND : BB_IO;
    }
    if (!S_ISDIR(about.st_mode)) {
        good = unlinkat(parent, name, 0) == 0;
    } else {
        int top = open_folder(parent, name);
        good = top >= 0 && empty(top) && unlinkat(parent, name, AT_REMOVEDIR) == 0;
        if (top >= 0)
            close(top);
    }
    if (good)
        return BB_OK;
    bb_reason_say(reason, "%s: cannot be removed: %s", entry_shown(name, shown), strerror(errno));
    return BB_IO;
}

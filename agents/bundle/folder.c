#include "agents/bundle/folder.h"

#include "agents/bundle/entry.h"
#include "agents/bundle/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How the fresh folders and files begin that an unpacking makes: a dot, so that no bundle or agent is named
 * so. */
#define FRESH                                                                                                \
    "."                                                                                                      \
    "fresh-"

static enum status failed(struct bb_reason *reason, const char *name, const char *what)
{
    char shown[96];
    bb_reason_say(reason, "%s: %s: %s", entry_shown(name, shown), what, strerror(errno));
    return BB_IO;
}

static bool write_all(int file, struct bytes data)
{
    while (data.size > 0) {
        ssize_t done = write(file, data.data, data.size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        data = (struct bytes){data.data + done, data.size - (size_t)done};
    }
    return true;
}

/* A new file with these bytes; `forced` to the disk. */
static enum status make_file(int parent, const char *name, struct bytes data, mode_t mode, bool forced,
                             struct bb_reason *reason)
{
    int file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return failed(reason, name, "cannot be made");
    bool good = write_all(file, data) && fchmod(file, mode) == 0 && (!forced || fsync(file) == 0);
    if (close(file) == 0 && good)
        return BB_OK;
    return failed(reason, name, "cannot be written");
}

/* The folders above a file, made as far as they are missing. */
static enum status make_folders(int parent, const char *path, struct bb_reason *reason)
{
    char folder[ENTRY_PATH_MAX + 1];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash - path] = '\0';
        if (mkdirat(parent, folder, 0755) < 0 && errno != EEXIST)
            return failed(reason, folder, "cannot be made");
    }
    return BB_OK;
}

/* Takes the right to write away from the folders of a file, the lowest first; again for each file, which does
 * no harm. */
static enum status close_folders(int parent, const char *path, struct bb_reason *reason)
{
    char folder[ENTRY_PATH_MAX + 1];
    memcpy(folder, path, strlen(path) + 1);
    for (char *slash = strrchr(folder, '/'); slash != NULL; slash = strrchr(folder, '/')) {
        *slash = '\0';
        if (fchmodat(parent, folder, 0555, 0) < 0)
            return failed(reason, folder, "cannot be made read-only");
    }
    return BB_OK;
}

static enum status fill(const struct bundle *bundle, int folder, struct bb_reason *reason)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < bundle->file_count && status == BB_OK; i++) {
        const struct bundle_file *file = &bundle->files[i];
        status = make_folders(folder, file->path, reason);
        if (status == BB_OK)
            status = make_file(folder, file->path, file->data, file->executable ? 0555 : 0444, false, reason);
    }
    for (size_t i = 0; i < bundle->file_count && status == BB_OK; i++)
        status = close_folders(folder, bundle->files[i].path, reason);
    if (status == BB_OK && (fchmod(folder, 0555) < 0 || syncfs(folder) < 0))
        status = failed(reason, ".", "cannot be forced to the disk");
    return status;
}

static void fresh_name(char name[64])
{
    static unsigned count;
    snprintf(name, 64, FRESH "%ld-%u", (long)getpid(), count++);
}

enum status folder_unpack(const struct bundle *bundle, int parent, const char *name, struct bb_reason *reason)
{
    char fresh[64];
    struct stat about;
    if (fstatat(parent, name, &about, AT_SYMLINK_NOFOLLOW) == 0) {
        bb_reason_say(reason, "\"%.80s\" is there already", name);
        return BB_EXISTS;
    }
    fresh_name(fresh);
    (void)!folder_remove(parent, fresh, NULL); /* of a process that had this number before */
    if (mkdirat(parent, fresh, 0700) < 0)
        return failed(reason, fresh, "cannot be made");
    int folder = openat(parent, fresh, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    enum status status =
        folder >= 0 ? fill(bundle, folder, reason) : failed(reason, fresh, "cannot be opened");
    if (folder >= 0)
        close(folder);
    if (status == BB_OK && renameat2(parent, fresh, parent, name, RENAME_NOREPLACE) < 0) {
        bool there = errno == EEXIST;
        (void)failed(reason, name, "cannot be put in its place");
        status = there ? BB_EXISTS : BB_IO;
    }
    if (status == BB_OK && fsync(parent) < 0)
        return failed(reason, name, "cannot be forced to the disk");
    if (status != BB_OK)
        (void)!folder_remove(parent, fresh, NULL);
    return status;
}

struct matching {
    const struct bundle *bundle;
    struct bb_reason *reason;
    size_t found;
};

static int by_path(const void *path, const void *file)
{
    return strcmp(path, ((const struct bundle_file *)file)->path);
}

/* True when the open file holds exactly these bytes. */
static bool holds(int file, struct bytes data)
{
    uint8_t piece[65536];
    ssize_t got;
    while ((got = read(file, piece, sizeof piece)) > 0) {
        if ((size_t)got > data.size || memcmp(piece, data.data, (size_t)got) != 0)
            return false;
        data = (struct bytes){data.data + got, data.size - (size_t)got};
    }
    return got == 0 && data.size == 0;
}

static enum status match(void *context, const char *path, int file, const struct stat *about)
{
    struct matching *m = context;
    const struct bundle_file *own =
        bsearch(path, m->bundle->files, m->bundle->file_count, sizeof *m->bundle->files, by_path);
    char shown[96];
    const char *what = own == NULL ? "is not of the bundle"
                       : own->executable != ((about->st_mode & 0111) != 0)
                           ? "has another mode than in the bundle"
                       : !holds(file, own->data) ? "has other bytes than in the bundle"
                                                 : NULL;
    m->found++;
    if (what != NULL)
        bb_reason_say(m->reason, "%s %s", entry_shown(path, shown), what);
    return what == NULL ? BB_OK : BB_MALFORMED;
}

enum status folder_matches(const struct bundle *bundle, int parent, const char *name,
                           struct bb_reason *reason)
{
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct matching matching = {.bundle = bundle, .reason = reason};
    if (folder < 0) {
        bool missing = errno == ENOENT;
        enum status status = failed(reason, name, "cannot be opened");
        return missing ? BB_NOT_FOUND : status;
    }
    enum status status = walk_folder(folder, match, &matching, reason);
    close(folder);
    if (status == BB_OK && matching.found != bundle->file_count) {
        bb_reason_say(reason, "\"%.80s\" has %zu of the bundle's %zu files", name, matching.found,
                      bundle->file_count);
        return BB_MALFORMED;
    }
    return status;
}

enum status folder_store(int parent, const char *name, struct bytes data, unsigned mode,
                         struct bb_reason *reason)
{
    char fresh[64];
    fresh_name(fresh);
    (void)unlinkat(parent, fresh, 0);
    enum status status = make_file(parent, fresh, data, (mode_t)mode, true, reason);
    if (status == BB_OK && renameat(parent, fresh, parent, name) < 0)
        status = failed(reason, name, "cannot be put in its place");
    if (status == BB_OK && fsync(parent) < 0)
        return failed(reason, name, "cannot be forced to the disk");
    if (status != BB_OK)
        (void)unlinkat(parent, fresh, 0);
    return status;
}

size_t folder_sweep(int parent)
{
    int own = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = own >= 0 ? fdopendir(own) : NULL;
    const struct dirent *entry;
    size_t count = 0;
    while (entries != NULL && (entry = readdir(entries)) != NULL)
        if (strncmp(entry->d_name, FRESH, strlen(FRESH)) == 0 &&
            folder_remove(parent, entry->d_name, NULL) == BB_OK)
            count++;
    if (entries != NULL)
        closedir(entries);
    return count;
}

#include "agents/bundle/walk.h"

#include "agents/bundle/entry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct walk {
    walk_visit *visit;
    void *context;
    struct bb_reason *reason;
    char path[ENTRY_PATH_MAX + 1];
};

static enum status wrong(const struct walk *walk, enum status status, const char *what)
{
    char shown[96];
    bb_reason_say(walk->reason, "%s %s", entry_shown(walk->path, shown), what);
    return status;
}

static enum status visit_folder(struct walk *walk, int folder);

static enum status visit_entry(struct walk *walk, int parent, const char *name)
{
    struct stat about;
    const char *what = entry_path_wrong(walk->path);
    if (what != NULL)
        return wrong(walk, BB_MALFORMED, what);
    int file = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 && errno == ELOOP)
        return wrong(walk, BB_MALFORMED, "is a link: a bundle has plain files alone");
    if (file < 0 && errno == ENXIO)
        return wrong(walk, BB_MALFORMED, "is a device or another special file");
    if (file < 0 || fstat(file, &about) < 0) {
        enum status status = wrong(walk, BB_IO, strerror(errno));
        if (file >= 0)
            close(file);
        return status;
    }
    if (S_ISDIR(about.st_mode))
        return visit_folder(walk, file);
    enum status status = S_ISREG(about.st_mode)
                             ? walk->visit(walk->context, walk->path, file, &about)
                             : wrong(walk, BB_MALFORMED, "is a device or another special file");
    close(file);
    return status;
}

/* Appends a name to the path; false when it does not fit. */
static bool step(struct walk *walk, size_t length, const char *name)
{
    int more = snprintf(walk->path + length, sizeof walk->path - length, "%s%s", length > 0 ? "/" : "", name);
    return more > 0 && (size_t)more < sizeof walk->path - length;
}

/* As deep as a path is long, in steps of two bytes: at most 128 folders are open at a time. Takes the folder.
 */
static enum status visit_folder(struct walk *walk, int folder)
{
    size_t length = strlen(walk->path);
    DIR *entries = fdopendir(folder);
    if (entries == NULL) {
        enum status status = wrong(walk, BB_IO, strerror(errno));
        close(folder);
        return status;
    }
    enum status status = BB_OK;
    const struct dirent *entry;
    while (status == BB_OK && (errno = 0, entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        status = step(walk, length, entry->d_name)
                     ? visit_entry(walk, dirfd(entries), entry->d_name)
                     : wrong(walk, BB_MALFORMED, "has a path of more than 255 bytes");
        walk->path[length] = '\0';
    }
    if (status == BB_OK && errno != 0)
        status = wrong(walk, BB_IO, "cannot be listed");
    closedir(entries);
    return status;
}

enum status walk_folder(int folder, walk_visit *visit, void *context, struct bb_reason *reason)
{
    struct walk walk = {.visit = visit, .context = context, .reason = reason};
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a place in the list of its own */
    if (own >= 0)
        return visit_folder(&walk, own);
    bb_reason_say(reason, "the folder: %s", strerror(errno));
    return BB_IO;
}

#include "agents/host/parcel_file.h"

#include <busbar/check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A walk through a state folder: measures, or writes into `to` when there is one. */
struct walk {
    FILE *to; /* NULL: only measures */
    const atomic_bool *stop;
    struct bb_reason *reason;
    size_t entries, depth;
    int64_t bytes;
};

static enum status fail(struct walk *walk, const char *path)
{
    bb_reason_say(walk->reason, "%.400s: %s", path, strerror(errno));
    return BB_IO;
}

/* -- names of a folder, sorted ----------------------------------------------------------------------------
 */

struct names {
    char **items;
    size_t count, capacity;
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

static void add_name(struct names *names, const char *name)
{
    if (names->count == names->capacity) {
        names->capacity = names->capacity == 0 ? 16 : 2 * names->capacity;
        names->items = reallocarray(names->items, names->capacity, sizeof *names->items);
        CHECK(names->items != NULL);
    }
    names->items[names->count] = strdup(name);
    CHECK(names->items[names->count] != NULL);
    names->count++;
}

/* The names of an open folder; more than PARCEL_ENTRIES_MAX are left out, and told of when they are counted.
 */
static enum status list(struct walk *walk, int folder, const char *path, struct names *out)
{
    int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
    if (stream == NULL) {
        if (copy >= 0)
            close(copy);
        return fail(walk, path);
    }
    const struct dirent *entry;
    rewinddir(stream);
    while (out->count <= PARCEL_ENTRIES_MAX && (entry = readdir(stream)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            add_name(out, entry->d_name);
    closedir(stream);
    if (out->count > 0)
        qsort(out->items, out->count, sizeof *out->items, by_bytes);
    return BB_OK;
}

/* -- entries ----------------------------------------------------------------------------------------------
 */

static enum status count(struct walk *walk, const char *path, int64_t bytes)
{
    walk->bytes += bytes;
    if (walk->stop != NULL && atomic_load(walk->stop)) {
        bb_reason_say(walk->reason, "stopped");
        return BB_INTERRUPTED;
    }
    if (!parcel_is_path(path)) {
        bb_reason_say(walk->reason, "%.400s: a name with control characters, or too long, cannot be moved",
                      path);
        return BB_RANGE;
    }
    if (++walk->entries > PARCEL_ENTRIES_MAX || walk->bytes > PARCEL_STATE_MAX) {
        bb_reason_say(walk->reason,
                      "its state is larger than %d MiB or has more than %d files: it cannot be moved",
                      (int)(PARCEL_STATE_MAX / 1024 / 1024), PARCEL_ENTRIES_MAX);
        return BB_FULL;
    }
    return BB_OK;
}

/* Exactly `size` bytes: a file that changes meanwhile is no saved state. */
static enum status copy(struct walk *walk, int file, const char *path, int64_t size)
{
    char piece[65536];
    ssize_t got = 1;
    while (size > 0 && got > 0) {
        got = read(file, piece, (size_t)(size < (int64_t)sizeof piece ? size : (int64_t)sizeof piece));
        if (got > 0 && fwrite(piece, 1, (size_t)got, walk->to) != (size_t)got)
            return fail(walk, "the parcel");
        size -= got > 0 ? got : 0;
        if (walk->stop != NULL && atomic_load(walk->stop)) {
            bb_reason_say(walk->reason, "stopped");
            return BB_INTERRUPTED;
        }
    }
    if (got < 0)
        return fail(walk, path);
    if (size > 0 || read(file, piece, 1) > 0) {
        bb_reason_say(walk->reason, "%.400s: changes while it is packed", path);
        return BB_IO;
    }
    return BB_OK;
}

static enum status put_file(struct walk *walk, int folder, const char *name, const char *path,
                            const struct stat *about)
{
    if (walk->to == NULL)
        return BB_OK;
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return fail(walk, path);
    fprintf(walk->to, "F %04o %lld %s\n", (unsigned)(about->st_mode & 0777), (long long)about->st_size, path);
    enum status status = copy(walk, file, path, about->st_size);
    close(file);
    return status;
}

static enum status put_folder(struct walk *walk, int parent, const char *name, const char *path);

static enum status put_entry(struct walk *walk, int folder, const char *name, const char *path)
{
    struct stat about;
    if (fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(walk, path);
    bool plain = S_ISREG(about.st_mode);
    if (!plain && !S_ISDIR(about.st_mode)) {
        bb_reason_say(walk->reason, "%.400s: neither a plain file nor a folder: it cannot be moved", path);
        return BB_RANGE;
    }
    enum status status = count(walk, path, plain ? about.st_size : 0);
    if (status != BB_OK)
        return status;
    if (plain)
        return put_file(walk, folder, name, path, &about);
    if (walk->to != NULL)
        fprintf(walk->to, "D %04o 0 %s\n", (unsigned)(about.st_mode & 0777), path);
    return put_folder(walk, folder, name, path);
}

static enum status put_folder(struct walk *walk, int parent, const char *name, const char *path)
{
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct names names = {NULL, 0, 0};
    char below[PARCEL_PATH_MAX + 1];
    if (folder < 0)
        return fail(walk, path);
    enum status status = list(walk, folder, path, &names);
    if (status == BB_OK && ++walk->depth > PARCEL_DEPTH_MAX) {
        bb_reason_say(walk->reason, "%.400s: more than %d folders deep: it cannot be moved", path,
                      PARCEL_DEPTH_MAX);
        status = BB_RANGE;
    }
    for (size_t i = 0; i < names.count && status == BB_OK; i++) {
        int size = snprintf(below, sizeof below, "%s/%s", path, names.items[i]);
        if (size < 0 || (size_t)size >= sizeof below) {
            bb_reason_say(walk->reason, "%.400s: its names are too long: it cannot be moved", path);
            status = BB_RANGE;
        } else {
            status = put_entry(walk, folder, names.items[i], below);
        }
    }
    walk->depth--;
    free_names(&names);
    close(folder);
    return status;
}

static enum status put_state(struct walk *walk, const char *state)
{
    struct stat about;
    if (lstat(state, &about) != 0 && errno == ENOENT)
        return BB_OK;
    if (walk->to != NULL)
        fprintf(walk->to, "D 0700 0 " PARCEL_STATE "\n");
    return put_folder(walk, AT_FDCWD, state, PARCEL_STATE);
}

enum status parcel_measure(const char *state, struct bb_reason *reason, int64_t *bytes_out)
{
    struct walk walk = {.reason = reason};
    enum status status = put_state(&walk, state);
    if (status == BB_OK)
        *bytes_out = walk.bytes;
    return status;
}

/* -- packing ----------------------------------------------------------------------------------------------
 */

static enum status put_bundle(struct walk *walk, const char *bundle)
{
    struct stat about;
    int file = open(bundle, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0 || fstat(file, &about) != 0) {
        enum status status = fail(walk, bundle);
        if (file >= 0)
            close(file);
        return status;
    }
    fprintf(walk->to, "F 0600 %lld " PARCEL_BUNDLE "\n", (long long)about.st_size);
    enum status status = copy(walk, file, bundle, about.st_size);
    close(file);
    return status;
}

static enum status write_all(struct walk *walk, const char *bundle, const char *about, const char *state)
{
    fprintf(walk->to, PARCEL_HEAD);
    enum status status = put_bundle(walk, bundle);
    if (status == BB_OK) {
        fprintf(walk->to, "F 0600 %zu " PARCEL_ABOUT "\n%s", strlen(about), about);
        status = put_state(walk, state);
    }
    if (status == BB_OK)
        fprintf(walk->to, "E\n");
    return status;
}

enum status parcel_pack(const char *bundle, const char *about, const char *state, const char *to,
                        const atomic_bool *stop, struct bb_reason *reason, int64_t *size_out,
                        char sha256_out[PARCEL_SHA256_SIZE])
{
    struct walk walk = {.stop = stop, .reason = reason};
    int file = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    walk.to = file >= 0 ? fdopen(file, "w") : NULL;
    if (walk.to == NULL) {
        if (file >= 0)
            close(file);
        return fail(&walk, to);
    }
    enum status status = write_all(&walk, bundle, about, state);
    bool written = fflush(walk.to) == 0 && !ferror(walk.to);
    if (fclose(walk.to) != 0 || !written)
        status = status == BB_OK ? fail(&walk, to) : status;
    return status == BB_OK ? parcel_hash(to, reason, size_out, sha256_out) : status;
}

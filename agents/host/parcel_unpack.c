#include "agents/host/parcel_file.h"

#include "ledger/crypto/hash.h"
#include "ledger/crypto/hex.h"

#include <busbar/check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The longest line: a letter, a mode, a size, a path. */
#define LINE_SIZE (PARCEL_PATH_MAX + 64)
/* Bundle, text and state, and room for the lines. */
#define ALL_MAX (PARCEL_STATE_MAX + 128ll * 1024 * 1024)

bool parcel_is_path(const char *path)
{
    size_t size = strlen(path), start = 0;
    if (size == 0 || size > PARCEL_PATH_MAX || path[0] == '/' || path[size - 1] == '/')
        return false;
    for (size_t i = 0; i <= size; i++) {
        if (path[i] != '\0' && ((unsigned char)path[i] < ' ' || path[i] == 0x7f))
            return false;
        if (path[i] != '/' && path[i] != '\0')
            continue;
        size_t part = i - start;
        if (part == 0 || (part == 1 && path[start] == '.') ||
            (part == 2 && path[start] == '.' && path[start + 1] == '.'))
            return false;
        start = i + 1;
    }
    return true;
}

static enum status fail(struct bb_reason *reason, const char *path)
{
    bb_reason_say(reason, "%.400s: %s", path, strerror(errno));
    return BB_IO;
}

enum status parcel_hash(const char *path, struct bb_reason *reason, int64_t *size_out,
                        char sha256_out[PARCEL_SHA256_SIZE])
{
    char text[HEX_HASH];
    struct hash hash;
    uint64_t size;
    int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return fail(reason, path);
    bool good = hash_sha256_file(file, &hash, &size);
    enum status status = good ? BB_OK : fail(reason, path);
    close(file);
    if (!good)
        return status;
    hex_format((struct bytes){hash.bytes, sizeof hash.bytes}, text);
    memcpy(sha256_out, text + 2, PARCEL_SHA256_SIZE);
    *size_out = (int64_t)size;
    return BB_OK;
}

/* -- reading entries ------------------------------------------------------------------------------------- */

struct entry {
    char kind;
    unsigned mode;
    int64_t size;
    char path[PARCEL_PATH_MAX + 1];
};

struct unpacking {
    FILE *from;
    int to; /* the open folder */
    const atomic_bool *stop;
    struct bb_reason *reason;
    size_t entries;
    int64_t bytes;
};

static enum status refuse(const struct unpacking *u, const char *what, const char *path)
{
    bb_reason_say(u->reason, "the parcel: %s%s%.400s", what, path[0] != '\0' ? ": " : "", path);
    return BB_MALFORMED;
}

static bool is_belonging(const char *path)
{
    static const char below[] = PARCEL_STATE "/";
    return strcmp(path, PARCEL_BUNDLE) == 0 || strcmp(path, PARCEL_ABOUT) == 0 ||
           strcmp(path, PARCEL_STATE) == 0 || strncmp(path, below, sizeof below - 1) == 0;
}

/* `F 0600 12 path`, without its line end. */
static bool parse(const char *line, struct entry *out)
{
    char *end;
    if ((line[0] != 'F' && line[0] != 'D') || line[1] != ' ' || strspn(line + 2, "01234567") != 4 ||
        line[6] != ' ' || line[7] < '0' || line[7] > '9')
        return false;
    out->kind = line[0];
    out->mode = (unsigned)strtoul(line + 2, NULL, 8);
    errno = 0;
    out->size = strtoll(line + 7, &end, 10);
    if (errno != 0 || *end != ' ' || (out->kind == 'D' && out->size != 0) ||
        strlen(end + 1) > PARCEL_PATH_MAX)
        return false;
    memcpy(out->path, end + 1, strlen(end + 1) + 1);
    return out->mode <= 0777 && parcel_is_path(out->path) && is_belonging(out->path);
}

static enum status take_bytes(struct unpacking *u, int file, int64_t size)
{
    char piece[65536];
    while (size > 0) {
        size_t want = (size_t)(size < (int64_t)sizeof piece ? size : (int64_t)sizeof piece);
        if (atomic_load(u->stop)) {
            bb_reason_say(u->reason, "stopped");
            return BB_INTERRUPTED;
        }
        if (fread(piece, 1, want, u->from) != want)
            return refuse(u, "it ends too early", "");
        for (size_t done = 0; done < want;) {
            ssize_t put = write(file, piece + done, want - done);
            if (put < 0 && errno != EINTR)
                return fail(u->reason, "a file of the parcel");
            done += put > 0 ? (size_t)put : 0;
        }
        size -= (int64_t)want;
    }
    return BB_OK;
}

/* Nothing that is there is overwritten: the folder is new, so what is there came twice. */
static enum status take_entry(struct unpacking *u, const struct entry *entry)
{
    u->bytes += entry->size;
    if (++u->entries > PARCEL_ENTRIES_MAX + 3 || u->bytes > ALL_MAX) {
        bb_reason_say(u->reason, "the parcel is too large");
        return BB_FULL;
    }
    if (entry->kind == 'D')
        return mkdirat(u->to, entry->path, entry->mode | 0700) == 0 ? BB_OK : fail(u->reason, entry->path);
    int file =
        openat(u->to, entry->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, entry->mode | 0600);
    if (file < 0)
        return errno == EEXIST ? refuse(u, "it comes twice", entry->path) : fail(u->reason, entry->path);
    enum status status = take_bytes(u, file, entry->size);
    if (fchmod(file, entry->mode | 0600) != 0 && status == BB_OK)
        status = fail(u->reason, entry->path);
    if (close(file) != 0 && status == BB_OK)
        status = fail(u->reason, entry->path);
    return status;
}

static enum status take_all(struct unpacking *u)
{
    char line[LINE_SIZE];
    struct entry entry;
    if (fgets(line, sizeof line, u->from) == NULL || strcmp(line, PARCEL_HEAD) != 0)
        return refuse(u, "of another version, or none", "");
    for (;;) {
        if (fgets(line, sizeof line, u->from) == NULL)
            return refuse(u, "it ends too early", "");
        if (strcmp(line, "E\n") == 0)
            return fgetc(u->from) == EOF ? BB_OK : refuse(u, "something follows its end", "");
        size_t length = strlen(line);
        if (length == 0 || line[length - 1] != '\n')
            return refuse(u, "a line that is none", "");
        line[length - 1] = '\0';
        if (!parse(line, &entry))
            return refuse(u, "an entry that is none", line);
        enum status status = take_entry(u, &entry);
        if (status != BB_OK)
            return status;
    }
}

static enum status unpack_into(const char *from, int to, const atomic_bool *stop, struct bb_reason *reason)
{
    struct unpacking u = {.to = to, .stop = stop, .reason = reason};
    int file = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    u.from = file >= 0 ? fdopen(file, "r") : NULL;
    if (u.from == NULL) {
        if (file >= 0)
            close(file);
        return fail(reason, from);
    }
    enum status status = take_all(&u);
    fclose(u.from);
    return status == BB_OK && syncfs(to) != 0 ? fail(reason, from) : status;
}

enum status parcel_unpack(const char *from, const char *sha256, const char *to, const atomic_bool *stop,
                          struct bb_reason *reason)
{
    char found[PARCEL_SHA256_SIZE];
    int64_t size;
    enum status status = parcel_hash(from, reason, &size, found);
    if (status != BB_OK)
        return status;
    if (strcmp(found, sha256) != 0) {
        bb_reason_say(reason, "the parcel was altered on the way: its SHA-256 is %s, not %.64s", found,
                      sha256);
        return BB_MALFORMED;
    }
    int folder = mkdir(to, 0700) == 0 ? open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (folder < 0)
        return fail(reason, to);
    status = unpack_into(from, folder, stop, reason);
    close(folder);
    return status;
}

#include "agents/care/copy.h"

#include "ledger/crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 3
#define CHUNK 65536

static enum status say(struct bb_reason *reason, const char *path)
{
    bb_reason_say(reason, "%s: %s", path, strerror(errno));
    return errno == ENOENT ? BB_NOT_FOUND : errno == EEXIST ? BB_EXISTS : BB_IO;
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, data, size);
        if (done < 0)
            return false;
        data += done;
        size -= (size_t)done;
    }
    return true;
}

static bool copy_bytes(int from, int to)
{
    char chunk[CHUNK];
    ssize_t size;
    while ((size = read(from, chunk, sizeof chunk)) > 0)
        if (!write_all(to, chunk, (size_t)size))
            return false;
    return size == 0;
}

static bool still_same(int fd, const struct stat *before)
{
    struct stat now;
    return fstat(fd, &now) == 0 && now.st_size == before->st_size &&
           now.st_mtim.tv_sec == before->st_mtim.tv_sec && now.st_mtim.tv_nsec == before->st_mtim.tv_nsec;
}

/* *still_out: nobody wrote into it meanwhile. */
static enum status copy_once(const char *from, int to, struct bb_reason *reason, bool *still_out)
{
    struct stat before;
    int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return say(reason, from);
    bool done =
        fstat(fd, &before) == 0 && ftruncate(to, 0) == 0 && lseek(to, 0, SEEK_SET) == 0 && copy_bytes(fd, to);
    enum status status = done ? BB_OK : say(reason, from);
    *still_out = done && still_same(fd, &before);
    close(fd);
    return status;
}

enum status copy_file(const char *from, const char *to, struct bb_reason *reason)
{
    bool still = false;
    enum status status = BB_OK;
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return say(reason, to);
    for (int i = 0; i < TRIES && status == BB_OK && !still; i++)
        status = copy_once(from, fd, reason, &still);
    if (status == BB_OK && !still) {
        bb_reason_say(reason, "%s: it is written again and again", from);
        status = BB_TIMEOUT;
    }
    if (status == BB_OK && fsync(fd) != 0)
        status = say(reason, to);
    if (close(fd) != 0 && status == BB_OK)
        status = say(reason, to);
    return status;
}

static void format(const struct hash *hash, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof hash->bytes; i++) {
        text[2 * i] = digits[hash->bytes[i] >> 4];
        text[2 * i + 1] = digits[hash->bytes[i] & 15];
    }
    text[2 * sizeof hash->bytes] = '\0';
}

enum status copy_hash(const char *path, struct bb_reason *reason, char *hash_out, uint64_t *size_out)
{
    struct stat about;
    void *map = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return say(reason, path);
    enum status status = fstat(fd, &about) == 0 ? BB_OK : say(reason, path);
    if (status == BB_OK && !S_ISREG(about.st_mode)) {
        bb_reason_say(reason, "%s: no plain file", path);
        status = BB_IO;
    }
    size_t size = status == BB_OK ? (size_t)about.st_size : 0;
    if (size > 0 && (map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
        status = say(reason, path);
    close(fd);
    if (status != BB_OK)
        return status;
    struct hash hash = hash_sha256(&(struct bytes){map, size}, 1);
    if (size > 0)
        munmap(map, size);
    format(&hash, hash_out);
    *size_out = size;
    return BB_OK;
}

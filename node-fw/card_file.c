#include "node-fw/card_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status file_read(void *context, uint32_t offset, uint8_t *buffer, size_t size)
{
    const struct card_file *file = context;
    while (size > 0) {
        ssize_t n = pread(file->fd, buffer, size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return BB_IO;
        buffer += n;
        offset += (uint32_t)n;
        size -= (size_t)n;
    }
    return BB_OK;
}

static enum status file_write(void *context, uint32_t offset, struct bytes data)
{
    const struct card_file *file = context;
    while (data.size > 0) {
        ssize_t n = pwrite(file->fd, data.data, data.size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return BB_IO;
        data.data += n;
        offset += (uint32_t)n;
        data.size -= (size_t)n;
    }
    return BB_OK;
}

static enum status file_sync(void *context)
{
    const struct card_file *file = context;
    return fdatasync(file->fd) == 0 ? BB_OK : BB_IO;
}

/* Sees to the lock and the size. */
static enum status claim(int fd, bool make)
{
    struct stat st;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? BB_EXISTS : BB_IO;
    if (fstat(fd, &st) != 0)
        return BB_IO;
    off_t size = S_ISREG(st.st_mode) ? st.st_size : lseek(fd, 0, SEEK_END);
    if (size >= (off_t)CARD_SIZE)
        return BB_OK;
    if (!make || !S_ISREG(st.st_mode))
        return BB_RANGE;
    return ftruncate(fd, CARD_SIZE) == 0 ? BB_OK : BB_IO;
}

enum status card_file_open(struct card_file *file, const char *path, bool make)
{
    bool memory = strcmp(path, CARD_MEMORY) == 0;
    int fd = memory ? memfd_create("busbar-card", MFD_CLOEXEC)
                    : open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0600);
    if (fd < 0)
        return errno == ENOENT || errno == ENXIO || errno == ENODEV ? BB_NOT_FOUND : BB_IO;
    enum status status = claim(fd, make || memory);
    if (status != BB_OK) {
        close(fd);
        return status;
    }
    file->fd = fd;
    file->device = (struct card_device){file, file_read, file_write, file_sync};
    return BB_OK;
}

void card_file_close(struct card_file *file)
{
    close(file->fd);
    file->fd = -1;
}

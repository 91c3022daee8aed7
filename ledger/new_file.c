#include "ledger/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

static enum status failed(const char *path, struct bb_reason *reason)
{
    bb_reason_say(reason, "%s: %s", path, strerror(errno));
    return errno == EEXIST ? BB_EXISTS : errno == EACCES ? BB_DENIED : errno == ENOSPC ? BB_FULL : BB_IO;
}

enum status new_file_begin(const char *path, char part_out[BB_PATH_MAX], struct bb_reason *reason)
{
    char part[BB_PATH_MAX];
    if ((size_t)snprintf(part, sizeof part, "%s.part", path) >= sizeof part) {
        bb_reason_say(reason, "the path is longer than %d bytes", BB_PATH_MAX);
        return BB_RANGE;
    }
    if (access(path, F_OK) == 0) {
        bb_reason_say(reason, "%s: there is such a file already", path);
        return BB_EXISTS;
    }
    if (unlink(part) != 0 && errno != ENOENT)
        return failed(part, reason);
    memcpy(part_out, part, sizeof part);
    return BB_OK;
}

static enum status sync_path(const char *path, int flags, struct bb_reason *reason)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return failed(path, reason);
    enum status status = fsync(fd) == 0 ? BB_OK : failed(path, reason);
    close(fd);
    return status;
}

enum status new_file_finish(const char *part, const char *path, struct bb_reason *reason)
{
    enum status status = sync_path(part, O_RDONLY, reason);
    if (status != BB_OK)
        return status;
    if (link(part, path) != 0)
        return failed(path, reason);
    if (unlink(part) != 0)
        return failed(part, reason);
    char folder[BB_PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    return sync_path(dirname(folder), O_RDONLY | O_DIRECTORY, reason);
}

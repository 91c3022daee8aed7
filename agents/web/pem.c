#include "agents/web/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM_MAX 65536

static enum status read_open(int fd, const char *path, bool secret, struct bb_reason *reason, char **out)
{
    struct stat about;
    if (fstat(fd, &about) != 0 || (secret && (about.st_mode & 077) != 0)) {
        bb_reason_say(reason, "%.300s: others can read it; chmod 600 it", path);
        return BB_DENIED;
    }
    char *text = calloc(1, PEM_MAX + 1);
    ssize_t size = text == NULL ? -1 : read(fd, text, PEM_MAX + 1);
    if (size <= 0 || size > PEM_MAX) {
        bb_reason_say(reason, "%.300s: it is empty, longer than %d bytes, or cannot be read", path, PEM_MAX);
        pem_wipe(text);
        return BB_RANGE;
    }
    *out = text;
    return BB_OK;
}

static enum status read_file(const char *path, bool secret, struct bb_reason *reason, char **out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        bb_reason_say(reason, "%.300s: %s", path, strerror(errno));
        return BB_NOT_FOUND;
    }
    enum status status = read_open(fd, path, secret, reason, out);
    close(fd);
    return status;
}

enum status pem_read(const struct settings *settings, struct bb_reason *reason, char **certificate_out,
                     char **key_out)
{
    enum status status = read_file(settings->certificate, false, reason, certificate_out);
    if (status == BB_OK)
        status = read_file(settings->private_key, true, reason, key_out);
    return status;
}

void pem_wipe(char *key)
{
    if (key != NULL)
        explicit_bzero(key, strlen(key));
    free(key);
}

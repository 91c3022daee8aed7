#include "agents/cli/input.h"

#include "agents/cli/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum status input_read_from(int fd, const char *name, size_t max, struct bb_reason *reason, struct input *out)
{
    /* One byte more than may come, to see that there is one too many; allocated once, so that wiping is all.
     */
    struct input input = {malloc(max + 2), 0};
    if (input.text == NULL)
        return call_reason(reason, BB_IO, "%s: no memory", name);
    ssize_t got = 1;
    while (got > 0 && input.size <= max) {
        got = read(fd, input.text + input.size, max + 1 - input.size);
        if (got > 0)
            input.size += (size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    if (got < 0 || input.size > max) {
        int error = errno;
        bool failed = got < 0;
        input_wipe(&input);
        if (failed)
            return call_reason(reason, BB_IO, "%s: %s", name, strerror(error));
        return call_reason(reason, BB_FULL, "%s: more than %zu bytes", name, max);
    }
    input.text[input.size] = '\0';
    *out = input;
    return BB_OK;
}

enum status input_read(const char *path, size_t max, struct bb_reason *reason, struct input *out)
{
    if (strcmp(path, "-") == 0)
        return input_read_from(STDIN_FILENO, "standard input", max, reason, out);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return call_reason(reason, errno == ENOENT ? BB_NOT_FOUND : BB_IO, "%s: %s", path, strerror(errno));
    enum status status = input_read_from(fd, path, max, reason, out);
    close(fd);
    return status;
}

void input_wipe(struct input *input)
{
    if (input->text != NULL)
        explicit_bzero(input->text, input->size);
    free(input->text);
    *input = (struct input){NULL, 0};
}

#include "node-fw/store.h"

#include "node-fw/node/decimal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(BB_PATH_MAX >= PATH_MAX, "realpath writes PATH_MAX bytes");

/* Reads at most `capacity` bytes of a file. BB_NOT_FOUND, BB_IO, BB_FULL. */
static enum status read_file(const char *path, uint8_t *buffer, size_t capacity, struct bytes *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? BB_NOT_FOUND : BB_IO;
    size_t size = 0;
    ssize_t n = 1;
    while (n > 0 && size < capacity) {
        n = read(fd, buffer + size, capacity - size);
        if (n > 0)
            size += (size_t)n;
    }
    close(fd);
    if (n < 0)
        return BB_IO;
    *out = (struct bytes){buffer, size};
    return n > 0 ? BB_FULL : BB_OK;
}

static void sync_folder_of(const char *path)
{
    char folder[BB_PATH_MAX];
    const char *slash = strrchr(path, '/');
    int size = slash ? (int)(slash - path) : 0;
    snprintf(folder, sizeof folder, "%.*s/", size, path);
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd); /* some file systems cannot; the rename is atomic all the same */
        close(fd);
    }
}

static bool write_all(int fd, struct bytes text)
{
    while (text.size > 0) {
        ssize_t n = write(fd, text.data, text.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text.data += n;
        text.size -= (size_t)n;
    }
    return fsync(fd) == 0;
}

static enum status replace_file(const char *path, struct bytes text)
{
    char fresh[BB_PATH_MAX + 8];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return BB_IO;
    bool whole = write_all(fd, text);
    whole = close(fd) == 0 && whole;
    if (!whole || rename(fresh, path) != 0) {
        unlink(fresh);
        return BB_IO;
    }
    sync_folder_of(path);
    return BB_OK;
}

static enum status complain(struct settings_error *error, const char *text, enum status status)
{
    *error = (struct settings_error){.line = 0};
    snprintf(error->text, sizeof error->text, "%s", text);
    return status;
}

/* The state file's path: as given when absolute, else beside the board's own file. */
static bool place_state(struct store *s, const char *state)
{
    size_t folder = state[0] == '/' ? 0 : (size_t)(strrchr(s->board, '/') + 1 - s->board);
    int size = snprintf(s->state, sizeof s->state, "%.*s%s", (int)folder, s->board, state);
    return size > 0 && (size_t)size < sizeof s->state;
}

enum status store_open(const char *path, struct store *s, struct settings_error *error, struct settings *out)
{
    uint8_t buffer[SETTINGS_TEXT_MAX + 1];
    struct bytes text;
    if (!realpath(path, s->board))
        return complain(error, strerror(errno), errno == ENOENT ? BB_NOT_FOUND : BB_IO);
    enum status status = read_file(s->board, buffer, sizeof buffer, &text);
    if (status == BB_FULL)
        return complain(error, "the file is longer than 4096 bytes", BB_RANGE);
    if (status != BB_OK)
        return complain(error, "the file cannot be read", status);
    struct settings settings;
    status = settings_parse(text, error, &settings);
    if (status != BB_OK)
        return status;
    if (settings.state[0] == '\0')
        return complain(error, "state: is missing", BB_MALFORMED);
    if (!place_state(s, settings.state))
        return complain(error, "the path of the state file is too long", BB_RANGE);
    *out = settings;
    return BB_OK;
}

enum status store_counter(const struct store *s, uint16_t counter)
{
    uint8_t buffer[16];
    struct writer w = writer_at(buffer, sizeof buffer);
    decimal_write(&w, counter, 0);
    write_u8(&w, '\n');
    return replace_file(s->state, written(&w));
}

enum status store_next_boot(const struct store *s, uint16_t *counter_out)
{
    uint8_t buffer[16];
    struct bytes text = {buffer, 0};
    uint32_t counter = 0;
    enum status status = read_file(s->state, buffer, sizeof buffer, &text);
    if (status == BB_IO)
        return BB_IO;
    if (status != BB_NOT_FOUND) {
        if (text.size > 0 && text.data[text.size - 1] == '\n')
            text.size--;
        if (decimal_parse(text, 0, &counter) != BB_OK || counter >= UINT16_MAX)
            return BB_MALFORMED;
    }
    uint16_t next = (uint16_t)(counter + 1);
    status = store_counter(s, next);
    if (status == BB_OK)
        *counter_out = next;
    return status;
}

enum status store_parameters(const struct store *s, const struct curve_parameters *parameters)
{
    uint8_t old[SETTINGS_TEXT_MAX], fresh[SETTINGS_TEXT_MAX];
    struct bytes text;
    enum status status = read_file(s->board, old, sizeof old, &text);
    if (status != BB_OK && !(status == BB_FULL && text.size == sizeof old))
        return BB_IO;
    struct writer w = writer_at(fresh, sizeof fresh);
    status = settings_rewrite(text, parameters, &w);
    return status == BB_OK ? replace_file(s->board, written(&w)) : status;
}

#include "agents/cli/blob.h"

#include "ledger/crypto/hex.h"

#include <busbar/check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum status blob_read(const char *path, size_t limit, struct bb_reason *reason, uint8_t **data_out,
                      size_t *size_out)
{
    struct stat found;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return call_reason(reason, errno == ENOENT ? BB_NOT_FOUND : BB_IO, "%s: %s", path, strerror(errno));
    if (fstat(fileno(file), &found) != 0 || !S_ISREG(found.st_mode) || (uintmax_t)found.st_size > limit) {
        fclose(file);
        return call_reason(reason, BB_RANGE, "%s is no file of at most %zu bytes", path, limit);
    }
    size_t size = (size_t)found.st_size;
    uint8_t *data = malloc(size + 1);
    bool whole = data != NULL && fread(data, 1, size, file) == size;
    fclose(file);
    if (!whole) {
        free(data);
        return call_reason(reason, BB_IO, "%s cannot be read whole", path);
    }
    *data_out = data;
    *size_out = size;
    return BB_OK;
}

enum status blob_of_json(const json_t *text, uint8_t **data_out, size_t *size_out)
{
    const char *digits = json_string_value(text);
    if (digits == NULL)
        return BB_MALFORMED;
    size_t capacity = strlen(digits) / 2 + 1;
    uint8_t *data = malloc(capacity);
    if (data == NULL || hex_parse_some(digits, data, capacity, size_out) != BB_OK) {
        free(data);
        return BB_MALFORMED;
    }
    *data_out = data;
    return BB_OK;
}

json_t *blob_to_json(struct bytes bytes)
{
    char *text = malloc(2 * bytes.size + 3);
    CHECK(text != NULL);
    hex_format(bytes, text);
    json_t *json = json_string(text);
    free(text);
    return json;
}

enum exit_code blob_writable(const struct call *call, const char *path)
{
    struct stat found;
    bool there = stat(path, &found) == 0;
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    CHECK(folder != NULL);
    bool good = there ? !S_ISDIR(found.st_mode) && access(path, W_OK) == 0 : access(folder, W_OK | X_OK) == 0;
    int failure = there && S_ISDIR(found.st_mode) ? EISDIR : errno;
    free(folder);
    return good ? EXIT_DONE : call_fail(call, EXIT_FAILED, "%s: %s", path, strerror(failure));
}

enum exit_code blob_write(const struct call *call, const char *path, struct bytes bytes)
{
    if (path == NULL && isatty(STDOUT_FILENO))
        return call_fail(call, EXIT_USAGE, "these are bytes, no text for a terminal; give --output FILE");
    FILE *file = path == NULL ? stdout : fopen(path, "we");
    bool done = file != NULL && fwrite(bytes.data, 1, bytes.size, file) == bytes.size && fflush(file) == 0;
    int failure = errno;
    if (file != NULL && path != NULL && fclose(file) != 0)
        done = false;
    if (!done)
        return call_fail(call, EXIT_FAILED, "%s: %s", path == NULL ? "standard output" : path,
                         strerror(failure));
    return EXIT_DONE;
}

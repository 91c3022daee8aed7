#include "agents/cli/archive_file.h"

#include "ledger/core/block.h"

#include <busbar/check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#define GENESIS_BYTES_MAX (UINT64_C(128) * 1024 * 1024)

static enum status malformed(const struct archive_file *a, struct bb_reason *reason, const char *what)
{
    bb_reason_say(reason, "%s: %s, at byte %" PRIu64, a->path, what, a->read);
    return BB_MALFORMED;
}

/* Reads `size` bytes into the room of the archive; NULL when they are not there. */
static const uint8_t *take(struct archive_file *a, uint64_t size)
{
    if (size > a->size - a->read)
        return NULL;
    if (size > a->capacity) {
        a->capacity = (size_t)size;
        a->data = realloc(a->data, a->capacity);
        CHECK(a->data != NULL);
    }
    if (fread(a->data, 1, (size_t)size, a->file) != size)
        return NULL;
    a->read += size;
    return a->data;
}

/* Reads an integer of `size` bytes. */
static bool take_uint(struct archive_file *a, size_t size, uint64_t *out)
{
    const uint8_t *data = take(a, size);
    if (data == NULL)
        return false;
    struct reader reader = reader_at((struct bytes){data, size});
    *out = read_uint(&reader, size);
    return true;
}

static enum status read_genesis(struct archive_file *a, struct bb_reason *reason, struct bytes *out)
{
    uint64_t magic, size;
    if (!take_uint(a, 4, &magic) || magic != 0x31584542) /* "BEX1" */
        return malformed(a, reason, "this is no exported chain");
    if (!take_uint(a, 8, &size) || size > GENESIS_BYTES_MAX)
        return malformed(a, reason, "the genesis has no length that could be");
    const uint8_t *data = take(a, size);
    if (data == NULL)
        return malformed(a, reason, "the genesis is cut off");
    *out = (struct bytes){data, (size_t)size};
    return BB_OK;
}

enum status archive_file_open(const char *path, struct bb_reason *reason, struct archive_file *out,
                              struct bytes *genesis_out)
{
    struct archive_file a = {.path = path};
    struct stat found;
    a.file = fopen(path, "re");
    if (a.file == NULL) {
        bb_reason_say(reason, "%s: %m", path);
        return errno == ENOENT ? BB_NOT_FOUND : BB_IO;
    }
    enum status status = BB_IO;
    if (fstat(fileno(a.file), &found) == 0 && S_ISREG(found.st_mode)) {
        a.size = (uint64_t)found.st_size;
        status = read_genesis(&a, reason, genesis_out);
    } else {
        bb_reason_say(reason, "%s is no file", path);
    }
    if (status != BB_OK)
        archive_file_close(&a);
    else
        *out = a;
    return status;
}

void archive_file_close(struct archive_file *archive)
{
    fclose(archive->file);
    free(archive->data);
}

enum status archive_file_next(struct archive_file *a, struct bb_reason *reason, struct bytes *block_out)
{
    uint64_t size;
    if (!take_uint(a, 4, &size) || size > BLOCK_BYTES_MAX)
        return malformed(a, reason, "a block has no length that could be, or the file is cut off");
    const uint8_t *data = size == 0 ? NULL : take(a, size);
    if (size > 0 && data == NULL)
        return malformed(a, reason, "a block is cut off");
    *block_out = (struct bytes){data, (size_t)size};
    return BB_OK;
}

enum status archive_file_end(struct archive_file *a, struct bb_reason *reason, struct hash *hash_out)
{
    const uint8_t *data = take(a, sizeof hash_out->bytes);
    if (data == NULL || a->read != a->size)
        return malformed(a, reason, "the end is cut off, or something follows it");
    memcpy(hash_out->bytes, data, sizeof hash_out->bytes);
    return BB_OK;
}

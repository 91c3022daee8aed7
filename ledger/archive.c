#include "ledger/archive.h"

#include "ledger/checkpoint.h"
#include "ledger/core/genesis.h"
#include "ledger/new_file.h"
#include "ledger/replay.h"
#include "ledger/store_inside.h"

#include <busbar/check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC       "BEX1"
#define GENESIS_MAX (UINT32_C(1) << 30)
#define BATCH_BYTES (8 * 1024 * 1024) /* of blocks in one transaction of the database */
#define TOLD_EVERY  256               /* blocks */

/* -- export -------------------------------------------------------------------------------------------- */

static bool put(FILE *file, struct bytes bytes)
{
    return fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
}

static bool put_number(FILE *file, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    struct writer writer = writer_at(bytes, sizeof bytes);
    write_uint(&writer, value, size);
    return put(file, written(&writer));
}

static enum status write_failed(const char *path, struct bb_reason *reason)
{
    bb_reason_say(reason, "%s: %s", path, strerror(errno));
    return errno == ENOSPC ? BB_FULL : BB_IO;
}

static enum status write_blocks(struct store *store, FILE *file, const char *path, archive_progress *progress,
                                void *context, struct bb_reason *reason)
{
    uint64_t height = store_height(store);
    for (uint64_t i = 1; i <= height; i++) {
        uint8_t *bytes;
        size_t size;
        enum status status = store_block(store, i, reason, &bytes, &size);
        if (status != BB_OK)
            return status;
        bool right = put_number(file, size, 4) && put(file, (struct bytes){bytes, size});
        free(bytes);
        if (!right)
            return write_failed(path, reason);
        if (progress != NULL && (i % TOLD_EVERY == 0 || i == height))
            progress(context, i, height);
    }
    return BB_OK;
}

static enum status write_all(struct store *store, FILE *file, const char *path, archive_progress *progress,
                             void *context, struct bb_reason *reason)
{
    struct bytes genesis = store_genesis(store);
    if (!put(file, bytes_of(MAGIC)) || !put_number(file, genesis.size, 8) || !put(file, genesis))
        return write_failed(path, reason);
    enum status status = write_blocks(store, file, path, progress, context, reason);
    if (status != BB_OK)
        return status;
    if (!put_number(file, 0, 4) || !put(file, (struct bytes){store->head.bytes, sizeof store->head.bytes}) ||
        fflush(file) != 0)
        return write_failed(path, reason);
    return BB_OK;
}

enum status archive_export(struct store *store, const char *path, archive_progress *progress, void *context,
                           struct bb_reason *reason, uint64_t *height_out)
{
    char part[BB_PATH_MAX];
    enum status status = new_file_begin(path, part, reason);
    if (status != BB_OK)
        return status;
    FILE *file = fopen(part, "wbe");
    if (file == NULL)
        return write_failed(part, reason);
    status = write_all(store, file, part, progress, context, reason);
    if (fclose(file) != 0 && status == BB_OK)
        status = write_failed(part, reason);
    if (status == BB_OK)
        status = new_file_finish(part, path, reason);
    if (status != BB_OK)
        unlink(part);
    else
        *height_out = store_height(store);
    return status;
}

/* -- import -------------------------------------------------------------------------------------------- */

struct import {
    FILE *file;
    const char *name;
    struct bytes known; /* genesis; empty: any */
    struct store *store;
    struct chain *chain;
    struct hash last; /* of the block that was read last */
    size_t batch;
    archive_progress *progress;
    void *context;
};

static enum status cut(const struct import *import, uint64_t height, struct bb_reason *reason)
{
    bb_reason_say(reason, "%s: the file is cut off or altered at block %llu", import->name,
                  (unsigned long long)height);
    return ferror(import->file) ? BB_IO : BB_MALFORMED;
}

static bool get(FILE *file, void *out, size_t size)
{
    return fread(out, 1, size, file) == size;
}

static bool get_number(FILE *file, size_t size, uint64_t *out)
{
    uint8_t bytes[8];
    if (!get(file, bytes, size))
        return false;
    struct reader reader = reader_at((struct bytes){bytes, size});
    *out = read_uint(&reader, size);
    return true;
}

static enum status from_file(void *context, uint64_t height, struct bb_reason *reason, uint8_t **bytes_out,
                             size_t *size_out)
{
    struct import *import = context;
    uint64_t size;
    if (!get_number(import->file, 4, &size) || size > BLOCK_BYTES_MAX)
        return cut(import, height, reason);
    if (size == 0) {
        struct hash last;
        if (!get(import->file, &last, sizeof last) || !hash_equal(&last, &import->last) ||
            fgetc(import->file) != EOF)
            return cut(import, height, reason);
        return BB_NOT_FOUND;
    }
    uint8_t *bytes = malloc(size);
    CHECK(bytes != NULL);
    if (size < BLOCK_HEADER_SIZE || !get(import->file, bytes, size)) {
        free(bytes);
        return cut(import, height, reason);
    }
    import->last = block_hash((struct bytes){bytes, BLOCK_HEADER_SIZE});
    *bytes_out = bytes;
    *size_out = size;
    return BB_OK;
}

static enum status keep(void *context, uint64_t height, struct bytes block, struct bb_reason *reason)
{
    struct import *import = context;
    struct hash hash = block_hash((struct bytes){block.data, BLOCK_HEADER_SIZE});
    enum status status = import->batch == 0 ? store_begin(import->store, reason) : BB_OK;
    if (status == BB_OK)
        status = store_append(import->store, height, &hash, block, reason);
    if (status == BB_OK)
        checkpoint_note(import->store, import->chain);
    import->batch += block.size;
    return status;
}

static enum status end_batch(struct import *import, struct bb_reason *reason)
{
    if (import->batch == 0)
        return BB_OK;
    import->batch = 0;
    return store_end(import->store, reason);
}

static enum status kept(void *context, uint64_t height, struct bytes block, struct bb_reason *reason)
{
    struct import *import = context;
    struct block_header header;
    enum status status = block_header_decode((struct bytes){block.data, BLOCK_HEADER_SIZE}, &header);
    if (status == BB_OK && (header.checkpoint || import->batch > BATCH_BYTES))
        status = end_batch(import, reason);
    if (status == BB_OK && header.checkpoint)
        status = checkpoint_write(import->store, import->chain, reason);
    if (import->progress != NULL && height % TOLD_EVERY == 0)
        import->progress(import->context, height, 0);
    return status;
}

static enum status read_genesis(struct import *import, struct bb_reason *reason, uint8_t **bytes_out,
                                size_t *size_out)
{
    char magic[4];
    uint64_t size;
    if (!get(import->file, magic, sizeof magic) || memcmp(magic, MAGIC, sizeof magic) != 0) {
        bb_reason_say(reason, "%s: this is not an exported chain", import->name);
        return BB_MALFORMED;
    }
    if (!get_number(import->file, 8, &size) || size > GENESIS_MAX)
        return cut(import, 0, reason);
    uint8_t *bytes = malloc(size + 1);
    CHECK(bytes != NULL);
    if (!get(import->file, bytes, size)) {
        free(bytes);
        return cut(import, 0, reason);
    }
    import->last = genesis_hash((struct bytes){bytes, size});
    *bytes_out = bytes;
    *size_out = size;
    return BB_OK;
}

static enum status run_import(struct import *import, uint32_t threads, struct bb_reason *reason)
{
    struct replay_known known;
    struct pool *pool = NULL;
    enum status status = replay_chain(import->store, false, &known, reason, &import->chain);
    if (status != BB_OK)
        return status;
    status = pool_open(threads, chain_separator(import->chain), &pool);
    if (status == BB_OK) {
        struct replay replay = {import->chain, pool, false, from_file, keep, kept, import};
        status = replay_run(&replay, reason);
    }
    if (status == BB_OK)
        status = end_batch(import, reason);
    pool_close(pool);
    chain_close(import->chain);
    return status;
}

static void remove_part(const char *part)
{
    static const char *const ENDINGS[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        char path[BB_PATH_MAX + 8];
        snprintf(path, sizeof path, "%s%s", part, ENDINGS[i]);
        unlink(path);
    }
}

static enum status import_into(struct import *import, const char *path, uint32_t threads,
                               struct bb_reason *reason, uint64_t *height_out)
{
    char part[BB_PATH_MAX];
    uint8_t *genesis;
    size_t size;
    uint64_t height = 0;
    enum status status = new_file_begin(path, part, reason);
    if (status == BB_OK)
        status = read_genesis(import, reason, &genesis, &size);
    if (status != BB_OK)
        return status;
    if (import->known.size > 0 && !bytes_equal(import->known, (struct bytes){genesis, size})) {
        bb_reason_say(
            reason, "%s: this is another chain than the home's: its genesis differs from the one in ledger/",
            import->name);
        free(genesis);
        return BB_MALFORMED;
    }
    remove_part(part);
    status = store_open(part, STORE_WRITE, (struct bytes){genesis, size}, reason, &import->store);
    free(genesis);
    if (status == BB_OK) {
        status = run_import(import, threads, reason);
        height = store_height(import->store);
        store_close(import->store);
    }
    if (status == BB_OK)
        status = new_file_finish(part, path, reason);
    remove_part(part);
    if (status == BB_OK)
        *height_out = height;
    return status;
}

enum status archive_import(const char *file, const char *path, struct bytes known, uint32_t threads,
                           archive_progress *progress, void *context, struct bb_reason *reason,
                           uint64_t *height_out)
{
    struct import import = {.name = file, .known = known, .progress = progress, .context = context};
    import.file = fopen(file, "rbe");
    if (import.file == NULL) {
        bb_reason_say(reason, "%s: %s", file, strerror(errno));
        return errno == ENOENT ? BB_NOT_FOUND : errno == EACCES ? BB_DENIED : BB_IO;
    }
    enum status status = import_into(&import, path, threads, reason, height_out);
    fclose(import.file);
    return status;
}

#include "agents/bundle/ustar.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512u
#define END   (2 * BLOCK)
#define TYPE  156 /* where a header has its type */

/* Bytes of the archive up to the next block. */
static size_t padded(size_t size)
{
    return (size + BLOCK - 1) / BLOCK * BLOCK;
}

static enum status wrong(struct bb_reason *reason, enum status status, const char *path, const char *what)
{
    char shown[96];
    bb_reason_say(reason, "%s %s", entry_shown(path, shown), what);
    return status;
}

/* Writes one entry. BB_RANGE: its path does not fit. */
static enum status put(struct archive *to, const struct entry *entry, struct bb_reason *reason)
{
    struct archive_entry *header = archive_entry_new();
    if (header == NULL)
        return wrong(reason, BB_FULL, entry->path, "does not fit into memory");
    archive_entry_set_pathname(header, entry->path);
    archive_entry_set_size(header, (la_int64_t)entry->data.size);
    archive_entry_set_filetype(header, AE_IFREG);
    archive_entry_set_perm(header, entry->executable ? 0755 : 0644);
    archive_entry_set_mtime(header, 0, 0);
    int result = archive_write_header(to, header);
    archive_entry_free(header);
    if (result != ARCHIVE_OK)
        return wrong(reason, BB_RANGE, entry->path, "has a path that does not fit into the archive's header");
    if (entry->data.size > 0 &&
        archive_write_data(to, entry->data.data, entry->data.size) != (la_ssize_t)entry->data.size)
        return wrong(reason, BB_FULL, entry->path, "cannot be written");
    return BB_OK;
}

/* Where written bytes go: into memory that was counted out before, or nowhere, compared with what is there.
 */
struct sink {
    uint8_t *into;
    struct bytes expected;
    size_t size;
    bool differs;
};

/* Swallows what differs, too: libarchive would not free what it has when a write fails. */
static la_ssize_t take(struct archive *from, void *context, const void *data, size_t size)
{
    struct sink *sink = context;
    (void)from;
    if (sink->differs || sink->expected.size - sink->size < size ||
        (sink->into == NULL && memcmp(sink->expected.data + sink->size, data, size) != 0)) {
        sink->differs = true;
        return (la_ssize_t)size;
    }
    if (sink->into != NULL)
        memcpy(sink->into + sink->size, data, size);
    sink->size += size;
    return (la_ssize_t)size;
}

/* The archive of the entries into the sink. */
static enum status pour(const struct entry *entries, size_t count, struct sink *sink,
                        struct bb_reason *reason)
{
    struct archive *archive = archive_write_new();
    enum status status = BB_FULL;
    if (archive != NULL && archive_write_set_format_ustar(archive) == ARCHIVE_OK &&
        archive_write_set_bytes_per_block(archive, 0) == ARCHIVE_OK &&
        archive_write_set_bytes_in_last_block(archive, 1) == ARCHIVE_OK &&
        archive_write_open(archive, sink, NULL, take, NULL) == ARCHIVE_OK)
        status = BB_OK;
    else
        bb_reason_say(reason, "no memory for an archive");
    for (size_t i = 0; i < count && status == BB_OK && !sink->differs; i++)
        status = put(archive, &entries[i], reason);
    if (status == BB_OK && archive_write_close(archive) != ARCHIVE_OK)
        status = BB_FULL;
    archive_write_free(archive);
    return status;
}

enum status ustar_write(const struct entry *entries, size_t count, struct bb_reason *reason,
                        uint8_t **data_out, size_t *size_out)
{
    size_t size = END;
    for (size_t i = 0; i < count; i++)
        size += BLOCK + padded(entries[i].data.size);
    uint8_t *data = malloc(size);
    if (data == NULL) {
        bb_reason_say(reason, "no memory for an archive of %zu bytes", size);
        return BB_FULL;
    }
    struct sink sink = {.into = data, .expected = {data, size}};
    enum status status = pour(entries, count, &sink, reason);
    if (status == BB_OK && !sink.differs && sink.size == size) {
        *data_out = data;
        *size_out = size;
        return BB_OK;
    }
    free(data);
    return status == BB_OK ? BB_RANGE : status;
}

/* Whether the entries make exactly these bytes: a second reading of the archive that has no freedom. */
static enum status check_bytes(const struct ustar *ustar, struct bytes archive, struct bb_reason *reason)
{
    struct sink sink = {.expected = archive};
    enum status status = pour(ustar->entries, ustar->count, &sink, NULL);
    if (status == BB_OK && !sink.differs && sink.size == archive.size)
        return BB_OK;
    size_t at = 0, i = 0; /* which entry the first difference lies in */
    while (i + 1 < ustar->count && at + BLOCK + padded(ustar->entries[i].data.size) <= sink.size)
        at += BLOCK + padded(ustar->entries[i++].data.size);
    return wrong(
        reason, BB_MALFORMED, ustar->entries[i].path,
        "or what follows it has other bytes than a bundle of these files has (owner, time, mode, padding)");
}

/* What the header says, before its data is looked at. */
static const char *header_wrong(struct archive_entry *header)
{
    if (archive_entry_hardlink(header) != NULL || archive_entry_symlink(header) != NULL ||
        archive_entry_filetype(header) == AE_IFLNK)
        return "is a link";
    if (archive_entry_filetype(header) == AE_IFDIR)
        return "is a folder: a bundle has files alone";
    if (archive_entry_filetype(header) != AE_IFREG)
        return "is a device or another special file";
    if (archive_entry_perm(header) != 0644 && archive_entry_perm(header) != 0755)
        return "has a mode other than 0644 and 0755";
    if (archive_entry_sparse_count(header) > 0)
        return "is sparse";
    return NULL;
}

struct taking {
    struct bytes archive;
    struct bb_reason *reason;
    size_t at, total; /* where the next header is to be; data so far */
    struct ustar into;
};

static enum status take_entry(struct taking *t, struct archive_entry *header, size_t position)
{
    const char *path = archive_entry_pathname(header);
    if (path == NULL)
        return wrong(t->reason, BB_MALFORMED, "?", "has no path");
    const char *what = header_wrong(header);
    if (what == NULL)
        what = entry_path_wrong(path);
    la_int64_t size = archive_entry_size(header);
    if (what == NULL &&
        (position != t->at || t->archive.data[t->at + TYPE] != '0')) /* an extension comes first */
        what = "has headers other than ustar's, or hidden bytes before it";
    if (what == NULL && (size < 0 || (uint64_t)size > t->archive.size - t->at - BLOCK))
        what = "is longer than the archive";
    if (what != NULL)
        return wrong(t->reason, BB_MALFORMED, path, what);
    if ((uint64_t)size > USTAR_DATA_MAX || t->total + (size_t)size > USTAR_DATA_MAX + 2u * 1024 * 1024)
        return wrong(t->reason, BB_FULL, path, "goes beyond the 64 MiB that a bundle may have");
    if (t->into.count == USTAR_ENTRIES_MAX)
        return wrong(t->reason, BB_FULL, path, "goes beyond the 4096 files that a bundle may have");
    struct entry entry = {.path = strdup(path),
                          .data = {t->archive.data + t->at + BLOCK, (size_t)size},
                          .executable = archive_entry_perm(header) == 0755};
    if (entry.path == NULL)
        return wrong(t->reason, BB_FULL, path, "does not fit into memory");
    t->into.entries[t->into.count++] = entry;
    t->total += (size_t)size;
    t->at += BLOCK + padded((size_t)size);
    return BB_OK;
}

static enum status take_all(struct taking *t, struct archive *archive)
{
    struct archive_entry *header;
    int result;
    while ((result = archive_read_next_header(archive, &header)) == ARCHIVE_OK) {
        enum status status = take_entry(t, header, (size_t)archive_read_header_position(archive));
        if (status != BB_OK)
            return status;
    }
    const char *last = t->into.count > 0 ? t->into.entries[t->into.count - 1].path : "";
    if (result != ARCHIVE_EOF || t->into.count == 0) {
        char shown[96];
        bb_reason_say(t->reason, "no bundle, or damaged%s%s", t->into.count > 0 ? " behind " : "",
                      t->into.count > 0 ? entry_shown(last, shown) : "");
        return BB_MALFORMED;
    }
    if (t->at + END != t->archive.size)
        return wrong(t->reason, BB_MALFORMED, last,
                     t->at + END < t->archive.size ? "is the last entry, but bytes are hidden behind the end"
                                                   : "is the last entry, and the end is cut off");
    return BB_OK;
}

enum status ustar_read(struct bytes bytes, struct bb_reason *reason, struct ustar *out)
{
    struct taking taking = {.archive = bytes, .reason = reason};
    struct archive *archive = archive_read_new();
    size_t most = bytes.size / BLOCK < USTAR_ENTRIES_MAX ? bytes.size / BLOCK : USTAR_ENTRIES_MAX;
    taking.into.entries = calloc(most + 1, sizeof *taking.into.entries);
    enum status status = BB_MALFORMED;
    if (archive == NULL || taking.into.entries == NULL)
        status = BB_FULL;
    else if (bytes.size >= BLOCK && archive_read_support_format_tar(archive) == ARCHIVE_OK &&
             archive_read_open_memory(archive, bytes.data, bytes.size) == ARCHIVE_OK)
        status = take_all(&taking, archive);
    else
        bb_reason_say(reason, "no bundle: not an archive of the format ustar");
    archive_read_free(archive);
    if (status == BB_OK)
        status = check_bytes(&taking.into, bytes, reason);
    if (status == BB_OK)
        *out = taking.into;
    else
        ustar_free(&taking.into);
    return status;
}

void ustar_free(struct ustar *ustar)
{
    for (size_t i = 0; i < ustar->count; i++)
        free(ustar->entries[i].path);
    free(ustar->entries);
    *ustar = (struct ustar){0};
}

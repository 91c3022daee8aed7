#include "agents/bundle/bundle.h"

#include "agents/bundle/contents.h"
#include "agents/bundle/seal.h"
#include "agents/bundle/ustar.h"
#include "ledger/crypto/hex.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct ustar ustar;
    const struct entry **sorted; /* the files: all but `contents` and the signature */
    size_t sorted_count;
    struct bb_reason *reason;
};

static enum status wrong(struct bb_reason *reason, const char *path, const char *what)
{
    char shown[96];
    bb_reason_say(reason, "%s %s", entry_shown(path, shown), what);
    return BB_MALFORMED;
}

static bool is_named(const struct reading *r, size_t place, const char *path)
{
    return place < r->ustar.count && strcmp(r->ustar.entries[place].path, path) == 0;
}

/* The first two or three entries, and the order of the others. */
static enum status check_order(const struct reading *r)
{
    const struct entry *entries = r->ustar.entries;
    if (!is_named(r, 0, MANIFEST_FILE))
        return wrong(r->reason, MANIFEST_FILE, "is not the first entry");
    if (!is_named(r, 1, ENTRY_CONTENTS))
        return wrong(r->reason, ENTRY_CONTENTS, "is not the second entry");
    size_t first = is_named(r, 2, ENTRY_SIGNATURE) ? 3 : 2;
    for (size_t i = 0; i < first; i++)
        if (entries[i].executable)
            return wrong(r->reason, entries[i].path, "has another mode than 0644");
    for (size_t i = first; i < r->ustar.count; i++) {
        if (strcmp(entries[i].path, ENTRY_SIGNATURE) == 0)
            return wrong(r->reason, ENTRY_SIGNATURE, "is not the third entry");
        if (i > first && strcmp(entries[i - 1].path, entries[i].path) > 0)
            return wrong(r->reason, entries[i].path, "is not in the order of the paths");
    }
    return BB_OK;
}

/* No name twice, no file below a file: over all entries, before anything is believed of their order. */
static enum status check_names(const struct reading *r, const struct entry **list)
{
    size_t at;
    for (size_t i = 0; i < r->ustar.count; i++)
        list[i] = &r->ustar.entries[i];
    entry_sort(list, r->ustar.count);
    const char *what = entry_list_wrong(list, r->ustar.count, &at);
    return what == NULL ? BB_OK : wrong(r->reason, list[at]->path, what);
}

static enum status check_files(struct reading *r)
{
    size_t total = 0, first = is_named(r, 2, ENTRY_SIGNATURE) ? 3 : 2;
    r->sorted[r->sorted_count++] = &r->ustar.entries[0];
    for (size_t i = first; i < r->ustar.count; i++)
        r->sorted[r->sorted_count++] = &r->ustar.entries[i];
    for (size_t i = 0; i < r->sorted_count; i++)
        total += r->sorted[i]->data.size;
    if (r->sorted_count > BUNDLE_FILES_MAX || total > BUNDLE_DATA_MAX) {
        bb_reason_say(r->reason, "%zu files with %zu bytes: a bundle has at most %d, and 64 MiB",
                      r->sorted_count, total, BUNDLE_FILES_MAX);
        return BB_FULL;
    }
    entry_sort(r->sorted, r->sorted_count);
    return contents_check(r->ustar.entries[1].data, r->sorted, r->sorted_count, r->reason);
}

/* The program that the manifest starts, when it is the bundle's own. */
static enum status check_command(const struct reading *r, const struct manifest *manifest)
{
    const char *program = manifest->command[0];
    if (program[0] == '/')
        return BB_OK;
    for (size_t i = 0; i < r->sorted_count; i++)
        if (strcmp(r->sorted[i]->path, program + 2) == 0)
            return r->sorted[i]->executable
                       ? BB_OK
                       : wrong(r->reason, program, "is the command, but not executable (chmod +x)");
    return wrong(r->reason, program, "is the command, but not a file of the bundle");
}

static enum status check_seal(const struct reading *r, struct bundle *into)
{
    into->is_signed = is_named(r, 2, ENTRY_SIGNATURE);
    into->digest = contents_digest(r->ustar.entries[1].data);
    if (!into->is_signed)
        return BB_OK;
    struct hash statement = bundle_statement(into);
    return seal_check(r->ustar.entries[2].data, &statement, r->reason, &into->signer);
}

/* The files in the order of `contents`; their paths move into one block. */
static enum status keep_files(const struct reading *r, struct bundle *into)
{
    size_t size = 0, used = 0;
    for (size_t i = 0; i < r->sorted_count; i++)
        size += strlen(r->sorted[i]->path) + 1;
    into->paths = malloc(size);
    into->files = calloc(r->sorted_count, sizeof *into->files);
    if (into->paths == NULL || into->files == NULL) {
        bb_reason_say(r->reason, "no memory for a bundle");
        return BB_FULL;
    }
    for (size_t i = 0; i < r->sorted_count; i++) {
        const struct entry *entry = r->sorted[i];
        size_t length = strlen(entry->path) + 1;
        memcpy(into->paths + used, entry->path, length);
        into->files[i] = (struct bundle_file){into->paths + used, entry->data, entry->executable};
        used += length;
    }
    into->file_count = r->sorted_count;
    return BB_OK;
}

static enum status take(struct reading *r, const struct trust *trust, struct bundle *into)
{
    enum status status = check_names(r, r->sorted);
    if (status == BB_OK)
        status = check_order(r);
    if (status == BB_OK)
        status = check_files(r);
    if (status == BB_OK)
        status = manifest_read(MANIFEST_FILE, r->ustar.entries[0].data, r->reason, &into->manifest);
    if (status == BB_OK)
        status = check_command(r, &into->manifest);
    if (status == BB_OK)
        status = check_seal(r, into);
    if (status == BB_OK && trust != NULL)
        status = trust_allows(trust, into->is_signed ? &into->signer : NULL, into->manifest.name, r->reason);
    return status == BB_OK ? keep_files(r, into) : status;
}

enum status bundle_read(struct bytes archive, const struct trust *trust, struct bb_reason *reason,
                        struct bundle *out)
{
    struct reading reading = {.reason = reason};
    struct bundle read = {.archive = archive};
    if (archive.size > BUNDLE_SIZE_MAX) {
        bb_reason_say(reason, "%zu bytes: a bundle has at most %u", archive.size, BUNDLE_SIZE_MAX);
        return BB_FULL;
    }
    enum status status = ustar_read(archive, reason, &reading.ustar);
    if (status != BB_OK)
        return status;
    reading.sorted = calloc(reading.ustar.count + 1, sizeof *reading.sorted);
    if (reading.sorted == NULL) {
        bb_reason_say(reason, "no memory for a bundle");
        status = BB_FULL;
    } else {
        status = take(&reading, trust, &read);
    }
    free(reading.sorted);
    ustar_free(&reading.ustar);
    if (status == BB_OK)
        *out = read;
    else
        bundle_free(&read);
    return status;
}

void bundle_free(struct bundle *bundle)
{
    manifest_free(&bundle->manifest);
    free(bundle->files);
    free(bundle->paths);
    memset(bundle, 0, sizeof *bundle);
}

char *bundle_digest(const struct bundle *bundle, char text[BUNDLE_DIGEST_ROOM])
{
    char hex[HEX_HASH];
    hex_format((struct bytes){bundle->digest.bytes, sizeof bundle->digest.bytes}, hex);
    memcpy(text, hex + 2, BUNDLE_DIGEST_ROOM);
    return text;
}

struct hash bundle_statement(const struct bundle *bundle)
{
    return seal_statement(bundle->manifest.name, bundle->manifest.release, &bundle->digest);
}

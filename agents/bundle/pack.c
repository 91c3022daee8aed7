#include "agents/bundle/bundle.h"
#include "agents/bundle/contents.h"
#include "agents/bundle/seal.h"
#include "agents/bundle/ustar.h"
#include "agents/bundle/walk.h"

#include <busbar/check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The files of a folder, read into memory. */
struct packing {
    struct entry entries[BUNDLE_FILES_MAX];
    const struct entry *sorted[BUNDLE_FILES_MAX];
    struct entry ordered[USTAR_ENTRIES_MAX]; /* as in the archive; borrows */
    size_t count, total;
    struct bb_reason *reason;
};

static enum status wrong(struct bb_reason *reason, enum status status, const char *path, const char *what)
{
    char shown[96];
    bb_reason_say(reason, "%s %s", entry_shown(path, shown), what);
    return status;
}

static bool read_all(int file, uint8_t *data, size_t size)
{
    size_t done = 0;
    char more;
    while (done < size) {
        ssize_t got = read(file, data + done, size - done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return read(file, &more, 1) == 0; /* not growing */
}

static enum status collect(void *context, const char *path, int file, const struct stat *about)
{
    struct packing *p = context;
    if (strcmp(path, ENTRY_CONTENTS) == 0 || strcmp(path, ENTRY_SIGNATURE) == 0)
        return wrong(p->reason, BB_MALFORMED, path, "has a name that bundles keep for themselves");
    if (p->count == BUNDLE_FILES_MAX)
        return wrong(p->reason, BB_FULL, path, "goes beyond the 4096 files that a bundle may have");
    if ((uint64_t)about->st_size > BUNDLE_DATA_MAX - p->total)
        return wrong(p->reason, BB_FULL, path, "goes beyond the 64 MiB that a bundle may have");
    size_t size = (size_t)about->st_size;
    uint8_t *data = malloc(size > 0 ? size : 1);
    struct entry *entry = &p->entries[p->count];
    *entry = (struct entry){strdup(path), {data, size}, (about->st_mode & 0111) != 0};
    if (entry->path == NULL || data == NULL || !read_all(file, data, size)) {
        free(entry->path);
        free(data);
        return wrong(p->reason, BB_IO, path, "cannot be read, or changes while it is read");
    }
    p->total += size;
    p->count++;
    return BB_OK;
}

static void release(struct packing *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->entries[i].path);
        free((void *)p->entries[i].data.data);
    }
    free(p);
}

/* The archive: manifest, contents, then the others in their order. */
static enum status lay_out(struct packing *p, uint8_t **data_out, size_t *size_out)
{
    char *text = NULL;
    size_t size = 0, count = 0;
    for (size_t i = 0; i < p->count; i++)
        p->sorted[i] = &p->entries[i];
    entry_sort(p->sorted, p->count);
    if (contents_write(p->sorted, p->count, &text, &size) != BB_OK)
        return wrong(p->reason, BB_FULL, ENTRY_CONTENTS, "does not fit into memory");
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->sorted[i]->path, MANIFEST_FILE) == 0)
            p->ordered[count++] = *p->sorted[i];
    CHECK(count == 1);
    p->ordered[count++] = (struct entry){(char[]){ENTRY_CONTENTS}, {(uint8_t *)text, size}, false};
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->sorted[i]->path, MANIFEST_FILE) != 0)
            p->ordered[count++] = *p->sorted[i];
    enum status status = ustar_write(p->ordered, count, p->reason, data_out, size_out);
    free(text);
    return status;
}

/* The manifest never runs: its mode is 0644, whatever the folder says. */
static enum status find_manifest(struct packing *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->entries[i].path, MANIFEST_FILE) == 0) {
            p->entries[i].executable = false;
            return BB_OK;
        }
    bb_reason_say(p->reason, "there is no manifest.json in the folder: see busbar-manifest(5)");
    return BB_NOT_FOUND;
}

/* What has been made must be what is taken: the same checks, now that the sender can still mend it. */
static enum status proof_read(uint8_t *data, size_t size, struct bb_reason *reason)
{
    struct bundle bundle;
    enum status status = bundle_read((struct bytes){data, size}, NULL, reason, &bundle);
    if (status == BB_OK)
        bundle_free(&bundle);
    else
        free(data);
    return status;
}

enum status bundle_pack(int folder, struct bb_reason *reason, uint8_t **data_out, size_t *size_out)
{
    uint8_t *data;
    size_t size;
    struct packing *p = calloc(1, sizeof *p);
    if (p == NULL) {
        bb_reason_say(reason, "no memory for a bundle");
        return BB_FULL;
    }
    p->reason = reason;
    enum status status = walk_folder(folder, collect, p, reason);
    if (status == BB_OK)
        status = find_manifest(p);
    if (status == BB_OK)
        status = lay_out(p, &data, &size);
    release(p);
    if (status == BB_OK)
        status = proof_read(data, size, reason);
    if (status != BB_OK)
        return status;
    *data_out = data;
    *size_out = size;
    return BB_OK;
}

/* The entries of a bundle that has been checked, with this signature as the third. */
static enum status seal_into(const struct bundle *bundle, struct bytes seal, struct bb_reason *reason,
                             uint8_t **data_out, size_t *size_out)
{
    struct ustar ustar;
    enum status status = ustar_read(bundle->archive, reason, &ustar);
    if (status != BB_OK)
        return status;
    size_t rest = bundle->is_signed ? 3 : 2, count = 3 + ustar.count - rest;
    struct entry *entries = calloc(count, sizeof *entries);
    if (entries == NULL) {
        ustar_free(&ustar);
        return BB_FULL;
    }
    entries[0] = ustar.entries[0];
    entries[1] = ustar.entries[1];
    entries[2] = (struct entry){(char[]){ENTRY_SIGNATURE}, seal, false};
    memcpy(entries + 3, ustar.entries + rest, (ustar.count - rest) * sizeof *entries);
    status = ustar_write(entries, count, reason, data_out, size_out);
    free(entries);
    ustar_free(&ustar);
    return status;
}

enum status bundle_attach(const struct bundle *bundle, const uint8_t signature[SIGNATURE_SIZE],
                          struct bb_reason *reason, uint8_t **data_out, size_t *size_out)
{
    char text[SEAL_ROOM];
    struct address signer;
    struct hash statement = bundle_statement(bundle);
    enum status status = seal_recover(signature, &statement, reason, &signer);
    if (status != BB_OK)
        return status;
    size_t size = seal_write(&signer, signature, text);
    return seal_into(bundle, (struct bytes){(uint8_t *)text, size}, reason, data_out, size_out);
}

enum status bundle_sign(const struct bundle *bundle, struct signer *signer, const struct secret *secret,
                        struct bb_reason *reason, uint8_t **data_out, size_t *size_out)
{
    uint8_t signature[SIGNATURE_SIZE];
    struct hash statement = bundle_statement(bundle);
    signer_sign(signer, secret, &statement, signature);
    return bundle_attach(bundle, signature, reason, data_out, size_out);
}

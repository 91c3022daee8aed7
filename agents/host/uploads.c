#include "agents/host/uploads.h"

#include "ledger/crypto/hash.h"
#include "ledger/crypto/hex.h"

#include <busbar/check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct upload {
    char id[UPLOADS_ID_ROOM]; /* "": free */
    char *owner;
    struct hash hash;
    uint8_t *data;
    size_t size, received;
    int64_t heard_ms;
    bool used; /* was read */
};

struct uploads {
    struct upload list[UPLOADS_MAX];
};

struct uploads *uploads_open(void)
{
    struct uploads *uploads = calloc(1, sizeof *uploads);
    CHECK(uploads != NULL);
    return uploads;
}

static void forget(struct upload *upload)
{
    free(upload->owner);
    free(upload->data);
    *upload = (struct upload){.id = ""};
}

void uploads_close(struct uploads *uploads)
{
    for (size_t i = 0; uploads != NULL && i < UPLOADS_MAX; i++)
        forget(&uploads->list[i]);
    free(uploads);
}

static struct upload *find(const struct uploads *uploads, const char *owner, const char *id)
{
    for (size_t i = 0; i < UPLOADS_MAX; i++) {
        const struct upload *upload = &uploads->list[i];
        if (upload->id[0] != '\0' && strcmp(upload->id, id) == 0 && strcmp(upload->owner, owner) == 0)
            return (struct upload *)(uintptr_t)upload;
    }
    return NULL;
}

void uploads_sweep(struct uploads *uploads, int64_t now_ms)
{
    for (size_t i = 0; i < UPLOADS_MAX; i++) {
        struct upload *upload = &uploads->list[i];
        int64_t patience_ms = upload->used ? UPLOADS_USED_MS : UPLOADS_QUIET_MS;
        if (upload->id[0] != '\0' && now_ms - upload->heard_ms >= patience_ms)
            forget(upload);
    }
}

/* A free place, or that of the one that was read first. */
static struct upload *find_free(struct uploads *uploads, int64_t now_ms)
{
    struct upload *oldest = NULL;
    uploads_sweep(uploads, now_ms);
    for (size_t i = 0; i < UPLOADS_MAX; i++) {
        struct upload *upload = &uploads->list[i];
        if (upload->id[0] == '\0')
            return upload;
        if (upload->used && (oldest == NULL || upload->heard_ms < oldest->heard_ms))
            oldest = upload;
    }
    if (oldest != NULL)
        forget(oldest);
    return oldest;
}

/* 64 hexadecimal digits. */
static bool read_hash(const char *text, struct hash *out)
{
    char prefixed[2 + 64 + 1];
    if (strlen(text) != 64)
        return false;
    snprintf(prefixed, sizeof prefixed, "0x%s", text);
    return hex_parse(prefixed, out->bytes, sizeof out->bytes) == BB_OK;
}

/* 128 random bits: nobody else names it. */
static void make_id(char id_out[UPLOADS_ID_ROOM])
{
    uint8_t random[(UPLOADS_ID_ROOM - 1) / 2];
    CHECK(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(id_out + 2 * i, 3, "%02x", random[i]);
}

enum status uploads_begin(struct uploads *uploads, const char *owner, int64_t size, const char *sha256,
                          int64_t now_ms, struct bb_reason *reason, char id_out[UPLOADS_ID_ROOM])
{
    struct hash hash;
    if (size < 1 || size > (int64_t)BUNDLE_SIZE_MAX) {
        bb_reason_say(reason, "size: expected 1 to %u bytes", BUNDLE_SIZE_MAX);
        return BB_RANGE;
    }
    if (!read_hash(sha256, &hash)) {
        bb_reason_say(reason, "sha256: expected 64 hexadecimal digits");
        return BB_RANGE;
    }
    struct upload *upload = find_free(uploads, now_ms);
    uint8_t *data = upload == NULL ? NULL : malloc((size_t)size);
    if (data == NULL) {
        bb_reason_say(reason, "%d bundles are on their way already; try again later", UPLOADS_MAX);
        return BB_FULL;
    }
    *upload = (struct upload){
        .owner = strdup(owner), .hash = hash, .data = data, .size = (size_t)size, .heard_ms = now_ms};
    CHECK(upload->owner != NULL);
    make_id(upload->id);
    memcpy(id_out, upload->id, UPLOADS_ID_ROOM);
    return BB_OK;
}

enum status uploads_write(struct uploads *uploads, const char *owner, const char *id, int64_t offset,
                          struct bytes piece, int64_t now_ms, struct bb_reason *reason, int64_t *received_out)
{
    struct upload *upload = find(uploads, owner, id);
    if (upload == NULL) {
        bb_reason_say(reason, "upload: there is no such one of yours");
        return BB_NOT_FOUND;
    }
    int64_t end = offset + (int64_t)piece.size;
    bool known = offset >= 0 && end <= (int64_t)upload->received;
    if (!known && (offset != (int64_t)upload->received || end > (int64_t)upload->size)) {
        bb_reason_say(reason, "offset: expected %zu, and at most %zu bytes in all", upload->received,
                      upload->size);
        return BB_RANGE;
    }
    if (!known) {
        memcpy(upload->data + offset, piece.data, piece.size);
        upload->received = (size_t)end;
    }
    upload->heard_ms = now_ms;
    *received_out = (int64_t)upload->received;
    return BB_OK;
}

enum status uploads_read(struct uploads *uploads, const char *owner, const char *id, int64_t now_ms,
                         struct bb_reason *reason, struct bytes *out)
{
    struct upload *upload = find(uploads, owner, id);
    if (upload == NULL) {
        bb_reason_say(reason, "upload: there is no such one of yours");
        return BB_NOT_FOUND;
    }
    if (upload->received != upload->size) {
        bb_reason_say(reason, "upload: %zu of %zu bytes are here", upload->received, upload->size);
        return BB_RANGE;
    }
    upload->used = true;
    upload->heard_ms = now_ms;
    struct bytes all = {upload->data, upload->size};
    struct hash hash = hash_sha256(&all, 1);
    if (!hash_equal(&hash, &upload->hash)) {
        bb_reason_say(reason, "upload: another SHA-256 than was announced");
        return BB_MALFORMED;
    }
    *out = all;
    return BB_OK;
}

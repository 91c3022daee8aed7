#include "bus/rules.h"

#include "bus/client/keys.h"

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

static const struct {
    const char *name;
    enum access_kind kind;
    bool required;
} LISTS[] = {{"identities", ACCESS_IDENTITY, true},
             {"publish", ACCESS_PUBLISH, false},
             {"subscribe", ACCESS_SUBSCRIBE, false}};

/* Where in the file something is wrong. */
struct place {
    const char *path;
    size_t entry;
    struct bb_reason *reason;
};

static enum status wrong(const struct place *place, enum status status, const char *what)
{
    bb_reason_say(place->reason, "%s: entry %zu: %s", place->path, place->entry + 1, what);
    return status;
}

/* Topics are Latin-1 on the wire, JSON is UTF-8: decodes in place; false beyond U+00FF. */
static bool to_latin1(char *text, size_t *size)
{
    size_t out = 0;
    for (size_t i = 0; i < *size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80) {
            if ((c & 0xfc) != 0xc0 || i + 1 == *size)
                return false;
            c = (unsigned char)(c << 6 | ((unsigned char)text[++i] & 0x3f));
        }
        text[out++] = (char)c;
    }
    *size = out;
    return true;
}

static enum status grant(const struct place *place, struct access *access, uint32_t entry, size_t list,
                         json_t *item)
{
    char text[2 * POOL_TEXT_MAX];
    size_t size = json_is_string(item) ? json_string_length(item) : sizeof text + 1;
    if (size > sizeof text)
        return wrong(place, BB_MALFORMED, "identities, publish and subscribe must be lists of texts");
    memcpy(text, json_string_value(item), size);
    if (!to_latin1(text, &size))
        return wrong(place, BB_RANGE, "a topic holds a character beyond U+00FF");
    struct bytes bytes = {(const uint8_t *)text, size};
    enum status status = access_grant(access, entry, LISTS[list].kind, bytes);
    if (status == BB_RANGE)
        return wrong(
            place, status,
            "an identity must be 1 to 255 of A-Z a-z 0-9 _ . - and no JSON number or literal, with * at most "
            "at its end; a topic at most 1024 bytes");
    return status == BB_OK ? BB_OK : wrong(place, status, "there are too many entries, identities or topics");
}

static enum status load_entry(const struct place *place, struct access *access, json_t *object)
{
    char z85[KEY_Z85_SIZE], base64[KEY_BASE64_SIZE];
    uint32_t entry;
    size_t i;
    json_t *item;
    const char *key = json_string_value(json_object_get(object, "key"));
    if (key == NULL || keys_from_text(key, z85) != BB_OK || keys_to_base64(z85, base64) != BB_OK)
        return wrong(place, BB_MALFORMED, "\"key\" must be a public key of 43 characters");
    enum status status = access_add(access, bytes_of(base64), &entry);
    if (status == BB_EXISTS)
        return wrong(place, status, "this key has an entry already");
    if (status != BB_OK)
        return wrong(place, status, "there are too many entries");
    for (size_t list = 0; list < sizeof LISTS / sizeof *LISTS && status == BB_OK; list++) {
        json_t *array = json_object_get(object, LISTS[list].name);
        if (array != NULL ? !json_is_array(array) : LISTS[list].required)
            return wrong(place, BB_MALFORMED, "identities, publish and subscribe must be lists of texts");
        json_array_foreach(array, i, item)
        {
            if (status == BB_OK)
                status = grant(place, access, entry, list, item);
        }
    }
    return status;
}

enum status rules_load(const char *path, struct access *out, struct bb_reason *reason)
{
    json_error_t error;
    struct place place = {path, 0, reason};
    json_t *object;
    access_init(out);
    if (access(path, R_OK) != 0) {
        enum status status = errno == ENOENT ? BB_NOT_FOUND : BB_IO;
        bb_reason_say(reason, "%s: %s", path, strerror(errno));
        return status;
    }
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        bb_reason_say(reason, "%s:%d: %s", path, error.line, error.text);
        return BB_MALFORMED;
    }
    json_t *entries = json_object_get(root, "entries");
    enum status status = BB_OK;
    if (json_integer_value(json_object_get(root, "version")) != 1 || !json_is_array(entries)) {
        bb_reason_say(reason, "%s: expected {\"version\":1,\"entries\":[…]}", path);
        status = BB_MALFORMED;
    }
    json_array_foreach(entries, place.entry, object)
    {
        if (status == BB_OK)
            status = load_entry(&place, out, object);
    }
    json_decref(root);
    return status;
}

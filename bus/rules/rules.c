#include "bus/rules/rules.h"

#include "bus/client/json_line.h"
#include "bus/client/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name;
    enum access_kind kind;
    bool required;
} LISTS[] = {{"identities", ACCESS_IDENTITY, true},
             {"publish", ACCESS_PUBLISH, false},
             {"subscribe", ACCESS_SUBSCRIBE, false},
             {"capabilities", ACCESS_CAPABILITY, false}};

#define IDENTITY_RULE                                                                                        \
    "an identity must be 1 to 255 of A-Z a-z 0-9 _ . - and no JSON number or literal, with * at most at "    \
    "its "                                                                                                   \
    "end"

static const char EXPECTED[] = "identities, publish, subscribe and capabilities must be lists of texts";

/* Where in the file something is wrong. */
struct place {
    const struct json_text *text;
    size_t entry;
    struct bb_reason *reason;
};

static enum status wrong(const struct place *place, enum status status, const char *what)
{
    bb_reason_say(place->reason, "%s:%d: entry %zu: %s", place->text->file,
                  json_line_of(place->text, "key", place->entry), place->entry + 1, what);
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

static enum status grant_text(const struct place *place, struct access *access, uint32_t entry, size_t list,
                              const char *from, size_t size)
{
    static const char *const RANGE[ACCESS_KINDS] = {
        [ACCESS_IDENTITY] = IDENTITY_RULE,
        [ACCESS_PUBLISH] = "a topic must be at most 1024 bytes",
        [ACCESS_SUBSCRIBE] = "a topic must be at most 1024 bytes",
        [ACCESS_CAPABILITY] = "a capability must be a name of printable characters without = in it"};
    char text[2 * POOL_TEXT_MAX];
    if (size > sizeof text)
        return wrong(place, BB_RANGE, RANGE[LISTS[list].kind]);
    memcpy(text, from, size);
    if (!to_latin1(text, &size))
        return wrong(place, BB_RANGE, "a text holds a character beyond U+00FF");
    enum status status =
        access_grant(access, entry, LISTS[list].kind, (struct bytes){(const uint8_t *)text, size});
    if (status == BB_RANGE)
        return wrong(place, status, RANGE[LISTS[list].kind]);
    return status == BB_OK ? BB_OK : wrong(place, status, "there are too many entries, identities or topics");
}

/* VOLTTRON's other form of capabilities: {"edit_config_store":{"identity":"x"}}, with parameters or null. */
static enum status grant_object(const struct place *place, struct access *access, uint32_t entry, size_t list,
                                json_t *object)
{
    const char *name;
    json_t *parameters;
    enum status status = BB_OK;
    json_object_foreach(object, name, parameters)
    {
        char text[2 * POOL_TEXT_MAX];
        if (strchr(name, '=') != NULL || (!json_is_object(parameters) && !json_is_null(parameters)))
            return wrong(place, BB_MALFORMED, "a capability's parameters must be an object or null");
        char *json =
            json_is_null(parameters) ? NULL : json_dumps(parameters, JSON_COMPACT | JSON_ENSURE_ASCII);
        int size =
            snprintf(text, sizeof text, "%s%s%s", name, json == NULL ? "" : "=", json == NULL ? "" : json);
        free(json);
        if (status == BB_OK)
            status = grant_text(place, access, entry, list, text,
                                size < (int)sizeof text ? (size_t)size : sizeof text + 1);
    }
    return status;
}

static enum status grant(const struct place *place, struct access *access, uint32_t entry, size_t list,
                         json_t *item)
{
    if (json_is_string(item))
        return grant_text(place, access, entry, list, json_string_value(item), json_string_length(item));
    if (json_is_object(item) && LISTS[list].kind == ACCESS_CAPABILITY)
        return grant_object(place, access, entry, list, item);
    return wrong(place, BB_MALFORMED, EXPECTED);
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
        if (array == NULL && LISTS[list].required)
            return wrong(place, BB_MALFORMED, "\"identities\" is missing");
        if (array != NULL && !json_is_array(array))
            return wrong(place, BB_MALFORMED, EXPECTED);
        json_array_foreach(array, i, item)
        {
            if (status == BB_OK)
                status = grant(place, access, entry, list, item);
        }
    }
    return status;
}

static enum status load_entries(struct place *place, json_t *root, struct access *out)
{
    json_t *object;
    json_t *entries = json_object_get(root, "entries");
    enum status status = BB_OK;
    if (json_integer_value(json_object_get(root, "version")) != 1 || !json_is_array(entries)) {
        bb_reason_say(place->reason, "%s:1: expected {\"version\":1,\"entries\":[…]}", place->text->file);
        return BB_MALFORMED;
    }
    json_array_foreach(entries, place->entry, object)
    {
        if (status == BB_OK)
            status = load_entry(place, out, object);
    }
    return status;
}

enum status rules_parse(const char *name, const char *text, size_t size, struct access *out,
                        struct bb_reason *reason)
{
    json_error_t error;
    struct json_text lines = {name, (char *)(uintptr_t)text, size};
    struct place place = {&lines, 0, reason};
    access_init(out);
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        bb_reason_say(reason, "%s:%d: %s", name, error.line > 0 ? error.line : 1, error.text);
        return BB_MALFORMED;
    }
    enum status status = load_entries(&place, root, out);
    json_decref(root);
    return status;
}

uint64_t rules_digest(const char *text, size_t size)
{
    uint64_t digest = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ (uint8_t)text[i]) * 0x100000001b3u;
    return digest != 0 ? digest : 1;
}

static enum status fail(struct bb_reason *reason, const char *path, enum status status, const char *what)
{
    bb_reason_say(reason, "%s: %s", path, what);
    return status;
}

/* Reads an open file of at most RULES_FILE_MAX bytes. */
static enum status read_open(int fd, const char *path, char **text_out, size_t *size_out,
                             struct bb_reason *reason)
{
    struct stat found;
    if (fstat(fd, &found) != 0)
        return fail(reason, path, BB_IO, strerror(errno));
    if (!S_ISREG(found.st_mode))
        return fail(reason, path, BB_IO, "it is no plain file");
    if ((found.st_mode & S_IWOTH) != 0)
        return fail(reason, path, BB_DENIED, "everybody may write it; run: chmod o-w on it");
    if (found.st_size > RULES_FILE_MAX)
        return fail(reason, path, BB_FULL, "it is larger than 4 MiB");
    size_t size = 0;
    size_t room = (size_t)found.st_size;
    char *text = malloc(room + 1);
    ssize_t got = text == NULL ? -1 : 1;
    while (got > 0 && size < room) {
        got = read(fd, text + size, room - size);
        size += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        free(text);
        return fail(reason, path, BB_IO, "it cannot be read");
    }
    text[size] = '\0';
    *text_out = text;
    *size_out = size;
    return BB_OK;
}

enum status rules_load(const char *path, struct access *out, uint64_t *digest_out, struct bb_reason *reason)
{
    char *text = NULL;
    size_t size = 0;
    *digest_out = 0;
    access_init(out);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        enum status status = errno == ENOENT ? BB_NOT_FOUND : BB_IO;
        return fail(reason, path, status, strerror(errno));
    }
    enum status status = read_open(fd, path, &text, &size, reason);
    close(fd);
    if (status != BB_OK)
        return status;
    *digest_out = rules_digest(text, size);
    status = rules_parse(path, text, size, out, reason);
    free(text);
    return status;
}

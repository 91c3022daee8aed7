#include "agents/bundle/trust.h"

#include "agents/bundle/folder.h"
#include "bus/client/json_line.h"
#include "ledger/crypto/address.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 64

struct reading {
    const struct json_text *text;
    struct bb_reason *reason;
    struct trust *into;
};

static enum status wrong(const struct reading *r, enum status status, const char *key, size_t nth,
                         const char *what)
{
    bb_reason_say(r->reason, "%s:%d: \"%s\" %s", r->text->file, json_line_of(r->text, key, nth), key, what);
    return status;
}

/* A name of an agent, or its beginning before a `*`. */
static bool is_pattern(const char *text)
{
    char name[MANIFEST_NAME_ROOM];
    size_t length = strlen(text);
    if (strcmp(text, "*") == 0)
        return true;
    if (length == 0 || length >= sizeof name)
        return false;
    memcpy(name, text, length + 1);
    if (name[length - 1] == '*')
        name[length - 1] = '\0';
    return manifest_is_name(name);
}

static bool is_label(const char *text)
{
    if (strlen(text) > NAME_MAX_BYTES)
        return false;
    while (*text != '\0' && (unsigned char)*text >= ' ' && *text != 127)
        text++;
    return *text == '\0';
}

static bool are_patterns(const json_t *agents)
{
    bool good = json_is_array(agents) && json_array_size(agents) <= TRUST_AGENTS_MAX;
    for (size_t i = 0; good && i < json_array_size(agents); i++) {
        const char *text = json_string_value(json_array_get(agents, i));
        good = text != NULL && is_pattern(text);
    }
    return good;
}

static enum status take_signer(const struct reading *r, size_t nth, const json_t *entry)
{
    struct trust_signer signer = {.name = "", .agents = json_object_get(entry, "agents")};
    const json_t *name = json_object_get(entry, "name");
    const char *address = json_string_value(json_object_get(entry, "address")), *key;
    json_t *value;
    if (!json_is_object(entry))
        return wrong(r, BB_MALFORMED, "signers", 0, "expects a list of objects");
    json_object_foreach((json_t *)entry, key,
                        value) if (strcmp(key, "address") != 0 && strcmp(key, "name") != 0 &&
                                   strcmp(key, "agents") !=
                                       0) return wrong(r, BB_MALFORMED, "signers", 0,
                                                       "has an entry with an unknown key");
    if (address == NULL || address_parse(address, &signer.address) != BB_OK)
        return wrong(r, BB_MALFORMED, "address", nth,
                     "expects 0x and 40 hexadecimal digits with a right checksum");
    if (name != NULL && (!json_is_string(name) || !is_label(json_string_value(name))))
        return wrong(r, BB_MALFORMED, "name", nth, "expects a line of at most 64 bytes");
    if (!are_patterns(signer.agents))
        return wrong(r, BB_MALFORMED, "agents", nth,
                     "expects names of agents, or beginnings of names with a *");
    if (trust_find(r->into, &signer.address) != NULL)
        return wrong(r, BB_EXISTS, "address", nth, "is there twice");
    if (name != NULL)
        signer.name = json_string_value(name);
    r->into->signers[r->into->count++] = signer;
    return BB_OK;
}

static enum status take_all(const struct reading *r)
{
    const json_t *root = r->into->root, *signers = json_object_get(root, "signers"),
                 *version = json_object_get(root, "version"), *bare = json_object_get(root, "unsigned");
    const char *key;
    json_t *value;
    if (!json_is_object(root)) {
        bb_reason_say(r->reason, "%s:1: expected an object", r->text->file);
        return BB_MALFORMED;
    }
    json_object_foreach((json_t *)root, key, value) if (strcmp(key, "version") != 0 &&
                                                        strcmp(key, "signers") != 0 &&
                                                        strcmp(key, "unsigned") != 0)
    {
        bb_reason_say(r->reason, "%s:%d: unknown key \"%.64s\"", r->text->file, json_line_of(r->text, key, 0),
                      is_label(key) ? key : "?");
        return BB_MALFORMED;
    }
    if (!json_is_integer(version) || json_integer_value(version) != 1)
        return wrong(r, BB_VERSION, "version", 0, "expects 1");
    if (bare != NULL && !json_is_boolean(bare))
        return wrong(r, BB_MALFORMED, "unsigned", 0, "expects true or false");
    if (!json_is_array(signers))
        return wrong(r, BB_MALFORMED, "signers", 0, "expects a list");
    if (json_array_size(signers) > TRUST_SIGNERS_MAX)
        return wrong(r, BB_FULL, "signers", 0, "expects at most 256");
    r->into->unsigned_taken = json_is_true(bare);
    enum status status = BB_OK;
    for (size_t i = 0; i < json_array_size(signers) && status == BB_OK; i++)
        status = take_signer(r, i, json_array_get(signers, i));
    return status;
}

/* The document of a home where nobody is trusted. */
static enum status nobody(struct trust *out)
{
    *out = (struct trust){.root = json_pack("{s:i,s:[],s:b}", "version", 1, "signers", "unsigned", 0)};
    return out->root != NULL ? BB_OK : BB_FULL;
}

enum status trust_load(const char *path, struct bb_reason *reason, struct trust *out)
{
    struct json_text text;
    struct trust read = {0};
    struct stat about;
    if (stat(path, &about) == 0 && (about.st_mode & 0002) != 0) {
        bb_reason_say(reason, "%s: everybody may write it: chmod o-w %s", path, path);
        return BB_DENIED;
    }
    enum status status = json_text_load(path, &text, &read.root, reason);
    if (status == BB_NOT_FOUND)
        return nobody(out);
    if (status != BB_OK)
        return status;
    status = take_all(&(struct reading){&text, reason, &read});
    json_text_free(&text);
    if (status == BB_OK)
        *out = read;
    else
        json_decref(read.root);
    return status;
}

void trust_free(struct trust *trust)
{
    json_decref(trust->root);
    memset(trust, 0, sizeof *trust);
}

const struct trust_signer *trust_find(const struct trust *trust, const struct address *address)
{
    for (size_t i = 0; i < trust->count; i++)
        if (address_equal(&trust->signers[i].address, address))
            return &trust->signers[i];
    return NULL;
}

static bool covers(const char *pattern, const char *name)
{
    size_t length = strlen(pattern);
    if (length > 0 && pattern[length - 1] == '*')
        return strncmp(pattern, name, length - 1) == 0;
    return strcmp(pattern, name) == 0;
}

enum status trust_allows(const struct trust *trust, const struct address *signer, const char *name,
                         struct bb_reason *reason)
{
    char text[ADDRESS_TEXT];
    if (signer == NULL) {
        if (trust->unsigned_taken)
            return BB_OK;
        bb_reason_say(reason, "the bundle is not signed: sign it with \"busbar agent sign\"");
        return BB_DENIED;
    }
    address_format(signer, text);
    const struct trust_signer *known = trust_find(trust, signer);
    if (known == NULL) {
        bb_reason_say(reason, "signed by %s, whom nobody trusts here: see \"busbar agent signers add\"",
                      text);
        return BB_DENIED;
    }
    for (size_t i = 0; i < json_array_size(known->agents); i++)
        if (covers(json_string_value(json_array_get(known->agents, i)), name))
            return BB_OK;
    bb_reason_say(reason, "signed by %s, who is not trusted with an agent named %s", text, name);
    return BB_DENIED;
}

/* The entry with the address taken out of a list. */
static bool drop(json_t *signers, const struct address *address)
{
    for (size_t i = 0; i < json_array_size(signers); i++) {
        struct address one;
        const char *text = json_string_value(json_object_get(json_array_get(signers, i), "address"));
        if (text != NULL && address_parse(text, &one) == BB_OK && address_equal(&one, address))
            return json_array_remove(signers, i) == 0;
    }
    return false;
}

/* Puts a changed document (taken) in the place of the present one when it can be read. */
static enum status change(struct trust *trust, json_t *root, struct bb_reason *reason)
{
    struct trust read = {.root = root};
    const struct json_text text = {.file = TRUST_FILE, .text = (char[]){""}};
    enum status status = take_all(&(struct reading){&text, reason, &read});
    json_decref(status == BB_OK ? trust->root : root);
    if (status == BB_OK)
        *trust = read;
    return status;
}

enum status trust_add(struct trust *trust, const struct address *address, const char *name,
                      const char *const *agents, size_t count, struct bb_reason *reason)
{
    char text[ADDRESS_TEXT];
    if (!is_label(name)) {
        bb_reason_say(reason, "a signer's name is a line of at most %d bytes", NAME_MAX_BYTES);
        return BB_RANGE;
    }
    for (size_t i = 0; i < count; i++)
        if (i >= TRUST_AGENTS_MAX || !is_pattern(agents[i])) {
            bb_reason_say(reason,
                          "\"%.80s\" is no name of an agent (a-z 0-9 . -), nor its beginning before a *",
                          agents[i]);
            return BB_RANGE;
        }
    json_t *root = json_deep_copy(trust->root), *list = json_array(),
           *signers = json_object_get(root, "signers");
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(agents[i]));
    if (count == 0)
        json_array_append_new(list, json_string("*"));
    address_format(address, text);
    (void)drop(signers, address);
    json_array_append_new(signers, json_pack("{s:s,s:s,s:o}", "address", text, "name", name, "agents", list));
    return change(trust, root, reason);
}

enum status trust_remove(struct trust *trust, const struct address *address)
{
    json_t *root = json_deep_copy(trust->root);
    if (drop(json_object_get(root, "signers"), address))
        return change(trust, root, NULL);
    json_decref(root);
    return BB_NOT_FOUND;
}

enum status trust_save(const struct trust *trust, const char *path, struct bb_reason *reason)
{
    char place[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = slash == NULL ? snprintf(place, sizeof place, ".")
                               : snprintf(place, sizeof place, "%.*s", (int)(slash - path + 1), path);
    char *text = json_dumps(trust->root, JSON_INDENT(2));
    int folder =
        length > 0 && (size_t)length < sizeof place ? open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    enum status status = BB_IO;
    if (folder < 0 || text == NULL)
        bb_reason_say(reason, "%s: %s", path, folder < 0 ? strerror(errno) : "no memory");
    else
        status = folder_store(folder, slash != NULL ? slash + 1 : path, bytes_of(text), 0644, reason);
    if (folder >= 0)
        close(folder);
    free(text);
    return status;
}

#include "agents/tokens/tokens.h"

#include "bus/client/base64.h"
#include "ledger/crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "bbw_"

static const char *const roles[] = {
    [TOKEN_NOBODY] = "none", [TOKEN_VIEWER] = "viewer", [TOKEN_OPERATOR] = "operator"};

const char *tokens_role_word(enum token_role role)
{
    return roles[role];
}

enum token_role tokens_role(const char *word)
{
    for (int role = TOKEN_VIEWER; role <= TOKEN_OPERATOR; role++)
        if (strcmp(word, roles[role]) == 0)
            return (enum token_role)role;
    return TOKEN_NOBODY;
}

static bool name_fits(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t size = strlen(name);
    return size > 0 && size <= TOKENS_NAME_MAX && strspn(name, letters) == size;
}

static size_t place_of(const struct tokens *tokens, const char *name)
{
    size_t i = 0;
    while (i < tokens->count && strcmp(tokens->list[i].name, name) != 0)
        i++;
    return i;
}

/* -- the file -----------------------------------------------------------------------------------------------
 */

static bool read_hash(const char *text, uint8_t hash[32])
{
    static const char digits[] = "0123456789abcdef";
    if (strlen(text) != 64 || strspn(text, digits) != 64)
        return false;
    for (size_t i = 0; i < 32; i++)
        hash[i] = (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 |
                            (strchr(digits, text[2 * i + 1]) - digits));
    return true;
}

static enum status read_token(json_t *entry, struct tokens *tokens, struct bb_reason *reason)
{
    const char *name, *role, *hash;
    json_int_t created_ms = 0;
    struct token *token = &tokens->list[tokens->count];
    if (json_unpack_ex(entry, NULL, JSON_STRICT, "{s:s,s:s,s:s,s?I}", "name", &name, "role", &role, "sha256",
                       &hash, "created_ms", &created_ms) != 0) {
        bb_reason_say(reason, "token %zu: it is to have name, role and sha256, and perhaps created_ms",
                      tokens->count + 1);
        return BB_MALFORMED;
    }
    token->role = tokens_role(role);
    token->created_ms = created_ms;
    const char *fault = !name_fits(name)                         ? "the name is none"
                        : place_of(tokens, name) < tokens->count ? "there are two of that name"
                        : token->role == TOKEN_NOBODY            ? "the role is viewer or operator"
                        : !read_hash(hash, token->hash)          ? "sha256 has 64 hexadecimal digits"
                                                                 : NULL;
    if (fault != NULL) {
        bb_reason_say(reason, "token %zu: %s", tokens->count + 1, fault);
        return BB_MALFORMED;
    }
    memcpy(token->name, name, strlen(name) + 1);
    tokens->count++;
    return BB_OK;
}

static enum status read_document(json_t *document, struct bb_reason *reason, struct tokens *out)
{
    int version;
    json_t *list;
    enum status status = BB_OK;
    if (json_unpack_ex(document, NULL, JSON_STRICT, "{s:i,s:o}", "version", &version, "tokens", &list) != 0 ||
        version != 1 || !json_is_array(list) || json_array_size(list) > TOKENS_MAX) {
        bb_reason_say(reason, "it is to be {\"version\":1,\"tokens\":[…]} with at most %d tokens",
                      TOKENS_MAX);
        return BB_MALFORMED;
    }
    for (size_t i = 0; i < json_array_size(list) && status == BB_OK; i++)
        status = read_token(json_array_get(list, i), out, reason);
    return status;
}

enum status tokens_parse(struct bytes text, struct bb_reason *reason, struct tokens *out)
{
    json_error_t error;
    out->count = 0;
    json_t *document = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL) {
        bb_reason_say(reason, "line %d: %s", error.line, error.text);
        return BB_MALFORMED;
    }
    enum status status = read_document(document, reason, out);
    json_decref(document);
    if (status != BB_OK)
        out->count = 0;
    return status;
}

static enum status read_open(int fd, const char *path, struct bb_reason *reason, struct tokens *out)
{
    struct stat about;
    struct bb_reason why = {""};
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        bb_reason_say(reason, "%.300s: it is no plain file", path);
        return BB_DENIED;
    }
    if ((about.st_mode & 077) != 0) {
        bb_reason_say(reason, "%.300s: others can read it; chmod 600 it", path);
        return BB_DENIED;
    }
    uint8_t *text = about.st_size > TOKENS_FILE_MAX ? NULL : malloc(TOKENS_FILE_MAX);
    ssize_t size = text == NULL ? -1 : read(fd, text, TOKENS_FILE_MAX);
    enum status status = BB_IO;
    if (size < 0)
        bb_reason_say(reason, "%.300s: it cannot be read, or is longer than %d bytes", path, TOKENS_FILE_MAX);
    else
        status = tokens_parse((struct bytes){text, (size_t)size}, &why, out);
    if (status == BB_MALFORMED)
        bb_reason_say(reason, "%.200s: %.200s", path, why.text);
    free(text);
    return status;
}

enum status tokens_read(const char *path, struct bb_reason *reason, struct tokens *out)
{
    out->count = 0;
    /* Not to be waited for: where the file should be there may be a pipe. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return BB_OK;
    if (fd < 0) {
        bb_reason_say(reason, "%.300s: %s", path, strerror(errno));
        return BB_IO;
    }
    enum status status = read_open(fd, path, reason, out);
    close(fd);
    return status;
}

static char *print(const struct tokens *tokens)
{
    json_t *list = json_array();
    for (size_t i = 0; i < tokens->count; i++) {
        const struct token *t = &tokens->list[i];
        char hash[65];
        for (size_t k = 0; k < 32; k++)
            snprintf(hash + 2 * k, 3, "%02x", t->hash[k]);
        json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:I}", "name", t->name, "role", roles[t->role],
                                              "sha256", hash, "created_ms", (json_int_t)t->created_ms));
    }
    json_t *document = json_pack("{s:i,s:o}", "version", 1, "tokens", list);
    char *text = document == NULL ? NULL : json_dumps(document, JSON_INDENT(1));
    json_decref(document);
    return text;
}

static bool write_whole(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t size = strlen(text);
    if (fd < 0)
        return false;
    bool written = write(fd, text, size) == (ssize_t)size && write(fd, "\n", 1) == 1 &&
                   fchmod(fd, 0600) == 0 && fsync(fd) == 0;
    return close(fd) == 0 && written;
}

enum status tokens_write(const char *path, const struct tokens *tokens, struct bb_reason *reason)
{
    char beside[4200];
    snprintf(beside, sizeof beside, "%.4100s.new.%ld", path, (long)getpid());
    char *text = print(tokens);
    bool done = text != NULL && write_whole(beside, text) && rename(beside, path) == 0;
    if (!done) {
        bb_reason_say(reason, "%.300s: %s", path, text == NULL ? "the memory ran out" : strerror(errno));
        unlink(beside);
    }
    free(text);
    return done ? BB_OK : BB_IO;
}

/* -- the list -----------------------------------------------------------------------------------------------
 */

enum status tokens_add(struct tokens *tokens, const char *name, enum token_role role, int64_t now_ms,
                       char secret_out[TOKENS_SECRET_SIZE])
{
    uint8_t random[32];
    if (!name_fits(name) || role == TOKEN_NOBODY)
        return BB_RANGE;
    if (place_of(tokens, name) < tokens->count)
        return BB_EXISTS;
    if (tokens->count == TOKENS_MAX)
        return BB_FULL;
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return BB_IO;
    memcpy(secret_out, PREFIX, sizeof PREFIX);
    base64_encode_url((struct bytes){random, sizeof random}, secret_out + sizeof PREFIX - 1);
    explicit_bzero(random, sizeof random);
    struct token *token = &tokens->list[tokens->count++];
    *token = (struct token){.role = role, .created_ms = now_ms};
    memcpy(token->name, name, strlen(name) + 1);
    struct bytes secret = bytes_of(secret_out);
    struct hash hash = hash_sha256(&secret, 1);
    memcpy(token->hash, hash.bytes, sizeof token->hash);
    return BB_OK;
}

enum status tokens_remove(struct tokens *tokens, const char *name)
{
    size_t place = place_of(tokens, name);
    if (place == tokens->count)
        return BB_NOT_FOUND;
    tokens->count--;
    memmove(&tokens->list[place], &tokens->list[place + 1], (tokens->count - place) * sizeof *tokens->list);
    return BB_OK;
}

const struct token *tokens_find(const struct tokens *tokens, const char *secret)
{
    const struct token *found = NULL;
    struct bytes text = bytes_of(secret);
    struct hash hash = hash_sha256(&text, 1);
    for (size_t i = 0; i < tokens->count; i++) {
        uint8_t differs = 0;
        for (size_t k = 0; k < sizeof tokens->list[i].hash; k++)
            differs |= tokens->list[i].hash[k] ^ hash.bytes[k];
        if (differs == 0)
            found = &tokens->list[i];
    }
    return found;
}

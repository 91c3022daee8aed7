#include "bus/client/keys.h"

#include "bus/client/base64.h"

#include <busbar/check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define KEY_BYTES 32
/* A key file is about 115 bytes; anything near this is none. */
#define KEY_FILE_MAX 4096

enum status keys_generate(struct keys *out)
{
    struct keys fresh;
    if (zmq_curve_keypair(fresh.public_key, fresh.secret_key) != 0)
        return BB_IO;
    *out = fresh;
    keys_wipe(&fresh);
    return BB_OK;
}

void keys_wipe(struct keys *keys)
{
    explicit_bzero(keys, sizeof *keys);
}

/* zmq_z85_decode accepts some texts whose groups overflow 32 bits; encoding again finds them. */
static bool key_bytes(const char *z85, uint8_t raw[KEY_BYTES])
{
    static const char alphabet[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    if (strlen(z85) != KEY_Z85_SIZE - 1 || strspn(z85, alphabet) != KEY_Z85_SIZE - 1)
        return false;
    char again[KEY_Z85_SIZE] = "";
    bool same = zmq_z85_decode(raw, z85) != NULL && zmq_z85_encode(again, raw, KEY_BYTES) != NULL &&
                memcmp(again, z85, KEY_Z85_SIZE) == 0;
    explicit_bzero(again, sizeof again);
    return same;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool bytes_of_hex(const char *text, uint8_t raw[KEY_BYTES])
{
    for (size_t i = 0; i < KEY_BYTES; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        raw[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool bytes_of_base64(const char *text, size_t length, uint8_t raw[KEY_BYTES])
{
    size_t size = 0;
    if (length == KEY_BASE64_SIZE && text[length - 1] == '=')
        length--;
    return length == KEY_BASE64_SIZE - 1 && base64_decode(text, length, raw, KEY_BYTES, &size) == BB_OK &&
           size == KEY_BYTES;
}

enum status keys_from_text(const char *text, char *z85_out)
{
    uint8_t raw[KEY_BYTES];
    size_t length = strlen(text);
    bool fits = length == KEY_Z85_SIZE - 1 ? key_bytes(text, raw)
                : length == 2 * KEY_BYTES  ? bytes_of_hex(text, raw)
                                           : bytes_of_base64(text, length, raw);
    if (fits)
        zmq_z85_encode(z85_out, raw, KEY_BYTES);
    explicit_bzero(raw, sizeof raw);
    return fits ? BB_OK : BB_MALFORMED;
}

enum status keys_to_base64(const char *z85, char *base64_out)
{
    uint8_t raw[KEY_BYTES];
    if (!key_bytes(z85, raw))
        return BB_MALFORMED;
    base64_encode_url((struct bytes){raw, KEY_BYTES}, base64_out);
    explicit_bzero(raw, sizeof raw);
    return BB_OK;
}

enum status keys_fingerprint(const char *z85, char *fingerprint_out)
{
    static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t raw[KEY_BYTES];
    if (!key_bytes(z85, raw))
        return BB_MALFORMED;
    char *at = fingerprint_out;
    for (unsigned i = 0; i < 16; i++) {
        unsigned bit = 5 * i, pair = (unsigned)raw[bit / 8] << 8 | raw[bit / 8 + 1];
        if (i > 0 && i % 4 == 0)
            *at++ = '-';
        *at++ = base32[pair >> (11 - bit % 8) & 31];
    }
    *at = '\0';
    return BB_OK;
}

static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(fd, text, size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        text += wrote;
        size -= (size_t)wrote;
    }
    return true;
}

enum status keys_save(const char *path, const struct keys *keys, struct bb_reason *reason)
{
    char public_text[KEY_BASE64_SIZE], secret_text[KEY_BASE64_SIZE], text[160];
    if (keys_to_base64(keys->public_key, public_text) || keys_to_base64(keys->secret_key, secret_text)) {
        bb_reason_say(reason, "%s: the keys to be saved are no CURVE keys", path);
        return BB_MALFORMED;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum status status = fd >= 0 ? BB_OK : errno == EEXIST ? BB_EXISTS : BB_IO;
    if (status != BB_OK) {
        bb_reason_say(reason, "%s: %s%s", path, strerror(errno),
                      status == BB_EXISTS ? "; a key file is never overwritten: remove it first" : "");
    } else {
        int size =
            snprintf(text, sizeof text, "{\"public\":\"%s\",\"secret\":\"%s\"}\n", public_text, secret_text);
        bool kept = fchmod(fd, 0600) == 0 && write_all(fd, text, (size_t)size) && fsync(fd) == 0;
        if (close(fd) != 0 || !kept) {
            bb_reason_say(reason, "%s: cannot be written: %s", path, strerror(errno));
            (void)unlink(path);
            status = BB_IO;
        }
    }
    explicit_bzero(text, sizeof text);
    explicit_bzero(secret_text, sizeof secret_text);
    return status;
}

/* Reads a small file into text[KEY_FILE_MAX]. `secret`: refuse a file that others can read. */
static enum status read_small(const char *path, bool secret, char *text, struct bb_reason *reason)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        bb_reason_say(reason, "%s: %s", path, strerror(errno));
        return errno == ENOENT ? BB_NOT_FOUND : BB_IO;
    }
    struct stat about;
    enum status status = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) ? BB_OK : BB_IO;
    if (status != BB_OK)
        bb_reason_say(reason, "%s: not a regular file", path);
    if (status == BB_OK && secret && (about.st_mode & 077) != 0) {
        bb_reason_say(reason,
                      "%s: others can read this secret key (mode %03o): chmod 600 it, and make a new pair if "
                      "it may have been read",
                      path, (unsigned)about.st_mode & 0777);
        status = BB_DENIED;
    }
    ssize_t size = status == BB_OK ? read(fd, text, KEY_FILE_MAX) : 0;
    if (status == BB_OK && (size <= 0 || size == KEY_FILE_MAX)) {
        bb_reason_say(reason, "%s: %s", path,
                      size < 0    ? strerror(errno)
                      : size == 0 ? "empty"
                                  : "too large for a key");
        status = size < 0 ? BB_IO : BB_MALFORMED;
    }
    if (status == BB_OK)
        text[size] = '\0';
    close(fd);
    return status;
}

static enum status pair_of_json(const char *text, struct keys *out)
{
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *public_text = NULL, *secret_text = NULL;
    char derived[KEY_Z85_SIZE];
    struct keys pair;
    bool good = root != NULL &&
                json_unpack(root, "{s:s,s:s}", "public", &public_text, "secret", &secret_text) == 0 &&
                keys_from_text(public_text, pair.public_key) == BB_OK &&
                keys_from_text(secret_text, pair.secret_key) == BB_OK &&
                zmq_curve_public(derived, pair.secret_key) == 0 && strcmp(derived, pair.public_key) == 0;
    if (secret_text != NULL)
        explicit_bzero((char *)(uintptr_t)secret_text, strlen(secret_text));
    json_decref(root);
    if (good)
        *out = pair;
    keys_wipe(&pair);
    return good ? BB_OK : BB_MALFORMED;
}

enum status keys_load(const char *path, struct keys *out, struct bb_reason *reason)
{
    char text[KEY_FILE_MAX];
    enum status status = read_small(path, true, text, reason);
    if (status == BB_OK) {
        status = pair_of_json(text, out);
        if (status != BB_OK)
            bb_reason_say(reason, "%s: not a key pair {\"public\",\"secret\"} whose two keys belong together",
                          path);
    }
    explicit_bzero(text, sizeof text);
    return status;
}

enum status keys_save_public(const char *path, const char *z85, struct bb_reason *reason)
{
    char line[KEY_BASE64_SIZE + 1], fresh[4096];
    if (keys_to_base64(z85, line) != BB_OK ||
        (size_t)snprintf(fresh, sizeof fresh, "%s.new", path) >= sizeof fresh) {
        bb_reason_say(reason, "%s: not a CURVE key, or the path is too long", path);
        return BB_RANGE;
    }
    size_t size = strlen(line);
    line[size++] = '\n';
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool kept = fd >= 0 && write_all(fd, line, size);
    if (fd >= 0)
        kept = close(fd) == 0 && kept;
    kept = kept && rename(fresh, path) == 0;
    if (!kept)
        bb_reason_say(reason, "%s: cannot be written: %s", path, strerror(errno));
    return kept ? BB_OK : BB_IO;
}

enum status keys_load_public(const char *path, char *z85_out, struct bb_reason *reason)
{
    char text[KEY_FILE_MAX];
    enum status status = read_small(path, false, text, reason);
    if (status != BB_OK)
        return status;
    text[strcspn(text, " \t\r\n")] = '\0';
    status = keys_from_text(text, z85_out);
    if (status != BB_OK)
        bb_reason_say(reason, "%s: not a public key (base64url of 43 characters, Z85 or hex)", path);
    return status;
}

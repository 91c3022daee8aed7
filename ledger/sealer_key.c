#include "ledger/sealer_key.h"

#include "ledger/crypto/hex.h"
#include "ledger/crypto/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_DIGITS 64

static enum status refuse(struct bb_reason *reason, enum status status, const char *path, const char *why)
{
    bb_reason_say(reason, "%.300s: %s", path, why);
    return status;
}

/* "0x" and the digits of the file to text_out[KEY_DIGITS + 3]. */
static enum status read_digits(int fd, const char *path, char *text_out, struct bb_reason *reason)
{
    struct stat about;
    char file[KEY_DIGITS + 8];
    if (fstat(fd, &about) != 0)
        return refuse(reason, BB_IO, path, strerror(errno));
    if (!S_ISREG(about.st_mode) || (about.st_mode & 077) != 0)
        return refuse(reason, BB_DENIED, path,
                      "others could read the sealer's key; run: chmod 600 on this file");
    ssize_t size = read(fd, file, sizeof file);
    if (size < 0)
        return refuse(reason, BB_IO, path, strerror(errno));
    const char *digits = size >= 2 && memcmp(file, "0x", 2) == 0 ? file + 2 : file;
    size_t left = (size_t)(size - (digits - file));
    while (left > 0 && memchr(" \t\r\n", digits[left - 1], 4) != NULL)
        left--;
    memcpy(text_out, "0x", 3);
    if (left == KEY_DIGITS) {
        memcpy(text_out + 2, digits, left);
        text_out[left + 2] = '\0';
    }
    explicit_bzero(file, sizeof file);
    return BB_OK;
}

enum status sealer_key_load(const char *path, struct signer *signer, struct bb_reason *reason,
                            struct secret *out)
{
    char text[KEY_DIGITS + 3];
    struct secret secret;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return refuse(reason, BB_NOT_FOUND, path,
                      "the sealer's key is not there; `busbar chain init` makes a ledger with its key");
    if (fd < 0)
        return refuse(reason, errno == EACCES ? BB_DENIED : BB_IO, path, strerror(errno));
    enum status status = read_digits(fd, path, text, reason);
    close(fd);
    if (status != BB_OK)
        return status;
    status = hex_parse(text, secret.bytes, sizeof secret.bytes);
    explicit_bzero(text, sizeof text);
    if (status == BB_OK && secret_valid(signer, &secret))
        *out = secret;
    else
        status = refuse(reason, BB_MALFORMED, path, "expected a key as 64 hexadecimal digits");
    explicit_bzero(&secret, sizeof secret);
    return status;
}

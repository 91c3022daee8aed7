#include "agents/cli/wallet.h"

#include "agents/cli/home.h"
#include "agents/cli/passphrase.h"
#include "ledger/crypto/address.h"
#include "ledger/crypto/secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOME_ROOM     512
#define FOLDER_ROOM   (HOME_ROOM + 8)
#define KEYSTORE_ROOM 65536

/* About half a second and 128 MiB for whoever tries a passphrase, as geth has it; and a thirtieth of that,
 * for tests and small machines. */
static const struct keystore_cost STANDARD = {131072, 8, 1}, LIGHT = {4096, 8, 1};

static enum exit_code folder_of(const struct call *call, char folder[FOLDER_ROOM])
{
    char home[HOME_ROOM];
    struct bb_reason reason;
    enum status status = home_find(call_value(call, "home"), &reason, home, sizeof home);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "%s", reason.text);
    snprintf(folder, FOLDER_ROOM, "%s/wallet", home);
    return EXIT_DONE;
}

static bool name_valid(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t length = strspn(name, letters);
    return length > 0 && length < WALLET_NAME_ROOM && name[length] == '\0' && name[0] != '.' &&
           name[0] != '-' && strncmp(name, "0x", 2) != 0;
}

/* Fills in name and path. */
static void place(struct wallet_key *key, const char *folder, const char *name)
{
    *key = (struct wallet_key){.has_address = false};
    snprintf(key->name, sizeof key->name, "%s", name);
    snprintf(key->path, sizeof key->path, "%s/%s.json", folder, key->name);
}

/* Fills in the address that the file claims. */
static void look(struct wallet_key *key)
{
    struct input input;
    if (input_read(key->path, KEYSTORE_ROOM, NULL, &input) != BB_OK)
        return;
    key->has_address = keystore_address(input_bytes(&input), &key->address) == BB_OK;
    input_wipe(&input);
}

/* The name of a key's file without its .json to name[WALLET_NAME_ROOM]; false: it is no key's. */
static bool name_of(const char *file, char *name)
{
    size_t length = strlen(file);
    if (length <= 5 || length - 5 >= WALLET_NAME_ROOM || strcmp(file + length - 5, ".json") != 0)
        return false;
    memcpy(name, file, length - 5);
    name[length - 5] = '\0';
    return name_valid(name);
}

static int is_key(const struct dirent *entry)
{
    char name[WALLET_NAME_ROOM];
    return name_of(entry->d_name, name);
}

enum exit_code wallet_list(const struct call *call, struct wallet_key **keys_out, size_t *count_out)
{
    char folder[FOLDER_ROOM];
    enum exit_code code = folder_of(call, folder);
    if (code != EXIT_DONE)
        return code;
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_key, alphasort);
    if (count < 0 && errno != ENOENT)
        return call_fail(call, EXIT_FAILED, "%s: %s", folder, strerror(errno));
    count = count < 0 ? 0 : count;
    struct wallet_key *keys = calloc((size_t)count + 1, sizeof *keys);
    for (int i = 0; i < count; i++) {
        char name[WALLET_NAME_ROOM];
        if (keys != NULL && name_of(entries[i]->d_name, name)) {
            place(&keys[i], folder, name);
            look(&keys[i]);
        }
        free(entries[i]);
    }
    free(entries);
    if (keys == NULL)
        return call_fail(call, EXIT_FAILED, "no memory");
    *keys_out = keys;
    *count_out = (size_t)count;
    return EXIT_DONE;
}

static enum exit_code find_address(const struct call *call, const char *text, const struct address *address,
                                   struct wallet_key *out)
{
    struct wallet_key *keys;
    size_t count;
    enum exit_code code = wallet_list(call, &keys, &count);
    if (code != EXIT_DONE)
        return code;
    code = EXIT_MISSING;
    for (size_t i = 0; i < count && code != EXIT_DONE; i++)
        if (keys[i].has_address && address_equal(&keys[i].address, address)) {
            *out = keys[i];
            code = EXIT_DONE;
        }
    free(keys);
    if (code != EXIT_DONE)
        return call_fail(call, code, "the wallet holds no key of %s; busbar key list shows what it holds",
                         text);
    return EXIT_DONE;
}

enum exit_code wallet_find(const struct call *call, const char *name_or_address, struct wallet_key *out)
{
    struct address address;
    if (address_parse(name_or_address, &address) == BB_OK)
        return find_address(call, name_or_address, &address, out);
    if (!name_valid(name_or_address))
        return call_fail(call, EXIT_USAGE, "\"%s\" is neither a key's name nor an address%s", name_or_address,
                         strncmp(name_or_address, "0x", 2) == 0 ? " (is its checksum right?)" : "");
    char folder[FOLDER_ROOM];
    enum exit_code code = folder_of(call, folder);
    if (code != EXIT_DONE)
        return code;
    struct wallet_key key;
    place(&key, folder, name_or_address);
    if (access(key.path, F_OK) != 0)
        return call_fail(call, EXIT_MISSING,
                         "the wallet holds no key \"%s\"; busbar key list shows what it "
                         "holds, busbar key new %s makes one",
                         key.name, key.name);
    look(&key);
    *out = key;
    return EXIT_DONE;
}

enum exit_code wallet_read(const struct call *call, const struct wallet_key *key, struct input *out)
{
    int fd = open(key->path, O_RDONLY | O_CLOEXEC);
    struct stat found;
    struct bb_reason reason;
    if (fd < 0 || fstat(fd, &found) != 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return call_fail(call, EXIT_FAILED, "%s: %s", key->path, strerror(error));
    }
    if ((found.st_mode & 077) != 0) {
        close(fd);
        return call_fail(call, EXIT_DENIED, "%s: others can read it; chmod 600 it first", key->path);
    }
    enum status status = input_read_from(fd, key->path, KEYSTORE_ROOM, &reason, out);
    close(fd);
    return status == BB_OK ? EXIT_DONE : call_fail(call, EXIT_FAILED, "%s", reason.text);
}

static enum exit_code unseal(const struct call *call, const struct wallet_key *key, const struct input *file,
                             const struct passphrase *passphrase, struct secret *secret_out,
                             struct address *address_out)
{
    struct signer *signer;
    struct bb_reason reason = {"no memory"};
    if (signer_open(&signer) != BB_OK)
        return call_fail(call, EXIT_FAILED, "libsecp256k1 does not start");
    enum status status =
        keystore_open(signer, input_bytes(file), passphrase_bytes(passphrase), &reason, secret_out);
    if (status == BB_OK)
        *address_out = signer_address(signer, secret_out);
    signer_close(signer);
    if (status == BB_OK)
        return EXIT_DONE;
    return call_fail(call, status == BB_DENIED ? EXIT_DENIED : EXIT_USAGE, "%s: %s", key->path, reason.text);
}

enum exit_code wallet_open(const struct call *call, const char *name_or_address, struct secret *secret_out,
                           struct address *address_out)
{
    struct wallet_key key;
    struct input file;
    struct passphrase passphrase;
    enum exit_code code = wallet_find(call, name_or_address, &key);
    if (code == EXIT_DONE)
        code = wallet_read(call, &key, &file);
    if (code != EXIT_DONE)
        return code;
    code = passphrase_take(call, key.name, false, &passphrase);
    if (code == EXIT_DONE) {
        code = unseal(call, &key, &file, &passphrase, secret_out, address_out);
        passphrase_wipe(&passphrase);
    }
    input_wipe(&file);
    return code;
}

enum exit_code wallet_place(const struct call *call, const char *name, struct wallet_key *out)
{
    char folder[FOLDER_ROOM];
    if (!name_valid(name))
        return call_fail(
            call, EXIT_USAGE,
            "\"%s\" cannot be a key's name: letters, digits, _ . and -, at most %d, no dot, - or 0x "
            "in front",
            name, WALLET_NAME_ROOM - 1);
    enum exit_code code = folder_of(call, folder);
    if (code != EXIT_DONE)
        return code;
    place(out, folder, name);
    if (access(out->path, F_OK) == 0)
        return call_fail(call, EXIT_FAILED, "%s is there already; a key is never overwritten", out->path);
    return EXIT_DONE;
}

/* Writes a whole new file at `path` or none: a draft beside it, then a link, which fails when it is there. */
static enum status write_new(const char *folder, const char *path, const char *text, struct bb_reason *reason)
{
    char draft[FOLDER_ROOM + 16];
    snprintf(draft, sizeof draft, "%s/.key.XXXXXX", folder);
    int fd = mkostemp(draft, O_CLOEXEC);
    if (fd < 0)
        return call_reason(reason, BB_IO, "%s: %s", draft, strerror(errno));
    size_t size = strlen(text);
    bool done = write(fd, text, size) == (ssize_t)size && fchmod(fd, 0600) == 0 && fsync(fd) == 0;
    done = close(fd) == 0 && done;
    done = done && link(draft, path) == 0;
    int error = errno;
    unlink(draft);
    int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        done = fsync(directory) == 0 && done;
        close(directory);
    }
    if (!done)
        return call_reason(reason, error == EEXIST ? BB_EXISTS : BB_IO, "%s: %s", path, strerror(error));
    return BB_OK;
}

enum exit_code wallet_add(const struct call *call, struct wallet_key *key, const struct secret *secret,
                          struct bytes passphrase)
{
    struct signer *signer;
    struct bb_reason reason = {"no memory"};
    char folder[FOLDER_ROOM], *json = NULL;
    bool made;
    enum exit_code code = folder_of(call, folder);
    if (code != EXIT_DONE)
        return code;
    if (signer_open(&signer) != BB_OK)
        return call_fail(call, EXIT_FAILED, "libsecp256k1 does not start");
    enum status status =
        keystore_seal(signer, secret, passphrase, call_flag(call, "light") ? LIGHT : STANDARD, &json);
    key->address = signer_address(signer, secret);
    key->has_address = true;
    signer_close(signer);
    if (status == BB_OK)
        status = home_folder(folder, &reason, &made);
    if (status == BB_OK)
        status = write_new(folder, key->path, json, &reason);
    free(json);
    return status == BB_OK ? EXIT_DONE : call_fail(call, exit_of(status), "%s", reason.text);
}

/* busbar key new, list, show, import, export: the user's own keys. Nothing here talks to the bus. */
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/passphrase.h"
#include "agents/cli/verbs.h"
#include "agents/cli/wallet.h"
#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"
#include "ledger/crypto/secret.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX 65536

/* The address for people and programs; "" when the file does not claim one. */
static const char *address_text(const struct wallet_key *key, char out[ADDRESS_TEXT])
{
    *out = '\0';
    if (key->has_address)
        address_format(&key->address, out);
    return out;
}

static json_t *key_json(const struct wallet_key *key)
{
    char text[ADDRESS_TEXT];
    return json_pack("{s:s, s:s?, s:s}", "name", key->name, "address",
                     key->has_address ? address_text(key, text) : NULL, "file", key->path);
}

static void print_key(const struct call *call, const struct wallet_key *key)
{
    char text[ADDRESS_TEXT];
    if (call_flag(call, "json")) {
        json_t *document = json_document(), *members = key_json(key);
        json_object_update(document, members);
        json_decref(members);
        json_print(stdout, document);
        return;
    }
    printf("name     %s\n", key->name);
    printf("address  %s\n", key->has_address ? address_text(key, text) : "not in the file");
    printf("file     %s\n", key->path);
}

/* Seals a secret under a new name and shows it. */
static enum exit_code add(const struct call *call, struct wallet_key *key, const struct secret *secret,
                          const struct passphrase *passphrase)
{
    enum exit_code code = wallet_add(call, key, secret, passphrase_bytes(passphrase));
    if (code == EXIT_DONE)
        print_key(call, key);
    return code;
}

static enum exit_code make(const struct call *call, struct secret *out)
{
    struct signer *signer;
    enum status status = signer_open(&signer);
    if (status == BB_OK) {
        status = secret_new(signer, out);
        signer_close(signer);
    }
    return status == BB_OK ? EXIT_DONE : call_fail(call, EXIT_FAILED, "the kernel gave no randomness");
}

enum exit_code verb_key_new(const struct call *call)
{
    struct wallet_key key;
    struct passphrase passphrase;
    struct secret secret;
    enum exit_code code = wallet_place(call, call->args[0], &key);
    if (code == EXIT_DONE)
        code = passphrase_take(call, key.name, true, &passphrase);
    if (code != EXIT_DONE)
        return code;
    code = make(call, &secret);
    if (code == EXIT_DONE)
        code = add(call, &key, &secret, &passphrase);
    secret_wipe(&secret);
    passphrase_wipe(&passphrase);
    return code;
}

static void list_json(const struct wallet_key *keys, size_t count)
{
    json_t *document = json_document(), *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, key_json(&keys[i]));
    json_object_set_new(document, "keys", list);
    json_print(stdout, document);
}

static void list_table(const struct wallet_key *keys, size_t count)
{
    static const struct table_column columns[] = {{"name", "name", false}, {"address", "address", false}};
    struct table table = table_of(columns, 2);
    for (size_t i = 0; i < count; i++) {
        char text[ADDRESS_TEXT];
        table_add(&table, (const char *[]){keys[i].name, address_text(&keys[i], text)});
    }
    format_table(FORMAT_PEOPLE, &table);
    table_free(&table);
}

enum exit_code verb_key_list(const struct call *call)
{
    struct wallet_key *keys;
    size_t count;
    enum exit_code code = wallet_list(call, &keys, &count);
    if (code != EXIT_DONE)
        return code;
    if (call_flag(call, "json"))
        list_json(keys, count);
    else if (count == 0)
        puts("no keys; busbar key new NAME makes one");
    else
        list_table(keys, count);
    free(keys);
    return EXIT_DONE;
}

enum exit_code verb_key_show(const struct call *call)
{
    struct wallet_key key;
    enum exit_code code = wallet_find(call, call->args[0], &key);
    if (code == EXIT_DONE)
        print_key(call, &key);
    return code;
}

/* 64 hexadecimal digits, with or without 0x. */
static bool read_digits(const char *text, struct secret *out)
{
    char prefixed[HEX_HASH] = "0x";
    if (strncmp(text, "0x", 2) == 0)
        text += 2;
    bool fits = strlen(text) == HEX_HASH - 3;
    if (fits) {
        memcpy(prefixed + 2, text, HEX_HASH - 2);
        fits = hex_parse(prefixed, out->bytes, sizeof out->bytes) == BB_OK;
    }
    explicit_bzero(prefixed, sizeof prefixed);
    return fits;
}

/* The secret in the file: a keystore's under the passphrase, or bare digits. */
static enum exit_code extract(const struct call *call, struct input *file, bool keystore,
                              const struct passphrase *passphrase, struct secret *out)
{
    struct signer *signer;
    struct bb_reason reason = {"it is neither a keystore nor 64 hexadecimal digits of a key"};
    if (signer_open(&signer) != BB_OK)
        return call_fail(call, EXIT_FAILED, "libsecp256k1 does not start");
    enum status status = BB_OK;
    if (keystore)
        status = keystore_open(signer, input_bytes(file), passphrase_bytes(passphrase), &reason, out);
    else if (strlen(file->text) != file->size || !read_digits(file->text, out) || !secret_valid(signer, out))
        status = BB_MALFORMED;
    signer_close(signer);
    if (status == BB_OK)
        return EXIT_DONE;
    return call_fail(call, status == BB_DENIED ? EXIT_DENIED : EXIT_USAGE, "%s: %s", call->args[1],
                     reason.text);
}

/* Takes the file's white space away at both ends. */
static void trim(struct input *file)
{
    size_t start = 0;
    while (file->size > 0 && isspace((unsigned char)file->text[file->size - 1]))
        file->text[--file->size] = '\0';
    while (start < file->size && isspace((unsigned char)file->text[start]))
        start++;
    file->size -= start;
    memmove(file->text, file->text + start, file->size + 1);
}

enum exit_code verb_key_import(const struct call *call)
{
    struct wallet_key key;
    struct input file;
    struct passphrase passphrase;
    struct secret secret = {{0}};
    struct bb_reason reason;
    const char *passphrase_file = call_value(call, "passphrase-file");
    if (strcmp(call->args[1], "-") == 0 && passphrase_file != NULL && strcmp(passphrase_file, "-") == 0)
        return call_fail(call, EXIT_USAGE, "the key and the passphrase cannot both be standard input");
    enum exit_code code = wallet_place(call, call->args[0], &key);
    if (code != EXIT_DONE)
        return code;
    enum status status = input_read(call->args[1], KEY_FILE_MAX, &reason, &file);
    if (status != BB_OK)
        return call_fail(call, status == BB_FULL ? EXIT_USAGE : exit_of(status), "%s", reason.text);
    trim(&file);
    bool keystore = file.text[0] == '{';
    code = passphrase_take(call, key.name, !keystore, &passphrase);
    if (code == EXIT_DONE) {
        code = extract(call, &file, keystore, &passphrase, &secret);
        if (code == EXIT_DONE)
            code = add(call, &key, &secret, &passphrase);
        passphrase_wipe(&passphrase);
    }
    secret_wipe(&secret);
    input_wipe(&file);
    return code;
}

static enum exit_code export_secret(const struct call *call)
{
    struct secret secret;
    struct address address;
    char text[HEX_HASH];
    enum exit_code code = wallet_open(call, call->args[0], &secret, &address);
    if (code != EXIT_DONE)
        return code;
    hex_format((struct bytes){secret.bytes, sizeof secret.bytes}, text);
    secret_wipe(&secret);
    puts(text);
    explicit_bzero(text, sizeof text);
    return EXIT_DONE;
}

enum exit_code verb_key_export(const struct call *call)
{
    struct wallet_key key;
    struct input file;
    if (call_flag(call, "secret"))
        return export_secret(call);
    enum exit_code code = wallet_find(call, call->args[0], &key);
    if (code == EXIT_DONE)
        code = wallet_read(call, &key, &file);
    if (code != EXIT_DONE)
        return code;
    trim(&file);
    puts(file.text);
    input_wipe(&file);
    return EXIT_DONE;
}

#include "ledger/crypto/keystore_file.h"

#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"
#include "ledger/crypto/scrypt.h"

#include <jansson.h>
#include <stdlib.h>

/* A reading: the field at fault is named once, by whoever finds it. */
struct reading {
    struct bb_reason *reason;
    struct keystore_file *out;
};

static enum status wrong(struct reading *r, const char *field, const char *what)
{
    bb_reason_say(r->reason, "keystore: %s: %s", field, what);
    return BB_MALFORMED;
}

/* Hexadecimal text, as keystores have it without 0x, taken with it too. */
static enum status hex_of(struct reading *r, const json_t *in, const char *field, uint8_t *out,
                          size_t capacity, size_t *size_out)
{
    char text[2 * KEYSTORE_SALT_MAX + 3] = "0x";
    const json_t *value = json_object_get(in, field);
    const char *digits = json_string_value(value);
    if (digits == NULL)
        return wrong(r, field, "expected hexadecimal digits");
    if (strncmp(digits, "0x", 2) == 0)
        digits += 2;
    size_t length = strlen(digits);
    if (length > 2 * capacity || length + 3 > sizeof text)
        return wrong(r, field, "is too long");
    memcpy(text + 2, digits, length + 1);
    if (hex_parse_some(text, out, capacity, size_out) != BB_OK)
        return wrong(r, field, "expected an even number of hexadecimal digits");
    return BB_OK;
}

static enum status hex_exactly(struct reading *r, const json_t *in, const char *field, uint8_t *out,
                               size_t size)
{
    size_t found;
    enum status status = hex_of(r, in, field, out, size, &found);
    if (status == BB_OK && found != size)
        return wrong(r, field, "is too short");
    return status;
}

static enum status word_is(struct reading *r, const json_t *in, const char *field, const char *expected)
{
    const char *word = json_string_value(json_object_get(in, field));
    if (word == NULL || strcmp(word, expected) != 0) {
        bb_reason_say(r->reason, "keystore: %s: expected \"%s\"", field, expected);
        return BB_MALFORMED;
    }
    return BB_OK;
}

/* A whole number that fits 32 bits; what is too large is a matter of cost. */
static enum status number_of(struct reading *r, const json_t *in, const char *field, uint32_t *out)
{
    const json_t *value = json_object_get(in, field);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return wrong(r, field, "expected a whole number");
    if (json_integer_value(value) > UINT32_MAX) {
        bb_reason_say(r->reason, "keystore: %s: %lld would take too much memory or time", field,
                      (long long)json_integer_value(value));
        return BB_RANGE;
    }
    *out = (uint32_t)json_integer_value(value);
    return BB_OK;
}

static enum status read_scrypt(struct reading *r, const json_t *params)
{
    struct keystore_cost *cost = &r->out->cost;
    enum status status = number_of(r, params, "n", &cost->n);
    if (status == BB_OK)
        status = number_of(r, params, "r", &cost->r);
    if (status == BB_OK)
        status = number_of(r, params, "p", &cost->p);
    if (status == BB_OK && !scrypt_cost_fits(*cost)) {
        bb_reason_say(r->reason,
                      "keystore: kdfparams: scrypt with n=%u r=%u p=%u: n must be a power of two up to 2^20, "
                      "and the whole stay within 1 GiB and a minute",
                      cost->n, cost->r, cost->p);
        return BB_RANGE;
    }
    return status;
}

static enum status read_pbkdf2(struct reading *r, const json_t *params)
{
    enum status status = word_is(r, params, "prf", "hmac-sha256");
    if (status == BB_OK)
        status = number_of(r, params, "c", &r->out->rounds);
    if (status == BB_OK && (r->out->rounds == 0 || r->out->rounds > KEYSTORE_ROUNDS_MAX)) {
        bb_reason_say(r->reason, "keystore: c: %u rounds of pbkdf2: expected 1 to %u", r->out->rounds,
                      KEYSTORE_ROUNDS_MAX);
        return BB_RANGE;
    }
    return status;
}

/* The first 32 bytes of a derived key do not depend on how many are asked for, in either function. */
static enum status read_length(struct reading *r, const json_t *params)
{
    uint32_t length;
    enum status status = number_of(r, params, "dklen", &length);
    if (status == BB_OK && (length < SCRYPT_KEY || length > 1024))
        return wrong(r, "dklen", "expected 32");
    return status;
}

static enum status read_kdf(struct reading *r, const json_t *crypto)
{
    const json_t *params = json_object_get(crypto, "kdfparams");
    const char *kdf = json_string_value(json_object_get(crypto, "kdf"));
    if (!json_is_object(params))
        return wrong(r, "kdfparams", "expected an object");
    enum status status;
    if (kdf != NULL && strcmp(kdf, "scrypt") == 0)
        status = read_scrypt(r, params);
    else if (kdf != NULL && strcmp(kdf, "pbkdf2") == 0)
        status = read_pbkdf2(r, params);
    else
        return wrong(r, "kdf", "expected \"scrypt\" or \"pbkdf2\"");
    if (status == BB_OK)
        status = read_length(r, params);
    if (status == BB_OK)
        status = hex_of(r, params, "salt", r->out->salt, sizeof r->out->salt, &r->out->salt_size);
    return status;
}

static enum status read_crypto(struct reading *r, const json_t *root)
{
    const json_t *crypto = json_object_get(root, "crypto");
    if (crypto == NULL)
        crypto = json_object_get(root, "Crypto");
    if (!json_is_object(crypto))
        return wrong(r, "crypto", "expected an object");
    const json_t *cipher = json_object_get(crypto, "cipherparams");
    enum status status = word_is(r, crypto, "cipher", "aes-128-ctr");
    if (status == BB_OK)
        status = hex_exactly(r, cipher, "iv", r->out->iv, sizeof r->out->iv);
    if (status == BB_OK)
        status = hex_exactly(r, crypto, "ciphertext", r->out->ciphertext, sizeof r->out->ciphertext);
    if (status == BB_OK)
        status = hex_exactly(r, crypto, "mac", r->out->code, sizeof r->out->code);
    if (status == BB_OK)
        status = read_kdf(r, crypto);
    return status;
}

/* Some keystores do not say whose they are, for privacy. */
static enum status read_address(struct reading *r, const json_t *root)
{
    const json_t *value = json_object_get(root, "address");
    const char *digits = json_string_value(value);
    char text[ADDRESS_TEXT] = "0x";
    r->out->has_address = false;
    if (value == NULL || json_is_null(value))
        return BB_OK;
    if (digits != NULL && strncmp(digits, "0x", 2) == 0)
        digits += 2;
    if (digits == NULL || strlen(digits) != 40)
        return wrong(r, "address", "expected forty hexadecimal digits");
    memcpy(text + 2, digits, 41);
    if (address_parse(text, &r->out->address) != BB_OK)
        return wrong(r, "address", "expected forty hexadecimal digits, with a right checksum if any");
    r->out->has_address = true;
    return BB_OK;
}

static enum status read_version(struct reading *r, const json_t *root)
{
    const json_t *version = json_object_get(root, "version");
    if (!json_is_integer(version))
        return wrong(r, "version", "expected 3");
    if (json_integer_value(version) != 3) {
        bb_reason_say(r->reason, "keystore: version: %lld is not known here, only 3",
                      (long long)json_integer_value(version));
        return BB_VERSION;
    }
    return BB_OK;
}

/* The JSON's root object; NULL and the reason when it is none. */
static json_t *root_of(struct bytes json, struct bb_reason *reason)
{
    json_error_t error;
    if (json.size > KEYSTORE_SIZE_MAX) {
        bb_reason_say(reason, "keystore: more than %d bytes", KEYSTORE_SIZE_MAX);
        return NULL;
    }
    json_t *root =
        json_loadb(json.size > 0 ? (const char *)json.data : "", json.size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        bb_reason_say(reason, "keystore: no JSON: line %d: %s", error.line, error.text);
    else if (!json_is_object(root)) {
        bb_reason_say(reason, "keystore: expected a JSON object");
        json_decref(root);
        root = NULL;
    }
    return root;
}

enum status keystore_file_read(struct bytes json, struct bb_reason *reason, struct keystore_file *out)
{
    struct keystore_file file = {0};
    struct reading reading = {reason, &file};
    json_t *root = root_of(json, reason);
    if (root == NULL)
        return BB_MALFORMED;
    enum status status = read_version(&reading, root);
    if (status == BB_OK)
        status = read_address(&reading, root);
    if (status == BB_OK)
        status = read_crypto(&reading, root);
    json_decref(root);
    if (status == BB_OK)
        *out = file;
    return status;
}

enum status keystore_address(struct bytes json, struct address *out)
{
    struct keystore_file file = {0};
    struct reading reading = {NULL, &file};
    json_t *root = root_of(json, NULL);
    if (root == NULL)
        return BB_MALFORMED;
    enum status status = read_address(&reading, root);
    json_decref(root);
    if (status != BB_OK)
        return status;
    if (!file.has_address)
        return BB_NOT_FOUND;
    *out = file.address;
    return BB_OK;
}

/* A random UUID. Source: RFC 4122 §4.4. */
static void uuid_format(const uint8_t id[16], char out[37])
{
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-4%x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", id[0], id[1],
             id[2], id[3], id[4], id[5], id[6] & 15u, id[7], (id[8] & 0x3fu) | 0x80u, id[9], id[10], id[11],
             id[12], id[13], id[14], id[15]);
}

enum status keystore_file_write(const struct keystore_file *file, const uint8_t id[16], char **json_out)
{
    char address[43], uuid[37], iv[35], ciphertext[HEX_HASH], code[HEX_HASH], salt[2 * KEYSTORE_SALT_MAX + 3];
    hex_format((struct bytes){file->address.bytes, sizeof file->address.bytes}, address);
    hex_format((struct bytes){file->iv, sizeof file->iv}, iv);
    hex_format((struct bytes){file->ciphertext, sizeof file->ciphertext}, ciphertext);
    hex_format((struct bytes){file->code, sizeof file->code}, code);
    hex_format((struct bytes){file->salt, file->salt_size}, salt);
    uuid_format(id, uuid);
    json_t *root =
        json_pack("{s:s, s:s, s:i, s:{s:s, s:{s:s}, s:s, s:s, s:{s:s, s:I, s:i, s:I, s:I}, s:s}}", "address",
                  address + 2, "id", uuid, "version", 3, "crypto", "cipher", "aes-128-ctr", "cipherparams",
                  "iv", iv + 2, "ciphertext", ciphertext + 2, "kdf", "scrypt", "kdfparams", "salt", salt + 2,
                  "n", (json_int_t)file->cost.n, "dklen", SCRYPT_KEY, "p", (json_int_t)file->cost.p, "r",
                  (json_int_t)file->cost.r, "mac", code + 2);
    char *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    if (text == NULL)
        return BB_IO;
    *json_out = text;
    return BB_OK;
}

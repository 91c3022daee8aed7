#include "agents/bundle/seal.h"

#include "ledger/crypto/address.h"
#include "ledger/crypto/eip712.h"
#include "ledger/crypto/hex.h"

#include <jansson.h>
#include <stdio.h>

struct hash seal_statement(const char *name, const char *release, const struct hash *digest)
{
    struct hash domain = eip712_type("EIP712Domain(string name,string version)"),
                type = eip712_type("AgentBundle(string name,string release,bytes32 digest)");
    eip712_word words[3];
    eip712_string(words[0], bytes_of("Busbar Agent"));
    eip712_string(words[1], bytes_of("1"));
    struct hash separator = eip712_struct(&domain, (const eip712_word *)words, 2);
    eip712_string(words[0], bytes_of(name));
    eip712_string(words[1], bytes_of(release));
    memcpy(words[2], digest->bytes, sizeof words[2]);
    struct hash statement = eip712_struct(&type, (const eip712_word *)words, 3);
    return eip712_digest(&separator, &statement);
}

size_t seal_write(const struct address *signer, const uint8_t signature[SIGNATURE_SIZE], char out[SEAL_ROOM])
{
    char address[ADDRESS_TEXT], hex[2 * SIGNATURE_SIZE + 3];
    address_format(signer, address);
    hex_format((struct bytes){signature, SIGNATURE_SIZE}, hex);
    return (size_t)snprintf(out, SEAL_ROOM, "{\"signer\":\"%s\",\"signature\":\"%s\"}\n", address, hex);
}

enum status seal_recover(const uint8_t signature[SIGNATURE_SIZE], const struct hash *statement,
                         struct bb_reason *reason, struct address *signer_out)
{
    struct signer *signer;
    if (signer_open(&signer) != BB_OK) {
        bb_reason_say(reason, "libsecp256k1 does not start");
        return BB_IO;
    }
    enum signature_fault fault = signer_recover(signer, statement, signature, signer_out);
    signer_close(signer);
    if (fault == SIGNATURE_GOOD)
        return BB_OK;
    bb_reason_say(reason, "the signature is none: r, s or v is out of its range");
    return BB_MALFORMED;
}

/* The two fields; false when the file is written in any other way than seal_write's. */
static bool read_fields(struct bytes text, struct address *signer, uint8_t signature[SIGNATURE_SIZE])
{
    char again[SEAL_ROOM];
    if (text.size >= SEAL_ROOM)
        return false;
    json_t *root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    const char *address = json_string_value(json_object_get(root, "signer")),
               *hex = json_string_value(json_object_get(root, "signature"));
    bool good = address != NULL && hex != NULL && address_parse(address, signer) == BB_OK &&
                hex_parse(hex, signature, SIGNATURE_SIZE) == BB_OK;
    json_decref(root);
    return good && bytes_equal((struct bytes){(uint8_t *)again, seal_write(signer, signature, again)}, text);
}

enum status seal_check(struct bytes text, const struct hash *statement, struct bb_reason *reason,
                       struct address *signer_out)
{
    struct address claimed, found;
    uint8_t signature[SIGNATURE_SIZE];
    if (!read_fields(text, &claimed, signature)) {
        bb_reason_say(
            reason, "\"signature.json\" expects {\"signer\":\"0x…\",\"signature\":\"0x…\"}, written just so");
        return BB_MALFORMED;
    }
    struct bb_reason why;
    enum status status = seal_recover(signature, statement, &why, &found);
    if (status != BB_OK) {
        bb_reason_say(reason, "\"signature.json\": %.400s", why.text);
        return status;
    }
    if (!address_equal(&claimed, &found)) {
        char name[ADDRESS_TEXT];
        address_format(&claimed, name);
        bb_reason_say(
            reason,
            "\"signature.json\" is not %s's signature over this bundle: it was altered after it was signed",
            name);
        return BB_MALFORMED;
    }
    *signer_out = found;
    return BB_OK;
}

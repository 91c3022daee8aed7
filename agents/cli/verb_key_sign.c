/* busbar key sign: a digest or a text, signed as wallets do. */
#include "agents/cli/json.h"
#include "agents/cli/verbs.h"
#include "agents/cli/wallet.h"
#include "ledger/crypto/address.h"
#include "ledger/crypto/hash.h"
#include "ledger/crypto/hex.h"
#include "ledger/crypto/secret.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (1024 * 1024)

/* EIP-191, version 0x45: what wallets call a personal message. */
static struct hash personal(struct bytes text)
{
    char head[64];
    int length = snprintf(head, sizeof head,
                          "\x19"
                          "Ethereum Signed Message:\n%zu",
                          text.size);
    size_t size = (size_t)length + text.size;
    uint8_t *message = malloc(size);
    if (message == NULL)
        abort();
    memcpy(message, head, (size_t)length);
    if (text.size > 0)
        memcpy(message + length, text.data, text.size);
    struct hash digest = hash_keccak256((struct bytes){message, size});
    free(message);
    return digest;
}

/* What is to be signed: the digest given, or that of the text given or on standard input. */
static enum exit_code take_digest(const struct call *call, struct hash *out)
{
    struct bb_reason reason;
    struct input input;
    const char *given = call->args[1];
    if (!call_flag(call, "text")) {
        if (hex_parse(given, out->bytes, sizeof out->bytes) == BB_OK)
            return EXIT_DONE;
        return call_fail(call, EXIT_USAGE,
                         "\"%s\" is no digest: 0x and 64 hexadecimal digits; a text is signed with --text",
                         given);
    }
    if (strcmp(given, "-") != 0) {
        *out = personal(bytes_of(given));
        return EXIT_DONE;
    }
    enum status status = input_read(given, TEXT_MAX, &reason, &input);
    if (status != BB_OK)
        return call_fail(call, status == BB_FULL ? EXIT_USAGE : exit_of(status), "%s", reason.text);
    *out = personal(input_bytes(&input));
    input_wipe(&input);
    return EXIT_DONE;
}

static void print_signature(const struct call *call, const struct address *address, const struct hash *digest,
                            const uint8_t signature[SIGNATURE_SIZE])
{
    char signer[ADDRESS_TEXT], hash[HEX_HASH], text[2 * SIGNATURE_SIZE + 3];
    hex_format((struct bytes){signature, SIGNATURE_SIZE}, text);
    if (!call_flag(call, "json")) {
        puts(text);
        return;
    }
    address_format(address, signer);
    hex_format((struct bytes){digest->bytes, sizeof digest->bytes}, hash);
    json_t *document = json_document();
    json_object_set_new(document, "address", json_string(signer));
    json_object_set_new(document, "digest", json_string(hash));
    json_object_set_new(document, "signature", json_string(text));
    json_print(stdout, document);
}

enum exit_code verb_key_sign(const struct call *call)
{
    struct hash digest;
    struct secret secret;
    struct address address;
    struct signer *signer;
    uint8_t signature[SIGNATURE_SIZE];
    enum exit_code code = take_digest(call, &digest);
    if (code == EXIT_DONE)
        code = wallet_open(call, call->args[0], &secret, &address);
    if (code != EXIT_DONE)
        return code;
    if (signer_open(&signer) == BB_OK) {
        signer_sign(signer, &secret, &digest, signature);
        signer_close(signer);
        print_signature(call, &address, &digest, signature);
    } else {
        code = call_fail(call, EXIT_FAILED, "libsecp256k1 does not start");
    }
    secret_wipe(&secret);
    return code;
}

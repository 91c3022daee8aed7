/* Signs transactions for tests that are not in C: a line in, a line out.
 *
 *   address SECRET                      → 0xADDRESS
 *   sign SECRET SEPARATOR MESSAGE       → 0xBYTES 0xID     (MESSAGE: {"type":…,"message":{…}} without a
 * signature)
 *
 *   recover SEPARATOR MESSAGE           → 0xADDRESS 0xID   (MESSAGE with its "signature")
 *   separator CHAIN CONTRACT SALT       → 0xSEPARATOR      (of the domain "Bit-Energy", version "1")
 *
 * SECRET and SEPARATOR are 0x and 64 hexadecimal digits. What cannot be read is answered with "error: …". */
#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"
#include "ledger/crypto/secret.h"
#include "ledger/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct signer *signer;

static bool read_secret(const char *text, struct secret *out)
{
    return text != NULL && hex_parse(text, out->bytes, sizeof out->bytes) == BB_OK &&
           secret_valid(signer, out);
}

static void say_address(char *line)
{
    struct secret secret;
    char text[ADDRESS_TEXT];
    if (!read_secret(line, &secret)) {
        puts("error: no secret");
        return;
    }
    struct address address = signer_address(signer, &secret);
    address_format(&address, text);
    puts(text);
}

/* The message with a signature of zeros, so that message_read takes it. */
static bool read_message(const char *message, struct transaction *out, struct bb_reason *reason)
{
    char *text = NULL;
    uint8_t bytes[TRANSACTION_BYTES_MAX];
    size_t size = 0, length = strlen(message);
    while (length > 0 && strchr(" }\r\n", message[length - 1]) != NULL && message[length - 1] != '}')
        length--;
    if (length == 0 || asprintf(&text, "%.*s,\"signature\":\"0x%0*d\"}", (int)length - 1, message,
                                2 * SIGNATURE_SIZE, 0) < 0)
        return false;
    enum status status = message_read(bytes_of(text), "message", bytes, &size, reason);
    free(text);
    return status == BB_OK && transaction_decode((struct bytes){bytes, size}, out) == BB_OK;
}

static void sign(char *line)
{
    char *rest = line, *secret_text = strsep(&rest, " "), *separator_text = strsep(&rest, " ");
    struct secret secret;
    struct hash separator;
    struct transaction transaction;
    struct bb_reason reason = {"no transaction"};
    uint8_t bytes[TRANSACTION_BYTES_MAX];
    char text[2 * TRANSACTION_BYTES_MAX + 3], id_text[HEX_HASH];
    if (!read_secret(secret_text, &secret) || separator_text == NULL || rest == NULL ||
        hex_parse(separator_text, separator.bytes, sizeof separator.bytes) != BB_OK ||
        !read_message(rest, &transaction, &reason)) {
        printf("error: %s\n", reason.text);
        return;
    }
    struct hash id = transaction_id(&transaction, &separator);
    signer_sign(signer, &secret, &id, transaction.signature);
    hex_format((struct bytes){bytes, transaction_encode(&transaction, bytes)}, text);
    hex_format((struct bytes){id.bytes, sizeof id.bytes}, id_text);
    printf("%s %s\n", text, id_text);
}

static void recover(char *line)
{
    static const char *const FAULTS[] = {[SIGNATURE_BAD_V] = "v is neither 27 nor 28",
                                         [SIGNATURE_HIGH_S] = "s is in the upper half",
                                         [SIGNATURE_BAD_RANGE] = "r or s is out of range"};
    char *rest = line, *separator_text = strsep(&rest, " ");
    struct hash separator;
    struct transaction transaction;
    struct address address;
    struct bb_reason reason = {"no transaction"};
    uint8_t bytes[TRANSACTION_BYTES_MAX];
    char text[ADDRESS_TEXT], id_text[HEX_HASH];
    size_t size = 0;
    if (rest == NULL || hex_parse(separator_text, separator.bytes, sizeof separator.bytes) != BB_OK ||
        message_read(bytes_of(rest), "message", bytes, &size, &reason) != BB_OK ||
        transaction_decode((struct bytes){bytes, size}, &transaction) != BB_OK) {
        printf("error: %s\n", reason.text);
        return;
    }
    struct hash id = transaction_id(&transaction, &separator);
    enum signature_fault fault = signer_recover(signer, &id, transaction.signature, &address);
    if (fault != SIGNATURE_GOOD) {
        printf("error: %s\n", FAULTS[fault]);
        return;
    }
    address_format(&address, text);
    hex_format((struct bytes){id.bytes, sizeof id.bytes}, id_text);
    printf("%s %s\n", text, id_text);
}

static void say_separator(char *line)
{
    char *rest = line, *chain = strsep(&rest, " "), *contract = strsep(&rest, " ");
    struct eip712_domain domain = {.name = "Bit-Energy", .version = "1"};
    char text[HEX_HASH];
    if (contract == NULL || rest == NULL || address_parse(contract, &domain.contract) != BB_OK ||
        hex_parse(rest, domain.salt.bytes, sizeof domain.salt.bytes) != BB_OK) {
        puts("error: no domain");
        return;
    }
    domain.chain_id = strtoull(chain, NULL, 10);
    struct hash separator = eip712_separator(&domain);
    hex_format((struct bytes){separator.bytes, sizeof separator.bytes}, text);
    puts(text);
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    if (signer_open(&signer) != BB_OK)
        return 1;
    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "address ", 8) == 0)
            say_address(line + 8);
        else if (strncmp(line, "sign ", 5) == 0)
            sign(line + 5);
        else if (strncmp(line, "recover ", 8) == 0)
            recover(line + 8);
        else if (strncmp(line, "separator ", 10) == 0)
            say_separator(line + 10);
        else
            puts("error: address, sign, recover or separator");
        fflush(stdout);
    }
    free(line);
    signer_close(signer);
    return 0;
}

/* busbar-verify-receipt: does this file prove that the transaction in it is in the chain? Trusts no server
 * and no library but the hash functions and secp256k1: links the ledger's core and crypto, nothing else. */
#include "ledger/core/statement.h"
#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define GENESIS_BYTES_MAX (1024 * 1024 * 1024)

enum { EXIT_GOOD = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

static const char usage[] =
    "usage: busbar-verify-receipt RECEIPT --genesis-file FILE [--sealer ADDRESS]\n"
    "       busbar-verify-receipt RECEIPT --genesis HASH --chain-id N --contract ADDRESS [--sealer ADDRESS]\n"
    "\n"
    "Checks a receipt file offline, and says what it proves.\n"
    "\n"
    "  --genesis-file FILE  the genesis' canonical bytes: chain, contract and sealer follow from them\n"
    "  --genesis HASH       the genesis' SHA-256, with --chain-id and --contract, when the bytes are not at "
    "hand\n"
    "  --sealer ADDRESS     who must have sealed the last block in the file; default: the genesis' sealer "
    "with\n"
    "                       --genesis-file, anybody with --genesis\n"
    "\n"
    "Exit status: 0 the receipt is good, 1 it is not, 2 it could not be checked.\n";

struct options {
    const char *receipt, *genesis_file, *genesis, *chain_id, *contract, *sealer;
};

static int complain(const char *what, const char *about)
{
    fprintf(stderr, "busbar-verify-receipt: %s%s%s\n", what, *about != '\0' ? ": " : "", about);
    return EXIT_USAGE;
}

/* The bytes of a file of at most `most` bytes, malloc'd; NULL with errno, EFBIG when it is longer. */
static uint8_t *read_file(const char *path, size_t most, size_t *size_out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    size_t capacity = 64 * 1024, size = 0;
    uint8_t *bytes = malloc(capacity);
    while (bytes != NULL) {
        size += fread(bytes + size, 1, capacity - size, file);
        if (size < capacity || size > most)
            break;
        capacity *= 2;
        uint8_t *more = realloc(bytes, capacity);
        if (more == NULL)
            free(bytes);
        bytes = more;
    }
    bool fits = bytes != NULL && size <= most;
    int trouble = ferror(file) ? EIO : fits ? 0 : EFBIG;
    fclose(file);
    if (trouble != 0) {
        free(bytes);
        errno = trouble;
        return NULL;
    }
    *size_out = size;
    return bytes;
}

/* -- what to trust --------------------------------------------------------------------------------------- */

static int trust_file(const char *path, struct proof_trust *out)
{
    size_t size;
    uint8_t *bytes = read_file(path, GENESIS_BYTES_MAX, &size);
    if (bytes == NULL)
        return complain(path, strerror(errno));
    enum status status = proof_trust_genesis((struct bytes){bytes, size}, out);
    free(bytes);
    return status == BB_OK ? EXIT_GOOD : complain(path, "these are not the canonical bytes of a genesis");
}

static int trust_words(const struct options *options, struct proof_trust *out)
{
    *out = (struct proof_trust){0};
    if (hex_parse(options->genesis, out->genesis.bytes, sizeof out->genesis.bytes) != BB_OK)
        return complain("--genesis wants 0x and 64 hexadecimal digits", options->genesis);
    char *end;
    errno = 0;
    out->chain_id = strtoull(options->chain_id, &end, 10);
    if (errno != 0 || *end != '\0' || *options->chain_id < '0' || *options->chain_id > '9')
        return complain("--chain-id wants a number", options->chain_id);
    if (address_parse(options->contract, &out->contract) != BB_OK)
        return complain("--contract wants an address", options->contract);
    return EXIT_GOOD;
}

static int trust_of(const struct options *options, struct proof_trust *out)
{
    bool words = options->genesis != NULL && options->chain_id != NULL && options->contract != NULL;
    bool any_word = options->genesis != NULL || options->chain_id != NULL || options->contract != NULL;
    if (options->receipt == NULL || (options->genesis_file != NULL ? any_word : !words)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    int status =
        options->genesis_file != NULL ? trust_file(options->genesis_file, out) : trust_words(options, out);
    if (status == EXIT_GOOD && options->sealer != NULL &&
        address_parse(options->sealer, &out->sealer) != BB_OK)
        return complain("--sealer wants an address", options->sealer);
    return status;
}

/* -- the check ------------------------------------------------------------------------------------------- */

static void print_line(void *context, const char *line)
{
    fprintf(context, "%s\n", line);
}

static int verify(const char *path, struct bytes bytes, const struct proof_trust *trust)
{
    struct signer *signer;
    if (signer_open(&signer) != BB_OK)
        return complain("no memory for a signature check", "");
    struct proof proof;
    enum proof_fault fault = proof_verify(signer, bytes, trust, &proof);
    signer_close(signer);
    if (fault != PROOF_GOOD) {
        fprintf(stderr, "%s: refused: %s\n", path, proof_text(fault));
        return EXIT_REFUSED;
    }
    printf("%s: good\n", path);
    statement_say(&proof, print_line, stdout);
    if (address_is_none(&trust->sealer))
        puts("You named no --sealer: compare the address above with the one that you know.");
    return fflush(stdout) == 0 ? EXIT_GOOD : EXIT_USAGE;
}

static bool read_options(int argc, char **argv, struct options *out)
{
    static const struct option options[] = {
        {"genesis-file", required_argument, NULL, 'f'},
        {"genesis", required_argument, NULL, 'g'},
        {"chain-id", required_argument, NULL, 'i'},
        {"contract", required_argument, NULL, 'c'},
        {"sealer", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        const char **place = c == 'f'   ? &out->genesis_file
                             : c == 'g' ? &out->genesis
                             : c == 'i' ? &out->chain_id
                             : c == 'c' ? &out->contract
                             : c == 's' ? &out->sealer
                                        : NULL;
        if (c == 'h') {
            fputs(usage, stdout);
            exit(EXIT_GOOD);
        }
        if (place == NULL)
            return false;
        *place = optarg;
    }
    if (argc - optind != 1)
        return false;
    out->receipt = argv[optind];
    return true;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct proof_trust trust;
    if (!read_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    int status = trust_of(&options, &trust);
    if (status != EXIT_GOOD)
        return status;
    size_t size;
    uint8_t *bytes = read_file(options.receipt, PROOF_BYTES_MAX, &size);
    if (bytes == NULL && errno == EFBIG) {
        fprintf(stderr, "%s: refused: %s\n", options.receipt, proof_text(PROOF_MALFORMED));
        return EXIT_REFUSED;
    }
    if (bytes == NULL)
        return complain(options.receipt, strerror(errno));
    status = verify(options.receipt, (struct bytes){bytes, size}, &trust);
    free(bytes);
    return status;
}

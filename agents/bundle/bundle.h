/* Bundles: an agent's folder as one archive whose bytes follow from its files, with every file's hash and a
 * signature over them. Reading checks everything before anything is unpacked. Source: docs/platform.md,
 * "Bundles". */
#ifndef AGENTS_BUNDLE_BUNDLE_H
#define AGENTS_BUNDLE_BUNDLE_H

#include "agents/bundle/manifest.h"
#include "agents/bundle/trust.h"
#include "ledger/crypto/signer.h"

#define BUNDLE_FILES_MAX 4096
/* Of one file, and of all together. */
#define BUNDLE_DATA_MAX (64u * 1024 * 1024)
/* The whole archive: the data, a header and padding for each entry, `contents` and the signature. */
#define BUNDLE_SIZE_MAX (BUNDLE_DATA_MAX + (BUNDLE_FILES_MAX + 2u) * 1024 + 2u * 1024 * 1024)
/* The name of a bundle's folder: its digest, 64 hexadecimal digits, and NUL. */
#define BUNDLE_DIGEST_ROOM 65

struct bundle_file {
    const char *path;  /* relative, checked */
    struct bytes data; /* borrowed from the archive's bytes */
    bool executable;   /* mode 0755, otherwise 0644 */
};

/* A bundle that has been checked. */
struct bundle {
    struct bytes archive; /* borrowed: must outlive the bundle */
    struct manifest manifest;
    struct bundle_file
        *files; /* [file_count], in the order of `contents`: all but `contents` and the signature */
    size_t file_count;
    char *paths; /* what files[].path points into */
    struct hash digest;
    bool is_signed;
    struct address signer; /* of a signed one: who signed, recovered from the signature */
};

/* Makes the archive of an open folder, unsigned: *data_out[*size_out], malloc'd. BB_MALFORMED: a manifest
 * that is none, a link, a device, a reserved name (`contents`, `signature.json`); BB_RANGE: a path or mode
 * that cannot be; BB_FULL: too many files, too much; BB_NOT_FOUND: no manifest; BB_IO. The reason names the
 * file. */
BB_MUST_CHECK enum status bundle_pack(int folder, struct bb_reason *reason, uint8_t **data_out,
                                      size_t *size_out);

/* Checks the whole archive (borrowed by *out): its bytes, paths, modes, hashes and sizes against `contents`,
 * the manifest, the signature, and whether `trust` takes its signer (NULL: not asked). BB_FULL: too large;
 * BB_MALFORMED: it does not follow the format, or was altered; BB_DENIED: no trusted signer; BB_RANGE,
 * BB_VERSION: the manifest's. The reason names the entry. Any bytes are safe to give; nothing is allocated
 * beyond what the bounds above allow. */
BB_MUST_CHECK enum status bundle_read(struct bytes archive, const struct trust *trust,
                                      struct bb_reason *reason, struct bundle *out);

/* Frees what a bundle holds. */
void bundle_free(struct bundle *bundle);

/* The digest as 64 hexadecimal digits. Returns `text`. */
char *bundle_digest(const struct bundle *bundle, char text[BUNDLE_DIGEST_ROOM]);

/* What is signed: the EIP-712 digest of AgentBundle(string name,string release,bytes32 digest). */
struct hash bundle_statement(const struct bundle *bundle);

/* The archive of a bundle with `signature` (65 bytes over bundle_statement, by a key of any wallet) in it, in
 * place of one that is there: *data_out[*size_out], malloc'd. BB_MALFORMED: no signature over this; BB_IO. */
BB_MUST_CHECK enum status bundle_attach(const struct bundle *bundle, const uint8_t signature[SIGNATURE_SIZE],
                                        struct bb_reason *reason, uint8_t **data_out, size_t *size_out);

/* Signs with a key: bundle_attach of signer_sign. */
BB_MUST_CHECK enum status bundle_sign(const struct bundle *bundle, struct signer *signer,
                                      const struct secret *secret, struct bb_reason *reason,
                                      uint8_t **data_out, size_t *size_out);

#endif

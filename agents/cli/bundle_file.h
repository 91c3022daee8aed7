/* A bundle as a file on this side: read and checked, told about. */
#ifndef AGENTS_CLI_BUNDLE_FILE_H
#define AGENTS_CLI_BUNDLE_FILE_H

#include "agents/bundle/bundle.h"
#include "agents/cli/call.h"

struct bundle_file_held {
    uint8_t *data;
    size_t size;
    struct bundle bundle;
};

/* Reads a bundle and checks it; `trust` as in bundle_read. Failures are told: EXIT_INTEGRITY when it is none
 * or was altered, EXIT_DENIED when nobody trusts its signer. */
enum exit_code bundle_file_open(const struct call *call, const char *path, const struct trust *trust,
                                struct bundle_file_held *out);

/* Frees it. */
void bundle_file_close(struct bundle_file_held *held);

/* signers.json of the home in force. Failures are told. path_out[600]. */
enum exit_code bundle_file_trust(const struct call *call, char *path_out, struct trust *out);

/* Tells what the bundle is and what its agent asks for. */
void bundle_file_print(const struct bundle *bundle, FILE *to);

/* {"name","release","digest","files","bytes","signer","manifest"}, to be decref'd. */
json_t *bundle_file_json(const struct bundle *bundle);

/* Writes an archive to a fresh file beside `path` and renames it over it. Failures are told. */
enum exit_code bundle_file_write(const struct call *call, const char *path, struct bytes archive);

#endif

/* What packing and unpacking of parcels share. */
#ifndef AGENTS_HOST_PARCEL_FILE_H
#define AGENTS_HOST_PARCEL_FILE_H

#include "agents/host/parcel.h"

#include <stdbool.h>

#define PARCEL_HEAD "busbar-parcel 1\n"

/* True for a relative path without empty parts, `.`, `..` and control characters, at most PARCEL_PATH_MAX
 * bytes long. */
bool parcel_is_path(const char *path);

/* Size and SHA-256 of a file. BB_IO. */
BB_MUST_CHECK enum status parcel_hash(const char *path, struct bb_reason *reason, int64_t *size_out,
                                      char sha256_out[PARCEL_SHA256_SIZE]);

#endif

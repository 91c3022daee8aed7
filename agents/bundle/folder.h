/* Bundles on the disk: unpacked into a folder that appears as a whole or not at all, is read-only, and goes
 * as a whole. */
#ifndef AGENTS_BUNDLE_FOLDER_H
#define AGENTS_BUNDLE_FOLDER_H

#include "agents/bundle/bundle.h"

/* Unpacks into the folder `name` of the open folder `parent`: into a fresh folder beside it, everything
 * forced to the disk, files 0444 or 0555 and folders 0555, then renamed. `contents` and the signature are not
 * among the files, so that bundle_pack of the folder gives the unsigned archive again. BB_EXISTS: there is
 * something of that name, untouched; BB_IO: nothing of it stays. */
BB_MUST_CHECK enum status folder_unpack(const struct bundle *bundle, int parent, const char *name,
                                        struct bb_reason *reason);

/* Whether the folder `name` holds exactly the files of the bundle, with their bytes and modes. BB_NOT_FOUND:
 * there is none; BB_MALFORMED: it differs, and the reason names where; BB_IO. */
BB_MUST_CHECK enum status folder_matches(const struct bundle *bundle, int parent, const char *name,
                                         struct bb_reason *reason);

/* Removes the folder (or file) `name` with all that is in it, read-only or not, and follows no link.
 * BB_NOT_FOUND, BB_IO. */
BB_MUST_CHECK enum status folder_remove(int parent, const char *name, struct bb_reason *reason);

/* Removes what an unpacking that was cut off has left in `parent`; how many. */
size_t folder_sweep(int parent);

/* Writes data to the file `name` of `parent`, beside it first, forced to the disk, then renamed over it, with
 * `mode`. BB_IO. */
BB_MUST_CHECK enum status folder_store(int parent, const char *name, struct bytes data, unsigned mode,
                                       struct bb_reason *reason);

#endif

/* The archive's format, ustar, as docs/platform.md prescribes it: owner 0, time 0, mode 0644 or 0755, two
 * blocks of zeros at the end. Nobody else knows libarchive. Source: POSIX.1-1988, "tar interchange format".
 */
#ifndef AGENTS_BUNDLE_USTAR_H
#define AGENTS_BUNDLE_USTAR_H

#include "agents/bundle/entry.h"

#include <busbar/reason.h>
#include <busbar/status.h>

/* Files, the list of their hashes and the signature. */
#define USTAR_ENTRIES_MAX (4096 + 2)
#define USTAR_DATA_MAX    (64u * 1024 * 1024)

struct ustar {
    struct entry *entries; /* [count]; their data is borrowed from the archive */
    size_t count;
};

/* Takes an archive apart: plain files only, each path checked by entry_path_wrong, each header where the data
 * before it ends, nothing behind the end, and the bytes exactly those that ustar_write makes of the entries.
 * BB_MALFORMED and the reason names the entry; BB_FULL: more than the bounds above, before anything is
 * allocated for it. */
BB_MUST_CHECK enum status ustar_read(struct bytes archive, struct bb_reason *reason, struct ustar *out);

/* Frees the entries and their paths. */
void ustar_free(struct ustar *ustar);

/* The archive of entries[count] in their order: *data_out[*size_out], malloc'd. BB_RANGE: a path that does
 * not fit a header; BB_FULL: no memory. */
BB_MUST_CHECK enum status ustar_write(const struct entry *entries, size_t count, struct bb_reason *reason,
                                      uint8_t **data_out, size_t *size_out);

#endif

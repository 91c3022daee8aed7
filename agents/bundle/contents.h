/* `contents`: one line a file, `<sha-256> <mode> <size> <path>`, in the order of the paths' bytes. */
#ifndef AGENTS_BUNDLE_CONTENTS_H
#define AGENTS_BUNDLE_CONTENTS_H

#include "agents/bundle/entry.h"

#include <busbar/address.h>
#include <busbar/reason.h>
#include <busbar/status.h>

/* The text for list[count], sorted: malloc'd, NUL-terminated; *size_out without the NUL. BB_FULL: no memory.
 */
BB_MUST_CHECK enum status contents_write(const struct entry *const *list, size_t count, char **text_out,
                                         size_t *size_out);

/* Whether `text` is exactly the contents of list[count], sorted. BB_MALFORMED: the reason names the file that
 * is missing, too many, or differs, and in what. */
BB_MUST_CHECK enum status contents_check(struct bytes text, const struct entry *const *list, size_t count,
                                         struct bb_reason *reason);

/* The digest of the bundle. */
struct hash contents_digest(struct bytes text);

#endif

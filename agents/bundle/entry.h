/* One file of a bundle, and the paths that it may have. */
#ifndef AGENTS_BUNDLE_ENTRY_H
#define AGENTS_BUNDLE_ENTRY_H

#include <busbar/bytes.h>
#include <stdbool.h>
#include <stddef.h>

#define ENTRY_CONTENTS  "contents"
#define ENTRY_SIGNATURE "signature.json"
/* What a ustar header has room for. */
#define ENTRY_PATH_MAX 255

struct entry {
    char *path; /* owned by who made the list */
    struct bytes data;
    bool executable;
};

/* What is wrong with a path ("climbs out of the bundle"), NULL when nothing is: relative, without `.`, `..`,
 * empty parts, backslashes and control characters, in UTF-8, at most ENTRY_PATH_MAX bytes. Static storage. */
const char *entry_path_wrong(const char *path);

/* Sorts pointers to entries by their paths' bytes. */
void entry_sort(const struct entry **list, size_t count);

/* What is wrong with a sorted list, NULL when nothing is: a name twice, a file below a file; *at_out is
 * where. */
const char *entry_list_wrong(const struct entry *const *list, size_t count, size_t *at_out);

/* The path made printable, in quotes, for a reason: cut, `?` for what a terminal would act on. Returns
 * `text`. */
char *entry_shown(const char *path, char text[96]);

#endif

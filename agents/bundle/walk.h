/* A folder on the disk, file by file, following no link. */
#ifndef AGENTS_BUNDLE_WALK_H
#define AGENTS_BUNDLE_WALK_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <sys/stat.h>

/* Gets a plain file, open to be read, with its path below the folder; `file` is closed afterwards. What it
 * returns beside BB_OK ends the walk. */
typedef enum status walk_visit(void *context, const char *path, int file, const struct stat *about);

/* Visits every file below the open folder, in no order. BB_MALFORMED: a link, a device or another special
 * file, a path that a bundle cannot have; BB_IO. The reason names the file. */
BB_MUST_CHECK enum status walk_folder(int folder, walk_visit *visit, void *context, struct bb_reason *reason);

#endif

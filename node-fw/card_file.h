/* The device under a card area on POSIX: a partition, a regular file, or memory. Locked for one process. */
#ifndef NODE_FW_CARD_FILE_H
#define NODE_FW_CARD_FILE_H

#include "node-fw/card/device.h"

#include <stdbool.h>

#define CARD_MEMORY "memory" /* the path of a card that forgets */

struct card_file {
    int fd;
    struct card_device device; /* valid while the file is open, at this address */
};

/* Opens the area at `path`, or CARD_MEMORY: then nothing is on it. With `make` a regular file that is not
 * there or is shorter is made CARD_SIZE long. BB_NOT_FOUND: nothing is there; BB_EXISTS: another process
 * holds it; BB_RANGE: it is shorter than CARD_SIZE; BB_IO. */
BB_MUST_CHECK enum status card_file_open(struct card_file *file, const char *path, bool make);

/* Closes it. */
void card_file_close(struct card_file *file);

#endif

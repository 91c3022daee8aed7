/* A folder of a test's own, gone afterwards. */
#ifndef TESTS_LEDGER_STORE_FOLDER_H
#define TESTS_LEDGER_STORE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

struct folder {
    char path[64];
};

/* Makes it below /tmp; `memory`: below /dev/shm where there is one, for tests that write thousands of times
 * and never lose the machine's power. */
void folder_make(struct folder *folder, bool memory);

/* Removes it with the files in it. */
void folder_remove(const struct folder *folder);

/* The path of a file in it. */
void folder_file(const struct folder *folder, const char *name, char out[128]);

/* Copies a file over another; its whole content, malloc'd; a new content. */
void folder_copy(const char *from, const char *to);
unsigned char *folder_read(const char *path, size_t *size_out);
void folder_write(const char *path, const unsigned char *bytes, size_t size);

#endif

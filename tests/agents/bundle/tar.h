/* Archives laid out by hand, header by header, so that a test knows what is in them without the code under
 * test: good ones, and any that are not. */
#ifndef TESTS_AGENTS_BUNDLE_TAR_H
#define TESTS_AGENTS_BUNDLE_TAR_H

#include <busbar/bytes.h>

/* What may differ from a good entry; zero: as it is prescribed. */
struct tar_odd {
    char type;         /* '0' */
    const char *link;  /* "" */
    const char *owner; /* "" */
    unsigned mode;     /* 0644 */
    unsigned uid, time;
    size_t claims; /* the size in the header when it is not the data's */
    uint8_t padding;
};

struct tar {
    uint8_t *data;     /* malloc'd */
    size_t size, room; /* room 0: as much as there is */
};

/* Appends an entry; `odd` may be NULL. */
void tar_add(struct tar *tar, const char *path, struct bytes data, const struct tar_odd *odd);

/* Appends raw bytes. */
void tar_raw(struct tar *tar, const void *data, size_t size);

/* The two blocks of zeros. */
void tar_end(struct tar *tar);

/* A line of `contents`, appended to text[size]. */
void tar_line(char *text, size_t size, const char *path, struct bytes data, const char *mode);

/* The whole archive as bytes. */
struct bytes tar_bytes(const struct tar *tar);

/* Frees it, to be begun anew. */
void tar_free(struct tar *tar);

#endif

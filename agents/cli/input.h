/* What a verb takes from a file or from standard input, bounded, and may have to wipe. */
#ifndef AGENTS_CLI_INPUT_H
#define AGENTS_CLI_INPUT_H

#include <busbar/bytes.h>
#include <busbar/reason.h>
#include <busbar/status.h>

struct input {
    char *text; /* malloc'd, NUL-terminated */
    size_t size;
};

/* Reads `path`, "-" for standard input, entirely: at most `max` bytes. BB_NOT_FOUND, BB_IO, BB_FULL with the
 * reason. */
BB_MUST_CHECK enum status input_read(const char *path, size_t max, struct bb_reason *reason,
                                     struct input *out);

/* The same from an open descriptor, which stays open; `name` is for the reason. */
BB_MUST_CHECK enum status input_read_from(int fd, const char *name, size_t max, struct bb_reason *reason,
                                          struct input *out);

/* Overwrites and frees it; it is empty then. */
void input_wipe(struct input *input);

/* A range over it, borrowed. */
static inline struct bytes input_bytes(const struct input *input)
{
    return (struct bytes){(const uint8_t *)input->text, input->size};
}

#endif

/* What an agent sees of the file system, where the kernel has Landlock. Source: Linux, landlock(7). */
#ifndef AGENTS_HOST_FENCE_H
#define AGENTS_HOST_FENCE_H

#include <busbar/status.h>
#include <stddef.h>

enum fence_kind {
    FENCE_READ,    /* files are read, folders listed */
    FENCE_EXECUTE, /* and run */
    FENCE_DEVICE,  /* read and written, nothing made or removed */
    FENCE_OWN      /* everything but running what is there */
};

struct fence_place {
    const char *path; /* what is not there is passed over */
    enum fence_kind kind;
};

/* The version of Landlock that the kernel has; 0: none. */
int fence_version(void);

/* A rule set of the system's programs and libraries and these places; *fd_out is to be given to
 * fence_enter and closed. BB_NOT_FOUND: no Landlock. BB_IO. */
BB_MUST_CHECK enum status fence_open(const struct fence_place *places, size_t count, int *fd_out);

/* Puts this process, which must have no_new_privs, behind it for ever. May stand between fork and exec.
 * BB_IO. */
BB_MUST_CHECK enum status fence_enter(int fd);

#endif

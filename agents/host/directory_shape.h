/* The shape of what peers say of themselves to the directory. */
#ifndef AGENTS_HOST_DIRECTORY_SHAPE_H
#define AGENTS_HOST_DIRECTORY_SHAPE_H

#include "agents/host/directory.h"

#include <stdbool.h>

/* True for a name of a service or a method: 1 … 127 printable ASCII characters without space and `*`. */
bool directory_shape_is_name(const char *text);

/* Checks the service `place` of a list: names, lists and schemas; the reason names the place. BB_RANGE. */
BB_MUST_CHECK enum status directory_shape_service(const json_t *service, size_t place,
                                                  struct bb_reason *reason);

#endif

/* What this program says that it is: the mark that others look for in an image. */
#ifndef NODE_FW_IDENTITY_H
#define NODE_FW_IDENTITY_H

#include "node-fw/card/image_file.h"

extern const struct image_mark identity_mark;

#endif

#include "node-fw/identity.h"

const struct image_mark identity_mark = IMAGE_MARK(IDENTITY_VERSION);

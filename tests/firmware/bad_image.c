/* Images that carry the mark and do not do what a board's worker must. BEHAVIOUR: 1 ends at once; 2 does
 * nothing, without progress; 3 makes progress, but its link never comes up. */
#include "node-fw/card/image_file.h"
#include "node-fw/card/tether.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct image_mark mark __attribute__((used)) = IMAGE_MARK(0x000900 + BEHAVIOUR);

int main(int argc, char **argv)
{
    if (BEHAVIOUR == 1 || argc < 3 || strcmp(argv[1], "--worker") != 0)
        abort();
    int tether = (int)strtol(argv[2], NULL, 10);
    for (;;) {
        static const unsigned char progress[] = {TETHER_PROGRESS, 0};
        if (BEHAVIOUR == 3 && send(tether, progress, sizeof progress, MSG_NOSIGNAL) < 0)
            return 0;
        usleep(100000);
    }
}

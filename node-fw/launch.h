/* One worker as a process: forked, or the image of a slot executed from memory. */
#ifndef NODE_FW_LAUNCH_H
#define NODE_FW_LAUNCH_H

#include "node-fw/card/card.h"

#include <sys/types.h>

#define LAUNCH_NOT_EXECUTED 126 /* exit status of a worker whose image the system does not execute */

struct launch {
    const char *port;
    const char *runner; /* NULL, or "qemu-arm -cpu cortex-a7" and the like */
    const struct card *card;
    enum image image;
    int keep_out[2]; /* descriptors that are not the worker's; −1: none */
};

/* Starts the worker: its process id, and the supervisor's end of the tether in *tether_out; 0 with *why_out
 * (static) when it could not: an image whose CRC-32 is wrong, or a system without room. */
pid_t launch_worker(const struct launch *launch, int *tether_out, const char **why_out);

/* The words of `text`, which is cut into them, before `last` and a NULL in words[room]; false when there are
 * more.
 */
bool launch_words(char *text, char *const *last, char **words, size_t room);

#endif

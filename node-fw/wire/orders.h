/* The commands of busbar-wire: a line of words in, what they ask done to the cables, an answer out. Every
 * word is checked before anything is done. */
#ifndef NODE_FW_WIRE_ORDERS_H
#define NODE_FW_WIRE_ORDERS_H

#include "node-fw/wire/cable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CABLES_MAX 64
#define ENDS_MAX   (2 * CABLES_MAX)
#define ORDER_MAX  1024 /* bytes of a command, with its NUL */
#define ANSWER_MAX (ORDER_MAX + 512)

/* All cables, and whether somebody has said quit. */
struct harness {
    struct cable cables[CABLES_MAX];
    size_t count;
    bool quit;
};

/* End `i` of 2 × count: cable i / 2, its first or second end. */
struct end *wire_end(struct harness *h, size_t i);

/* The end of this name: its place for wire_end; ENDS_MAX when there is none. */
size_t wire_find(const struct harness *h, const char *name);

/* Does one command and writes its answer, a line without its end: `ok`, `ok` and figures, or `error`, the
 * command and why nothing was done. An empty line is answered with an empty one. */
void orders_obey(struct harness *h, const char *line, int64_t now_ns, char answer_out[ANSWER_MAX]);

/* What --help says of the commands. */
extern const char orders_help[];

#endif

/* What is done with a card area by hand: made, opened, shown. Complaints go to standard error. */
#ifndef NODE_FW_CARD_TOOL_H
#define NODE_FW_CARD_TOOL_H

#include "node-fw/card/card.h"
#include "node-fw/card_file.h"

/* Makes a fresh area at `path`, with the board's own file at `config` in it (NULL: not enrolled); the exit
 * status of the program. */
int card_tool_format(const char *path, const char *config);

/* Prints what is on the area at `path`, as key=value lines; the exit status. */
int card_tool_show(const char *path);

/* Opens the area at `path` for a board, a fresh one with `config` in it when it is CARD_MEMORY; 0, else the
 * exit status. */
int card_tool_open(const char *path, const char *config, struct card_file *file_out, struct card *card_out);

#endif

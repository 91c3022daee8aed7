/* Who is whose neighbour, by the rule of the site file. Symmetric; nobody is a neighbour of its own. */
#ifndef AGENTS_UART_TOPOLOGY_H
#define AGENTS_UART_TOPOLOGY_H

#include "agents/uart/site.h"

/* Boards `a` and `b` (places in the list) become neighbours of each other; once is enough. BB_FULL: one of
 * them has BB_NEIGHBOURS_MAX already. */
BB_MUST_CHECK enum status topology_link(struct site *site, size_t a, size_t b);

/* Every board with the boards `offsets[count]` places before and after it, around the list. BB_FULL. */
BB_MUST_CHECK enum status topology_circulant(struct site *site, const size_t *offsets, size_t count);

/* Every board with every other. BB_FULL. */
BB_MUST_CHECK enum status topology_complete(struct site *site);

/* Puts each neighbour list into the order of the list of boards. */
void topology_sort(struct site *site);

#endif

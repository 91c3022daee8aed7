#include "bus/conns.h"

#include <stddef.h>

void conns_opened(struct conns *conns, int fd, enum conns_door door)
{
    if (fd < 0 || fd >= CONNS_MAX)
        return;
    conns_closed(conns, fd);
    conns->table[fd] = (struct conn){.door = (uint8_t)door};
    conns->open[door]++;
}

void conns_closed(struct conns *conns, int fd)
{
    if (fd < 0 || fd >= CONNS_MAX || conns->table[fd].door == DOOR_NONE)
        return;
    conns->open[conns->table[fd].door]--;
    conns->table[fd].door = DOOR_NONE;
}

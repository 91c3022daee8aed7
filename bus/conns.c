#include "bus/conns.h"

#include <stddef.h>

static struct conn *at(struct conns *conns, int fd)
{
    return fd >= 0 && fd < CONNS_MAX ? &conns->table[fd] : NULL;
}

void conns_opened(struct conns *conns, int fd, enum conns_door door, int64_t now_ms)
{
    struct conn *conn = at(conns, fd);
    if (conn == NULL)
        return;
    (void)conns_closed(conns, fd);
    *conn =
        (struct conn){.door = (uint8_t)door, .proven = door != DOOR_VIP, .generation = conn->generation + 1};
    conns->open[door]++;
    if (door != DOOR_VIP || conns->count == CONNS_MAX)
        return;
    conns->waiting[(conns->first + conns->count++) % CONNS_MAX] =
        (struct conns_waiting){fd, conn->generation, now_ms};
}

uint32_t conns_closed(struct conns *conns, int fd)
{
    struct conn *conn = at(conns, fd);
    if (conn == NULL || conn->door == DOOR_NONE)
        return 0;
    uint32_t peer = conn->peer;
    conns->open[conn->door]--;
    conn->door = DOOR_NONE;
    conn->peer = 0;
    return peer;
}

bool conns_prove(struct conns *conns, int fd, uint32_t peer)
{
    struct conn *conn = at(conns, fd);
    if (conn == NULL)
        return true;
    if (conn->door == DOOR_NONE)
        return false;
    conn->proven = true;
    conn->peer = peer;
    return true;
}

uint32_t conns_generation(const struct conns *conns, int fd)
{
    return fd >= 0 && fd < CONNS_MAX && conns->table[fd].door != DOOR_NONE ? conns->table[fd].generation : 0;
}

/* When the oldest that waits is overdue. */
static int64_t deadline_ms(const struct conns *conns)
{
    return conns->waiting[conns->first].opened_ms +
           (conns->count > CONNS_CROWD ? CONNS_CROWDED_MS : CONNS_SILENCE_MS);
}

static bool still_waits(const struct conns *conns, const struct conns_waiting *waiting)
{
    const struct conn *conn = &conns->table[waiting->fd];
    return conn->door != DOOR_NONE && conn->generation == waiting->generation && !conn->proven;
}

int conns_overdue(struct conns *conns, int64_t now_ms)
{
    while (conns->count > 0 && deadline_ms(conns) <= now_ms) {
        struct conns_waiting waiting = conns->waiting[conns->first];
        conns->first = (conns->first + 1) % CONNS_MAX;
        conns->count--;
        if (still_waits(conns, &waiting))
            return waiting.fd;
    }
    return -1;
}

int conns_unproven(const struct conns *conns, uint32_t *at)
{
    while (*at < conns->count) {
        const struct conns_waiting *waiting = &conns->waiting[(conns->first + (*at)++) % CONNS_MAX];
        if (still_waits(conns, waiting))
            return waiting->fd;
    }
    return -1;
}

int64_t conns_wait(const struct conns *conns, int64_t now_ms, int64_t most)
{
    if (conns->count == 0)
        return most;
    int64_t left = deadline_ms(conns) - now_ms;
    return left < 0 ? 0 : left < most ? left : most;
}

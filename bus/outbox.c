#include "bus/outbox.h"

#include <busbar/check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Parts that one call of the system takes. */
#define VECTORS 32

bool outbox_has_room(const struct outbox *outbox, const struct outbox_pool *pool)
{
    return outbox->bytes == 0 || (outbox->messages < OUTBOX_MESSAGES && outbox->bytes < OUTBOX_BYTES &&
                                  pool->bytes < OUTBOX_ALL_BYTES);
}

static struct outbox_part *part_new(struct outbox_pool *pool, size_t size)
{
    struct outbox_part *part = pool->spare;
    size_t capacity = OUTBOX_PART - sizeof *part;
    if (size <= capacity && part != NULL) {
        pool->spare = part->next;
        pool->spare_count--;
    } else {
        capacity = size > capacity ? size : capacity;
        part = malloc(sizeof *part + capacity);
        CHECK(part != NULL);
        part->capacity = capacity;
    }
    part->next = NULL;
    part->packet = NULL;
    part->start = part->end = 0;
    part->messages = 0;
    return part;
}

static void part_free(struct outbox_pool *pool, struct outbox_part *part)
{
    if (part->packet != NULL)
        packet_free(part->packet);
    if (part->capacity != OUTBOX_PART - sizeof *part || pool->spare_count == OUTBOX_SPARE_MAX) {
        free(part);
        return;
    }
    part->next = pool->spare;
    pool->spare = part;
    pool->spare_count++;
}

static void append(struct outbox *outbox, struct outbox_part *part)
{
    if (outbox->last == NULL)
        outbox->first = part;
    else
        outbox->last->next = part;
    outbox->last = part;
}

uint8_t *outbox_reserve(struct outbox *outbox, struct outbox_pool *pool, size_t size)
{
    struct outbox_part *last = outbox->last;
    if (last == NULL || last->packet != NULL || last->capacity - last->end < size) {
        last = part_new(pool, size);
        append(outbox, last);
    }
    return last->data + last->end;
}

void outbox_add(struct outbox *outbox, struct outbox_pool *pool, size_t size, uint32_t messages)
{
    CHECK(outbox->last != NULL && size <= outbox->last->capacity - outbox->last->end);
    outbox->last->end += size;
    outbox->last->messages += messages;
    outbox->bytes += size;
    outbox->messages += messages;
    pool->bytes += size;
}

void outbox_refer(struct outbox *outbox, struct outbox_pool *pool, struct packet *packet)
{
    struct outbox_part *part = malloc(sizeof *part);
    CHECK(part != NULL);
    *part = (struct outbox_part){.packet = packet_share(packet), .end = packet->wire, .messages = 1};
    append(outbox, part);
    outbox->bytes += packet->wire;
    outbox->messages++;
    pool->bytes += packet->wire;
}

static void drop_first(struct outbox *outbox, struct outbox_pool *pool)
{
    struct outbox_part *part = outbox->first;
    outbox->first = part->next;
    if (outbox->first == NULL)
        outbox->last = NULL;
    outbox->messages -= part->messages;
    part_free(pool, part);
}

/* Takes `size` bytes that were written from the beginning. */
static void take(struct outbox *outbox, struct outbox_pool *pool, size_t size)
{
    outbox->bytes -= size;
    pool->bytes -= size;
    while (outbox->first != NULL) {
        struct outbox_part *part = outbox->first;
        size_t here = part->end - part->start;
        if (size < here) {
            part->start += size;
            return;
        }
        size -= here;
        drop_first(outbox, pool);
    }
}

static int gather(const struct outbox *outbox, struct iovec *vectors)
{
    int count = 0;
    for (struct outbox_part *part = outbox->first; part != NULL && count < VECTORS; part = part->next) {
        uint8_t *data = part->packet != NULL ? part->packet->data : part->data;
        vectors[count++] = (struct iovec){data + part->start, part->end - part->start};
    }
    return count;
}

enum status outbox_write(struct outbox *outbox, struct outbox_pool *pool, int fd)
{
    struct iovec vectors[VECTORS];
    while (outbox->bytes > 0) {
        int count = gather(outbox, vectors);
        size_t offered = 0;
        for (int i = 0; i < count; i++)
            offered += vectors[i].iov_len;
        struct msghdr message = {.msg_iov = vectors, .msg_iovlen = (size_t)count};
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? BB_FULL : BB_CLOSED;
        take(outbox, pool, (size_t)sent);
        if ((size_t)sent < offered)
            return BB_FULL;
    }
    return BB_OK;
}

void outbox_clear(struct outbox *outbox, struct outbox_pool *pool)
{
    pool->bytes -= outbox->bytes;
    while (outbox->first != NULL)
        drop_first(outbox, pool);
    *outbox = (struct outbox){.first = NULL};
}

void outbox_pool_clear(struct outbox_pool *pool)
{
    while (pool->spare != NULL) {
        struct outbox_part *part = pool->spare;
        pool->spare = part->next;
        free(part);
    }
    pool->spare_count = 0;
}

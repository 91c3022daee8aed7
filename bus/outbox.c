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

static const size_t SIZES[] = {OUTBOX_FIRST, OUTBOX_PART};

/* The kind of part that has room for `size` bytes, at least `kind`; 2: one of its own. */
static size_t kind_of(size_t size, size_t kind)
{
    while (kind < 2 && size > SIZES[kind] - sizeof(struct outbox_part))
        kind++;
    return kind;
}

static struct outbox_part *part_new(struct outbox_pool *pool, size_t size, bool first)
{
    size_t kind = kind_of(size, first ? 0 : 1);
    struct outbox_part *part = kind < 2 ? pool->spare[kind] : NULL;
    if (part != NULL) {
        pool->spare[kind] = part->next;
        pool->spare_bytes[kind] -= SIZES[kind];
    } else {
        part = malloc(kind < 2 ? SIZES[kind] : sizeof *part + size);
        CHECK(part != NULL);
        part->capacity = kind < 2 ? SIZES[kind] - sizeof *part : size;
    }
    part->next = NULL;
    part->packet = NULL;
    part->start = part->end = 0;
    part->messages = 0;
    return part;
}

static void part_free(struct outbox_pool *pool, struct outbox_part *part)
{
    size_t whole = part->capacity + sizeof *part, kind = whole == OUTBOX_FIRST ? 0 : 1;
    if (part->packet != NULL)
        packet_free(part->packet);
    if (whole != SIZES[kind] || pool->spare_bytes[kind] + whole > OUTBOX_SPARE_BYTES) {
        free(part);
        return;
    }
    part->next = pool->spare[kind];
    pool->spare[kind] = part;
    pool->spare_bytes[kind] += whole;
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
        last = part_new(pool, size, last == NULL);
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
    for (size_t kind = 0; kind < 2; kind++) {
        while (pool->spare[kind] != NULL) {
            struct outbox_part *part = pool->spare[kind];
            pool->spare[kind] = part->next;
            free(part);
        }
        pool->spare_bytes[kind] = 0;
    }
}

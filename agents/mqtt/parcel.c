#include "agents/mqtt/parcel.h"

#include <busbar/check.h>
#include <stdlib.h>

/* What memory costs beside the texts. */
#define OVERHEAD 64

static char *put(char **at, const void *data, size_t size)
{
    char *copy = *at;
    memcpy(copy, data, size);
    copy[size] = '\0';
    *at += size + 1;
    return copy;
}

size_t parcel_size(const struct parcel *p)
{
    return sizeof *p + OVERHEAD + strlen(p->topic) + strlen(p->sender) + p->payload.size;
}

size_t parcel_arrival_size(const struct arrival *a)
{
    return sizeof *a + OVERHEAD + strlen(a->topic) + strlen(a->headers) + strlen(a->message);
}

struct parcel *parcel_make(const struct parcel *from)
{
    struct parcel *p = malloc(parcel_size(from));
    CHECK(p != NULL);
    char *at = (char *)(p + 1);
    *p = *from;
    p->topic = put(&at, from->topic, strlen(from->topic));
    p->sender = put(&at, from->sender, strlen(from->sender));
    p->payload.data = (const uint8_t *)put(
        &at, from->payload.size > 0 ? from->payload.data : (const uint8_t *)"", from->payload.size);
    return p;
}

struct arrival *parcel_make_arrival(const struct arrival *from)
{
    struct arrival *a = malloc(parcel_arrival_size(from));
    CHECK(a != NULL);
    char *at = (char *)(a + 1);
    a->topic = put(&at, from->topic, strlen(from->topic));
    a->headers = put(&at, from->headers, strlen(from->headers));
    a->message = put(&at, from->message, strlen(from->message));
    return a;
}

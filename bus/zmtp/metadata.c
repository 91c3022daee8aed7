#include "bus/zmtp/metadata.h"

#include <strings.h>

static bool named(struct bytes name, const char *text)
{
    return name.size == strlen(text) && strncasecmp((const char *)name.data, text, name.size) == 0;
}

static uint64_t read_big(struct reader *r, size_t size)
{
    struct bytes b = read_bytes(r, size);
    uint64_t value = 0;
    for (size_t i = 0; i < b.size; i++)
        value = value << 8 | b.data[i];
    return value;
}

static bool taken_type(struct bytes type)
{
    return bytes_equal(type, bytes_of("DEALER")) || bytes_equal(type, bytes_of("REQ")) ||
           bytes_equal(type, bytes_of("ROUTER"));
}

enum zmtp_metadata_verdict zmtp_metadata_read(struct bytes list, struct bytes *identity_out)
{
    struct reader r = reader_at(list);
    struct bytes type = {NULL, 0}, identity = {NULL, 0};
    bool has_type = false, has_identity = false;
    while (r.ok && r.left.size > 0) {
        struct bytes name = read_bytes(&r, (size_t)read_big(&r, 1));
        uint64_t size = read_big(&r, 4);
        struct bytes value = read_bytes(&r, (size_t)size);
        if (!r.ok || name.size == 0)
            return ZMTP_METADATA_MALFORMED;
        bool *seen = named(name, "Socket-Type") ? &has_type : named(name, "Identity") ? &has_identity : NULL;
        if (seen == NULL)
            continue;
        if (*seen)
            return ZMTP_METADATA_MALFORMED;
        *seen = true;
        *(seen == &has_type ? &type : &identity) = value;
    }
    if (!r.ok)
        return ZMTP_METADATA_MALFORMED;
    if (!taken_type(type))
        return ZMTP_METADATA_TYPE;
    if (identity.size > ZMTP_IDENTITY_MAX)
        return ZMTP_METADATA_IDENTITY;
    *identity_out = identity;
    return ZMTP_METADATA_OK;
}

struct bytes zmtp_metadata_ours(void)
{
    static const char LIST[] = "\x0bSocket-Type\0\0\0\x06ROUTER\x08Identity\0\0\0\0";
    return (struct bytes){(const uint8_t *)LIST, sizeof LIST - 1};
}

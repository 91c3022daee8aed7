#include "bus/core/remote.h"

#include "bus/core/parcel.h"

bool remote_is_name(struct bytes text)
{
    const uint8_t *at =
        text.size == 0 || text.size > BB_IDENTITY_MAX ? NULL : memchr(text.data, '@', text.size);
    if (at == NULL)
        return false;
    size_t before = (size_t)(at - text.data);
    return access_is_identity((struct bytes){text.data, before}) &&
           access_is_identity((struct bytes){at + 1, text.size - before - 1});
}

struct bytes remote_speaker(const struct router_in *in)
{
    bool named =
        bytes_equal(in->frames[AT_SENDER], bytes_of(REMOTE_GATE)) && remote_is_name(in->frames[AT_USER]);
    return in->frames[named ? AT_USER : AT_SENDER];
}

bool remote_is_trespass(const struct router_in *in)
{
    static const char GUEST[] = REMOTE_GATE ".";
    struct bytes sender = in->frames[AT_SENDER];
    return sender.size >= sizeof GUEST - 1 && memcmp(sender.data, GUEST, sizeof GUEST - 1) == 0 &&
           !bytes_equal(in->frames[AT_RECIPIENT], bytes_of(REMOTE_GATE));
}

bool remote_is_call(const struct router_in *in)
{
    return bytes_equal(in->frames[AT_SUBSYSTEM], bytes_of("RPC")) && remote_is_name(in->frames[AT_RECIPIENT]);
}

#include "bus/core/held.h"

#include "bus/core/parcel.h"
#include "bus/core/pubsub.h"
#include "bus/core/remote.h"

#include <busbar/check.h>

/* Arguments of a publish. */
enum { AT_TOPIC = AT_ARGS + 1, AT_ENVELOPE };

void held_add(struct router *router, struct bytes prefix)
{
    CHECK(router->held_count < ROUTER_HELD_MAX);
    router->held[router->held_count++] = prefix;
}

bool held_topic(const struct router *router, struct bytes topic)
{
    for (uint32_t i = 0; i < router->held_count; i++) {
        struct bytes prefix = router->held[i];
        if (topic.size >= prefix.size &&
            (prefix.size == 0 || memcmp(topic.data, prefix.data, prefix.size) == 0))
            return true;
    }
    return false;
}

void held_deliver(struct router *router, struct bytes topic, struct bytes json, struct bytes sender,
                  struct router_out *out)
{
    parcel_reset(out);
    out->topic = topic;
    out->sender = sender;
    if (envelope_parse(json, &out->envelope) == BB_OK)
        pubsub_deliver(router, out);
}

void held_resume(struct router *router, const struct router_in *in, struct router_out *out)
{
    struct router_in resumed = *in;
    uint32_t peer = peers_find(&router->peers, in->frames[AT_SENDER]);
    resumed.resumed = true;
    parcel_reset(out);
    if (peer != 0)
        (void)pubsub_receive(router, &resumed, peer, out);
    else
        held_deliver(router, in->frames[AT_TOPIC], in->frames[AT_ENVELOPE], remote_speaker(in), out);
}

void held_refuse(struct router *router, const struct router_in *in, const char *number, struct bytes why,
                 struct router_out *out)
{
    uint32_t peer = peers_find(&router->peers, in->frames[AT_SENDER]);
    parcel_reset(out);
    if (peer == 0)
        return;
    parcel_reply(out, peer, false, "error");
    parcel_text(out, bytes_of(number));
    parcel_text(out, why);
    parcel_text(out, (struct bytes){NULL, 0});
    parcel_text(out, bytes_of("pubsub"));
    peers_at(&router->peers, peer)->refused++;
}

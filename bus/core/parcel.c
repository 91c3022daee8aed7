#include "bus/core/parcel.h"

#include <busbar/check.h>

void parcel_reset(struct router_out *out)
{
    out->parcel_count = out->frame_count = out->piece_count = out->to_count = 0;
    out->text = writer_at(out->scratch, sizeof out->scratch);
    out->published = out->held = false;
    out->dropped = 0;
    out->refusal_count = 0;
}

struct router_parcel *parcel_open(struct router_out *out, enum router_policy policy)
{
    CHECK(out->parcel_count < ROUTER_PARCELS);
    struct router_parcel *parcel = &out->parcels[out->parcel_count++];
    *parcel = (struct router_parcel){policy, out->to_count, 0, out->frame_count, 0};
    return parcel;
}

void parcel_to(struct router_out *out, uint32_t peer)
{
    CHECK(out->to_count < sizeof out->to / sizeof *out->to);
    out->to[out->to_count++] = peer;
    out->parcels[out->parcel_count - 1].to_count++;
}

static void append(struct router_out *out, struct router_frame frame)
{
    CHECK(out->frame_count < ROUTER_FRAMES);
    out->frames[out->frame_count++] = frame;
    out->parcels[out->parcel_count - 1].frame_count++;
}

void parcel_in(struct router_out *out, size_t index)
{
    append(out, (struct router_frame){(int32_t)index, 0, 0});
}

void parcel_joined(struct router_out *out, const struct bytes *pieces, size_t count)
{
    CHECK(count <= sizeof out->pieces / sizeof *out->pieces - out->piece_count);
    append(out, (struct router_frame){-1, out->piece_count, (uint32_t)count});
    for (size_t i = 0; i < count; i++)
        out->pieces[out->piece_count++] = pieces[i];
}

void parcel_text(struct router_out *out, struct bytes text)
{
    parcel_joined(out, &text, 1);
}

void parcel_reply(struct router_out *out, uint32_t peer, bool named, const char *subsystem)
{
    parcel_open(out, ROUTER_REPLY);
    parcel_to(out, peer);
    parcel_text(out, (struct bytes){NULL, 0});
    parcel_in(out, AT_SIGNATURE);
    if (named)
        parcel_in(out, AT_SENDER);
    else
        parcel_text(out, (struct bytes){NULL, 0});
    parcel_in(out, AT_ID);
    parcel_text(out, bytes_of(subsystem));
}

void parcel_refuse(struct router_out *out, enum access_kind kind, struct bytes text)
{
    if (out->refusal_count < ROUTER_REFUSALS)
        out->refusals[out->refusal_count++] = (struct router_refusal){kind, text};
}

struct bytes parcel_keep(struct router_out *out, struct bytes text)
{
    size_t at = out->text.size;
    if (out->text.capacity - at < text.size)
        return (struct bytes){NULL, 0};
    write_bytes(&out->text, text);
    return (struct bytes){out->text.data + at, text.size};
}

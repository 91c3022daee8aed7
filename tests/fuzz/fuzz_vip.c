/* VIP messages and subscription JSON: the input is a conversation, frames ended by 0x00, the last of a
 * message by 0x01. Whatever comes, every parcel goes to peers that exist, every frame refers to what is
 * there, and peers and subscriptions stay within their bounds. */
#include "bus/core/router.h"

#include <busbar/check.h>
#include <stdlib.h>

#define SUBSCRIPTIONS 512

static struct router router;
static struct router_out out;
static struct access rules;
static void *memory;
/* Every byte of a result is read into it. */
static volatile uint8_t touched;

static void look(const struct router_in *in)
{
    for (uint32_t p = 0; p < out.parcel_count; p++) {
        const struct router_parcel *parcel = &out.parcels[p];
        for (uint32_t i = 0; i < parcel->to_count; i++)
            CHECK(out.to[parcel->to_first + i] == out.dropped ||
                  peers_at(&router.peers, out.to[parcel->to_first + i])->live);
        for (uint32_t i = 0; i < parcel->frame_count; i++) {
            const struct router_frame *frame = &out.frames[parcel->frame_first + i];
            CHECK(frame->in < (int32_t)in->count);
            for (uint32_t k = 0; frame->in < 0 && k < frame->count; k++)
                for (size_t b = 0; b < out.pieces[frame->first + k].size; b++)
                    touched ^= out.pieces[frame->first + k].data[b];
        }
    }
    CHECK(router.subs.count <= SUBSCRIPTIONS);
}

static void receive(const struct bytes *frames, size_t count)
{
    struct router_in in = {frames, count, count % 2 == 0 ? 0 : ACCESS_OPEN, 0, false};
    enum router_verdict verdict = router_receive(&router, &in, &out);
    if (verdict == ROUTER_QUERY)
        router_answer(&router, &in, out.query, &out);
    look(&in);
    if (verdict == ROUTER_DONE && count >= 7) {
        router_undelivered(&router, &in, count % 3 == 0 ? 11 : 113, &out);
        look(&in);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes frames[BB_FRAMES_MAX];
    size_t count = 0;
    uint32_t entry;
    memory = calloc(1, router_memory(SUBSCRIPTIONS));
    CHECK(memory != NULL);
    access_init(&rules);
    CHECK(access_add(&rules, bytes_of("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &entry) == BB_OK);
    CHECK(access_grant(&rules, entry, ACCESS_IDENTITY, bytes_of("a*")) == BB_OK);
    CHECK(access_grant(&rules, entry, ACCESS_SUBSCRIBE, bytes_of("D")) == BB_OK);
    router_init(&router, SUBSCRIPTIONS, memory, 3, "R", &rules);
    size_t start = 0;
    for (size_t i = 0; i < size; i++) {
        if (data[i] > 1)
            continue;
        if (count < BB_FRAMES_MAX)
            frames[count++] = (struct bytes){data + start, i - start};
        start = i + 1;
        if (data[i] == 1) {
            receive(frames, count);
            count = 0;
        }
    }
    free(memory);
    return 0;
}

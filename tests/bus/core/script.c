#include "tests/bus/core/script.h"

#include <busbar/check.h>
#include <stdlib.h>

static struct router router;
static struct router_out out;
static struct access nobody;
static void *memory;
static char incoming[SCRIPT_TEXT_MAX];
static struct bytes frames[BB_FRAMES_MAX];
static char result[8 * SCRIPT_TEXT_MAX];

void script_open(uint32_t subscriptions, const struct access *access)
{
    memory = calloc(1, router_memory(subscriptions));
    CHECK(memory != NULL);
    access_init(&nobody);
    router_init(&router, subscriptions, memory, 7, "R", access != NULL ? access : &nobody);
}

void script_close(void)
{
    free(memory);
}

struct router *script_router(void)
{
    return &router;
}

struct router_out *script_out(void)
{
    return &out;
}

enum router_verdict script_send_as(uint32_t entry, const char *message)
{
    size_t count = 1;
    char *at = incoming;
    snprintf(incoming, sizeof incoming, "%s", message);
    frames[0].data = (uint8_t *)incoming;
    for (; *at != '\0'; at++) {
        if (*at != '|')
            continue;
        frames[count - 1].size = (size_t)((uint8_t *)at - frames[count - 1].data);
        frames[count++].data = (uint8_t *)at + 1;
    }
    frames[count - 1].size = (size_t)((uint8_t *)at - frames[count - 1].data);
    const struct router_in in = {frames, count, entry, 1000, false};
    return router_receive(&router, &in, &out);
}

enum router_verdict script_send(const char *message)
{
    return script_send_as(ACCESS_OPEN, message);
}

static size_t used;

static void put(const char *text)
{
    used += (size_t)snprintf(result + used, sizeof result - used, "%s", text);
    CHECK(used < sizeof result);
}

static void put_bytes(struct bytes bytes)
{
    char text[8];
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t c = bytes.data[i];
        snprintf(text, sizeof text, c >= 0x20 && c < 0x7f ? "%c" : "\\%02x", c);
        put(text);
    }
}

static void put_frame(const struct router_frame *frame)
{
    if (frame->in >= 0)
        put_bytes(frames[frame->in]);
    for (uint32_t i = 0; frame->in < 0 && i < frame->count; i++)
        put_bytes(out.pieces[frame->first + i]);
}

const char *script_result(void)
{
    used = 0;
    result[0] = '\0';
    for (uint32_t p = 0; p < out.parcel_count; p++) {
        const struct router_parcel *parcel = &out.parcels[p];
        for (uint32_t i = 0; i < parcel->to_count; i++) {
            put(i > 0 ? "," : "");
            put_bytes(peers_identity(&router.peers, out.to[parcel->to_first + i]));
        }
        put(":");
        for (uint32_t i = 0; i < parcel->frame_count; i++) {
            put(i > 0 ? "|" : "");
            put_frame(&out.frames[parcel->frame_first + i]);
        }
        put("\n");
    }
    return result;
}

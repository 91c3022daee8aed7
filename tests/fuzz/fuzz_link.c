/* Bytes from a wire into one end of a link; the first byte chooses the end. What is delivered must be
 * something that the codec writes again, byte for byte, and the output stays bounded and whole. */
#include "node-fw/link/session.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The payload of a delivered message, written, read and written again. */
static void check_round_trip(const struct link_message *message)
{
    uint8_t once[BB_LINK_PAYLOAD_MAX], twice[BB_LINK_PAYLOAD_MAX];
    struct writer a = writer_at(once, sizeof once), b = writer_at(twice, sizeof twice);
    struct link_message again;
    if (link_encode(message, &a) != BB_OK ||
        link_decode((uint8_t)message->type, message->source, written(&a), &again) != BB_OK ||
        link_encode(&again, &b) != BB_OK || !bytes_equal(written(&a), written(&b)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct link_settings me = {.host = data[0] & 1};
    me.me.major = LINK_MAJOR;
    me.me.session = 0xB0A2D001;
    me.me.role = me.host ? LINK_ROLE_HOST : LINK_ROLE_CONSUMER;
    me.me.board = me.host ? 0 : 7;
    static struct link l;
    struct mono now = {1};
    link_init(&l, &me, now);
    struct bytes in = {data + 1, size - 1};
    struct link_message message;
    while (link_feed(&l, &in, now, &message)) {
        bool foreign = message.type == LINK_HELLO && link_state(&l) == LINK_REFUSED;
        if (!foreign)
            check_round_trip(&message);
        struct link_message answer = {.type = LINK_LEAVE};
        (void)!link_send(&l, &answer, now);
        now.ms += 40;
        link_poll(&l, now);
        link_sent(&l, link_output(&l).size / 2);
        if (link_due(&l).ms < now.ms - LINK_DEAD_MS)
            abort();
    }
    return 0;
}

/* Messages of a hostile agent into a whole board: each is type, milliseconds, size, payload. Whatever comes,
 * the applied power stays between 0 and the greatest, and the board's parameters stay acceptable. */
#include "node-fw/node/errand.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char board[] =
    "id 2\nname L1\nkind consumer\nomega 12\nsigma 0.05\npmax_kw 120\nramp_kw_per_s 50\n"
    "on_link_loss fixed\nfixed_kw 3\nstate x\n";

static struct node node;
static uint8_t seq;

static void feed(struct frame frame, struct mono now)
{
    uint8_t wire[BB_LINK_FRAME_MAX];
    frame.version = LINK_MAJOR;
    frame.flags |= FRAME_FROM_HOST;
    node_feed(&node, (struct bytes){wire, frame_pack(&frame, wire)}, now);
    node_sent(&node, node_output(&node).size);
}

static void say_hello(struct mono now)
{
    struct link_message m = {.type = LINK_HELLO};
    m.hello = (struct link_hello){.major = LINK_MAJOR, .session = 9, .role = LINK_ROLE_HOST};
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    struct writer w = writer_at(payload, sizeof payload);
    if (link_encode(&m, &w) != BB_OK)
        abort();
    feed((struct frame){.type = LINK_HELLO, .payload = written(&w)}, now);
}

static void check(void)
{
    struct node_view v = node_view(&node);
    struct curve curve;
    if (v.applied_mw < 0 || v.applied_mw > 4294967295 ||
        curve_of(&node_settings(&node)->parameters, &curve) != BB_OK)
        abort();
    if (v.mode == ACTUATOR_STOPPED && v.applied_mw != 0)
        abort();
}

/* Whatever the supervisor is sent it sends back. */
static void do_errands(struct mono now)
{
    uint8_t type;
    struct bytes payload;
    struct link_message m;
    for (; node_errand(&node, &type, &payload); node_errand_done(&node)) {
        if (link_decode(type, 0, payload, &m) != BB_OK)
            abort();
        node_pass(&node, type, payload, now);
        node_pass(&node, LINK_SLOTS, payload, now);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings;
    struct settings_error error;
    struct mono now = {1000};
    if (settings_parse(bytes_of(board), &error, &settings) != BB_OK)
        abort();
    node_init(&node, &settings, 1, now);
    if (size & 1)
        node_supervise(&node, !(size & 2), 7);
    node_connect(&node, 5, now);
    say_hello(now);
    seq = 0;
    struct reader r = reader_at((struct bytes){data, size});
    while (r.left.size > 3) {
        uint8_t type = read_u8(&r) & 0x3F;
        now.ms += read_u8(&r);
        uint8_t wanted = read_u8(&r);
        size_t most = r.left.size < BB_LINK_PAYLOAD_MAX ? r.left.size : BB_LINK_PAYLOAD_MAX;
        struct frame frame = {.type = type, .payload = read_bytes(&r, wanted < most ? wanted : most)};
        if (link_reliable(type)) {
            frame.flags = FRAME_RELIABLE;
            frame.seq = seq++;
        }
        feed(frame, now);
        (void)node_events(&node);
        if (type & 1)
            do_errands(now);
        check();
    }
    return 0;
}

/* The server's side of ZMTP: any bytes, in any cuts, with both mechanisms. The first byte chooses the
 * mechanism, the cuts, and whether the handshake is done beforehand; with CURVE, where nobody guesses a box,
 * a peer seals what follows. Spans stay within the data, and nothing is asked for beyond the limits. */
#include "bus/zmtp/frame.h"
#include "tests/bus/zmtp/peer.h"

#include <busbar/check.h>
#include <stdlib.h>

#define STREAM (1 << 18)

static uint8_t in[STREAM];
static size_t in_size;
static struct zmtp zmtp;
static struct zmtp_parts parts;
static struct zmtp_step step;
static struct zmtp_pair server;
static uint32_t sum;

static void look_at_message(void)
{
    CHECK(parts.count >= 1 && parts.count <= BB_FRAMES_MAX);
    for (uint32_t i = 0; i < parts.count; i++) {
        CHECK(step.from + parts.frames[i].at + parts.frames[i].size <= step.used);
        for (uint32_t k = 0; k < parts.frames[i].size; k++)
            sum += in[step.from + parts.frames[i].at + k];
    }
}

/* False when the connection is refused. */
static bool run(void)
{
    for (;;) {
        enum zmtp_event event = zmtp_next(&zmtp, in, in_size, &parts, &step);
        CHECK(step.used <= in_size && step.want <= BB_MESSAGE_MAX && step.reply_size <= ZMTP_REPLY_MAX);
        CHECK(event != ZMTP_NEED || step.want > in_size - step.used);
        if (event == ZMTP_MESSAGE) {
            look_at_message();
            memset(&parts, 0, sizeof parts);
        }
        if (event == ZMTP_ASK) {
            CHECK(step.identity.size <= 255);
            zmtp_admit(&zmtp, &step);
        }
        in_size -= step.used;
        memmove(in, in + step.used, in_size);
        if (event == ZMTP_NEED || event == ZMTP_REFUSED)
            return event == ZMTP_NEED;
    }
}

static bool feed(struct bytes bytes, size_t most)
{
    while (bytes.size > 0 && in_size < sizeof in) {
        size_t size = bytes.size < most ? bytes.size : most;
        size = size < sizeof in - in_size ? size : sizeof in - in_size;
        memcpy(in + in_size, bytes.data, size);
        in_size += size;
        if (!run())
            return false;
        bytes = (struct bytes){bytes.data + size, bytes.size - size};
    }
    return true;
}

static void handshake(struct peer_client *peer, bool curve)
{
    uint8_t room[1024];
    struct zmtp_header header;
    struct writer w = writer_at(room, sizeof room);
    peer_greeting(&w, 1, curve ? "CURVE" : "NULL");
    if (curve) {
        peer_init(peer, 9, server.public_key);
        CHECK(feed(written(&w), 64));
        w = writer_at(room, sizeof room);
        peer_hello(peer, &w);
        memcpy(in, room, w.size);
        CHECK(zmtp_next(&zmtp, in, w.size, &parts, &step) == ZMTP_REPLY);
        size_t at = zmtp_header_read(step.reply, step.reply_size, &header);
        CHECK(peer_welcome(peer, (struct bytes){step.reply + at, step.reply_size - at}));
        w = writer_at(room, sizeof room);
        peer_initiate(peer, &w, "DEALER", bytes_of("x"));
    } else {
        peer_ready(&w, "DEALER", bytes_of("x"));
    }
    CHECK(feed(written(&w), sizeof room));
    CHECK(zmtp.state == ZMTP_OPEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t stream[STREAM];
    static const size_t CUTS[] = {1, 2, 3, 7, 64, 300, 4096, STREAM};
    uint8_t random[ZMTP_RANDOM] = {1, 2, 3};
    struct peer_client peer;
    if (size == 0 || size > 30000)
        return 0;
    bool curve = (data[0] & 1) != 0, done = (data[0] & 2) != 0;
    size_t most = CUTS[data[0] >> 2 & 7];
    if (server.public_key[0] == 0) {
        CHECK(zmtp_curve_start());
        zmtp_curve_pair((const uint8_t *)"thirty-two bytes that are secret", &server);
    }
    in_size = 0;
    memset(&parts, 0, sizeof parts);
    zmtp_init(&zmtp, curve ? &server : NULL, random, &step);
    if (done)
        handshake(&peer, curve);
    struct writer w = writer_at(stream, sizeof stream);
    if (!curve || !done) {
        (void)feed((struct bytes){data + 1, size - 1}, most);
        return 0;
    }
    /* Frames to be sealed: flags, size, that many bytes. */
    for (struct reader r = reader_at((struct bytes){data + 1, size - 1}); r.ok && r.left.size > 1;) {
        uint8_t flags = read_u8(&r);
        struct bytes body = read_bytes(&r, read_u8(&r));
        if (r.ok)
            peer_message(&peer, &w, flags, body);
    }
    (void)feed(written(&w), most);
    return 0;
}

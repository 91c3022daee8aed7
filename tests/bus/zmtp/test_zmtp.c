/* The server's side of ZMTP 3.1 against bytes written as the RFCs say them: frames, metadata, the mechanism
 * NULL, every cut of the stream, and what a peer must not do. The real clients meet it in tests/system. */
#include "bus/zmtp/frame.h"
#include "bus/zmtp/metadata.h"
#include "tests/bus/zmtp/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* -- frames and metadata --------------------------------------------------------------------------------- */

static void test_headers_are_those_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        uint64_t body;
        uint8_t flags, bytes[9], size;
    } CASES[] = {{0, 0, {0, 0}, 2},
                 {255, 1, {1, 255}, 2},
                 {256, 0, {2, 0, 0, 0, 0, 0, 0, 1, 0}, 9},
                 {0x123456, 1, {3, 0, 0, 0, 0, 0, 0x12, 0x34, 0x56}, 9},
                 {7, 4, {4, 7}, 2}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        uint8_t to[ZMTP_HEADER_MAX];
        struct zmtp_header header;
        assert_int_equal(zmtp_header_write(to, CASES[i].flags, CASES[i].body), CASES[i].size);
        assert_int_equal(zmtp_header_size(CASES[i].body), CASES[i].size);
        assert_memory_equal(to, CASES[i].bytes, CASES[i].size);
        for (size_t size = 0; size < CASES[i].size; size++)
            assert_int_equal(zmtp_header_read(to, size, &header), 0);
        assert_int_equal(zmtp_header_read(to, 9, &header), CASES[i].size);
        assert_int_equal(header.body, CASES[i].body);
        assert_true(zmtp_flags_valid(header.flags));
    }
    for (unsigned flags = 0; flags < 256; flags++)
        assert_int_equal(zmtp_flags_valid((uint8_t)flags), flags < 8 && (flags & 5) != 5);
}

static enum zmtp_metadata_verdict verdict(const char *list, size_t size)
{
    struct bytes identity;
    return zmtp_metadata_read((struct bytes){(const uint8_t *)list, size}, &identity);
}
#define VERDICT(list) verdict(list, sizeof list - 1)

static void test_metadata(void **state)
{
    (void)state;
    uint8_t list[512], name[256];
    struct bytes identity;
    assert_int_equal(VERDICT("\x0bSocket-Type\0\0\0\6DEALER"), ZMTP_METADATA_OK);
    assert_int_equal(VERDICT("\x0bsocket-type\0\0\0\3REQ\5X-any\0\0\0\0"), ZMTP_METADATA_OK);
    assert_int_equal(VERDICT("\x0bSocket-Type\0\0\0\6ROUTER"), ZMTP_METADATA_OK);
    assert_int_equal(VERDICT("\x0bSocket-Type\0\0\0\3PUB"), ZMTP_METADATA_TYPE);
    assert_int_equal(VERDICT(""), ZMTP_METADATA_TYPE);
    assert_int_equal(VERDICT("\x0bSocket-Type\0\0\0\7DEALER"), ZMTP_METADATA_MALFORMED);
    assert_int_equal(VERDICT("\x0bSocket-Type\xff\xff\xff\xffREQ"), ZMTP_METADATA_MALFORMED);
    assert_int_equal(VERDICT("\x0bSocket-Type\0\0"), ZMTP_METADATA_MALFORMED);
    assert_int_equal(VERDICT("\0\0\0\0\0"), ZMTP_METADATA_MALFORMED);
    assert_int_equal(VERDICT("\x0bSocket-Type\0\0\0\3REQ\x0bSocket-Type\0\0\0\3REQ"),
                     ZMTP_METADATA_MALFORMED);
    memset(name, 'n', sizeof name);
    for (size_t size = 255; size <= 256; size++) {
        struct writer w = writer_at(list, sizeof list);
        peer_metadata(&w, "DEALER", (struct bytes){name, size});
        assert_int_equal(zmtp_metadata_read(written(&w), &identity),
                         size == 255 ? ZMTP_METADATA_OK : ZMTP_METADATA_IDENTITY);
    }
    assert_int_equal(identity.size, 255);
    assert_int_equal(zmtp_metadata_read(zmtp_metadata_ours(), &identity), ZMTP_METADATA_OK);
}

/* -- NULL ------------------------------------------------------------------------------------------------ */

static void null_client(struct writer *w, const char *identity)
{
    peer_greeting(w, 1, "NULL");
    peer_ready(w, "DEALER", bytes_of(identity));
}

static void test_null_handshake(void **state)
{
    (void)state;
    static const uint8_t GREETING[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 1, 'N', 'U', 'L', 'L'};
    static const char READY[] = "\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06ROUTER\x08Identity\0\0\0";
    struct writer w = harness_fresh();
    harness_begin(false);
    assert_int_equal(line->out_size, 64);
    assert_memory_equal(line->out, GREETING, 64);
    null_client(&w, "agent.one");
    harness_feed(written(&w));
    assert_int_equal(line->asked, 1);
    assert_int_equal(line->identity_size, 9);
    assert_memory_equal(line->identity, "agent.one", 9);
    assert_int_equal(line->out_size, 64 + 2 + 0x29);
    assert_memory_equal(line->out + 64, READY, sizeof READY);
    assert_int_equal(line->zmtp.state, ZMTP_OPEN);
}

static void test_messages_in_every_cut(void **state)
{
    (void)state;
    static uint8_t large[3000];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)('a' + i % 26);
    struct writer w = harness_fresh();
    null_client(&w, "x");
    for (int i = 0; i < 20; i++) {
        peer_frame(&w, ZMTP_MORE, bytes_of("one"));
        peer_frame(&w, ZMTP_MORE, (struct bytes){NULL, 0});
        /* libzmq sends a PING where its timer finds it, also within a message. */
        peer_frame(&w, ZMTP_COMMAND,
                   (struct bytes){(const uint8_t *)"\x04PING\0\x0f"
                                                   "ctx",
                                  10});
        peer_frame(&w, i % 2 == 0 ? ZMTP_MORE : 0, (struct bytes){large, (size_t)i * 150});
        if (i % 2 == 0)
            peer_frame(&w, 0, bytes_of("end"));
        peer_frame(&w, ZMTP_COMMAND, (struct bytes){(const uint8_t *)"\x04PONG", 5});
        peer_frame(&w, ZMTP_COMMAND, (struct bytes){(const uint8_t *)"\x04XYZTabc", 8});
    }
    static char want[STREAM];
    static uint8_t want_out[STREAM];
    struct bytes stream = written(&w);
    size_t want_size = 0, out_size = 0;
    for (int round = 0; round < 200; round++) {
        harness_begin(false);
        if (round == 0)
            harness_feed(stream);
        else
            harness_feed_cut(stream, round < 3 ? 1 : 1 + harness_below(round < 100 ? 40 : 4000));
        assert_int_equal(line->why, ZMTP_FINE);
        assert_int_equal(line->in_size, 0);
        if (round == 0) {
            want_size = line->said_size;
            out_size = line->out_size;
            memcpy(want, line->said, want_size);
            memcpy(want_out, line->out, out_size);
            assert_true(want_size > 20u * 10 + 9 * 10 * 19);
            assert_int_equal(out_size, 64 + 2 + 0x29 + 20 * 10);
        }
        assert_int_equal(line->said_size, want_size);
        assert_memory_equal(line->said, want, want_size);
        assert_int_equal(line->out_size, out_size);
        assert_memory_equal(line->out, want_out, out_size);
    }
    assert_memory_equal(want_out + out_size - 10, "\x04\x08\x04PONGctx", 10);
}

static void test_too_many_frames_are_skipped(void **state)
{
    (void)state;
    for (uint32_t most = 1; most < 1000; most *= 5) {
        struct writer w = harness_fresh();
        harness_begin(false);
        null_client(&w, "x");
        for (int i = 0; i < 2 * BB_FRAMES_MAX; i++)
            peer_frame(&w, i + 1 < 2 * BB_FRAMES_MAX ? ZMTP_MORE : 0, bytes_of("f"));
        peer_frame(&w, 0, bytes_of("after"));
        for (int i = 0; i < BB_FRAMES_MAX; i++)
            peer_frame(&w, i + 1 < BB_FRAMES_MAX ? ZMTP_MORE : 0, (struct bytes){NULL, 0});
        harness_feed_cut(written(&w), most);
        assert_int_equal(line->excess, 1);
        assert_int_equal(line->said_size, 6 + BB_FRAMES_MAX);
        assert_memory_equal(line->said, "after\n|||", 9);
    }
}

/* -- what is refused ------------------------------------------------------------------------------------- */

static void test_older_protocols_are_refused_early(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[12];
        size_t size;
    } OLD[] = {{{0x01, 0x00}, 1},                                      /* 1.0: an empty routing id */
               {{0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0}, 10},                /* 1.0: a long one */
               {{0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 0x01, 0x05}, 11}, /* 2.0 */
               {{'G', 'E', 'T', ' '}, 1}};
    for (size_t i = 0; i < sizeof OLD / sizeof *OLD; i++) {
        harness_begin(false);
        for (size_t at = 0; at + 1 < OLD[i].size; at++)
            harness_feed((struct bytes){OLD[i].bytes + at, 1});
        assert_int_equal(line->why, ZMTP_FINE);
        harness_feed((struct bytes){OLD[i].bytes + OLD[i].size - 1, 1});
        harness_refused(ZMTP_OLD);
    }
}

static void test_other_mechanisms_are_refused(void **state)
{
    (void)state;
    static const char *const OTHER[] = {"NULL", "PLAIN", "CURVE", "", "NULLS"};
    for (int curve = 0; curve <= 1; curve++)
        for (size_t i = 0; i < sizeof OTHER / sizeof *OTHER; i++) {
            struct writer w = harness_fresh();
            harness_begin(curve == 1);
            peer_greeting(&w, 1, OTHER[i]);
            harness_feed(written(&w));
            if (strcmp(OTHER[i], curve == 1 ? "CURVE" : "NULL") == 0)
                assert_int_equal(line->why, ZMTP_FINE);
            else
                harness_refused(ZMTP_MECHANISM);
        }
    struct writer w = harness_fresh();
    harness_begin(true);
    peer_greeting(&w, 1, "CURVE");
    harness_room[32] = 1;
    harness_feed(written(&w));
    harness_refused(ZMTP_UNEXPECTED);
}

static void test_bad_handshakes_are_refused(void **state)
{
    (void)state;
    static uint8_t name[300];
    memset(name, 'n', sizeof name);
    static const struct {
        const char *bytes;
        size_t size;
        enum zmtp_reason why;
    } CASES[] = {{"\x00\x05hello", 1, ZMTP_UNEXPECTED},      /* a message before READY */
                 {"\x05\x05hello", 1, ZMTP_UNEXPECTED},      /* a command with MORE */
                 {"\x04\x06\x05HELLO", 8, ZMTP_UNEXPECTED},  /* of CURVE */
                 {"\x04\x03\x05RE", 5, ZMTP_UNEXPECTED},     /* truncated */
                 {"\x04\x00", 2, ZMTP_UNEXPECTED},           /* without a name */
                 {"\x04\x07\x05READYx", 9, ZMTP_METADATA},   /* half a property */
                 {"\x04\x06\x05READY", 8, ZMTP_SOCKET_TYPE}, /* no type */
                 {"\x06\0\0\0\0\0\0\x10\x01", 9, ZMTP_TOO_LARGE},
                 {"\x06\xff\xff\xff\xff\xff\xff\xff\xff", 9, ZMTP_TOO_LARGE}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct writer w = harness_fresh();
        harness_begin(false);
        peer_greeting(&w, 1, "NULL");
        harness_feed(written(&w));
        harness_feed((struct bytes){(const uint8_t *)CASES[i].bytes, CASES[i].size});
        harness_refused(CASES[i].why);
        assert_int_equal(line->asked, 0);
    }
    struct writer w = harness_fresh();
    harness_begin(false);
    peer_greeting(&w, 1, "NULL");
    peer_ready(&w, "DEALER", (struct bytes){name, 256});
    harness_feed(written(&w));
    harness_refused(ZMTP_IDENTITY);
}

static void test_bad_traffic_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum zmtp_reason why;
    } CASES[] = {{"\x08", 1, ZMTP_MALFORMED},                     /* a flag that is none */
                 {"\x05", 1, ZMTP_MALFORMED},                     /* a command with MORE */
                 {"\x02\0\0\0\0\x01\0\0\x01", 9, ZMTP_TOO_LARGE}, /* BB_FRAME_MAX + 1 */
                 {"\x02\x80\0\0\0\0\0\0\0", 9, ZMTP_TOO_LARGE},
                 {"\x04\x00", 2, ZMTP_MALFORMED},              /* no name */
                 {"\x04\x05\x09PING", 7, ZMTP_MALFORMED},      /* a name longer than it all */
                 {"\x04\x06\x04PING\x00", 8, ZMTP_MALFORMED}}; /* half a time to live */
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct writer w = harness_fresh();
        harness_begin(false);
        null_client(&w, "x");
        harness_feed(written(&w));
        harness_feed((struct bytes){(const uint8_t *)CASES[i].bytes, CASES[i].size});
        harness_refused(CASES[i].why);
    }
}

/* The limit on a whole message is known from its headers, before a byte of the frame that breaks it. */
static void test_large_messages_are_refused_by_their_headers(void **state)
{
    (void)state;
    struct zmtp zmtp;
    struct zmtp_step step;
    struct zmtp_parts parts = {.count = 0};
    struct writer w = harness_fresh();
    uint8_t *data = calloc(1, BB_MESSAGE_MAX);
    size_t size = 0;
    assert_non_null(data);
    zmtp_init(&zmtp, NULL, NULL, &step);
    null_client(&w, "x");
    memcpy(data, harness_room, w.size);
    assert_int_equal(zmtp_next(&zmtp, data, w.size, &parts, &step), ZMTP_REPLY);
    assert_int_equal(zmtp_next(&zmtp, data + 64, w.size - 64, &parts, &step), ZMTP_ASK);
    zmtp_admit(&zmtp, &step);
    enum zmtp_event event = ZMTP_NEED;
    for (int i = 0; i < 4 && event == ZMTP_NEED; i++) {
        size += zmtp_header_write(data + size, ZMTP_MORE, BB_FRAME_MAX);
        event = zmtp_next(&zmtp, data, size, &parts, &step);
        assert_int_equal(event, i < 3 ? ZMTP_NEED : ZMTP_REFUSED);
        assert_true(i == 3 || step.want == size + BB_FRAME_MAX);
        size += i < 3 ? BB_FRAME_MAX : 0;
    }
    assert_int_equal(zmtp.why, ZMTP_TOO_LARGE);
    free(data);
}

static void test_a_refusal_is_told(void **state)
{
    (void)state;
    struct writer w = harness_fresh();
    harness_begin(false);
    line->refuse = "400";
    null_client(&w, "x");
    harness_feed(written(&w));
    harness_refused(ZMTP_DENIED);
    assert_int_equal(line->out_size, 64 + 12);
    assert_memory_equal(line->out + 64,
                        "\x04\x0a\x05"
                        "ERROR\x03"
                        "400",
                        12);
}

static void test_ping(void **state)
{
    (void)state;
    for (uint8_t minor = 0; minor <= 1; minor++) {
        struct writer w = harness_fresh();
        harness_begin(false);
        peer_greeting(&w, minor, "NULL");
        peer_ready(&w, "DEALER", bytes_of("x"));
        harness_feed(written(&w));
        zmtp_ping(&line->zmtp, &line->step);
        assert_int_equal(line->step.reply_size, minor == 0 ? 0 : 9);
        if (minor == 1)
            assert_memory_equal(line->step.reply, "\x04\x07\x04PING\0\0", 9);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_are_those_of_the_rfc),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_null_handshake),
        cmocka_unit_test(test_messages_in_every_cut),
        cmocka_unit_test(test_too_many_frames_are_skipped),
        cmocka_unit_test(test_older_protocols_are_refused_early),
        cmocka_unit_test(test_other_mechanisms_are_refused),
        cmocka_unit_test(test_bad_handshakes_are_refused),
        cmocka_unit_test(test_bad_traffic_is_refused),
        cmocka_unit_test(test_large_messages_are_refused_by_their_headers),
        cmocka_unit_test(test_a_refusal_is_told),
        cmocka_unit_test(test_ping),
    };
    harness_start(argc, argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(line);
    return failed;
}

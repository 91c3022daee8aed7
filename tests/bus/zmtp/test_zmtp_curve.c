/* CURVE against a client written from RFC 25 and 26: the handshake, sealed messages in every cut of the
 * stream, and every way to be somebody else, to repeat what was said, or to change it. */
#include "bus/zmtp/frame.h"
#include "bus/zmtp/metadata.h"
#include "tests/bus/zmtp/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* -- CURVE ----------------------------------------------------------------------------------------------- */

static struct peer_client peer;

/* Handshakes up to WELCOME. */
static void to_welcome(void)
{
    struct writer w = harness_fresh();
    harness_begin(true);
    peer_init(&peer, 9, harness_server.public_key);
    peer_greeting(&w, 1, "CURVE");
    peer_hello(&peer, &w);
    harness_feed(written(&w));
    assert_int_equal(line->why, ZMTP_FINE);
    assert_true(peer_welcome(&peer, harness_answer(64)));
}

static void to_open(void)
{
    struct writer w = harness_fresh();
    to_welcome();
    peer_initiate(&peer, &w, "DEALER", bytes_of("agent.two"));
    harness_feed(written(&w));
    assert_int_equal(line->zmtp.state, ZMTP_OPEN);
}

static void test_curve_handshake(void **state)
{
    (void)state;
    uint8_t plain[256];
    to_open();
    assert_int_equal(line->asked, 1);
    assert_memory_equal(line->key, peer.pair.public_key, ZMTP_KEY);
    assert_int_equal(line->identity_size, 9);
    assert_memory_equal(line->identity, "agent.two", 9);
    struct bytes ours = zmtp_metadata_ours();
    assert_int_equal(peer_opened_ready(&peer, harness_answer(64 + 170), plain), ours.size);
    assert_memory_equal(plain, ours.data, ours.size);
    /* The secrets of the handshake are gone. */
    static const uint8_t ZEROS[ZMTP_RANDOM];
    assert_memory_equal(line->zmtp.curve.random, ZEROS, sizeof line->zmtp.curve.random);
}

static void test_curve_messages_in_every_cut(void **state)
{
    (void)state;
    static uint8_t stream[STREAM];
    static uint8_t large[2000];
    memset(large, 'z', sizeof large);
    for (int round = 0; round < 60; round++) {
        struct writer w = writer_at(stream, sizeof stream);
        to_open();
        size_t before = line->out_size;
        for (int i = 0; i < 6; i++) {
            peer_message(&peer, &w, 1, bytes_of("one"));
            peer_message(&peer, &w, 2, (struct bytes){(const uint8_t *)"\x04PING\0\0abc", 10});
            peer_message(&peer, &w, 1, (struct bytes){large, (size_t)i * 300});
            peer_message(&peer, &w, 0, (struct bytes){NULL, 0});
        }
        harness_feed_cut(written(&w), round == 0 ? 1 : 1 + harness_below(round < 30 ? 30 : 3000));
        assert_int_equal(line->why, ZMTP_FINE);
        assert_int_equal(line->in_size, 0);
        assert_int_equal(line->said_size, 6 * 6 + 300 * 15);
        assert_memory_equal(line->said, "one||\none|zzzz", 14);
        assert_int_equal(line->out_size - before, 6 * (2 + 33 + 8));
        uint8_t plain[64];
        struct bytes last = harness_answer(line->out_size - (2 + 33 + 8));
        assert_int_equal(peer_opened(&peer, last, plain), 9);
        assert_memory_equal(plain, "\x02\x04PONGabc", 9);
    }
}

static void test_sealed_frames_open(void **state)
{
    (void)state;
    static uint8_t data[70000], frame[70100], plain[70100];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)harness_below(256);
    to_open();
    for (size_t size = 0; size < sizeof data; size = size * 3 / 2 + 1) {
        uint8_t flags = size % 2 == 0 ? ZMTP_MORE : 0;
        struct zmtp_header header;
        size_t whole = zmtp_curve_seal(&line->zmtp.curve, flags, (struct bytes){data, size}, frame);
        assert_int_equal(whole, zmtp_curve_sealed(size));
        size_t at = zmtp_header_read(frame, whole, &header);
        assert_int_equal(at + header.body, whole);
        assert_int_equal(peer_opened(&peer, (struct bytes){frame + at, (size_t)header.body}, plain),
                         1 + size);
        assert_int_equal(plain[0], flags);
        assert_memory_equal(plain + 1, data, size);
    }
}

/* Every byte of a handshake matters: whichever is changed, the server lets nobody in under that key. */
static void test_changed_handshakes_are_refused(void **state)
{
    (void)state;
    for (size_t at = 0; at < 202; at++) {
        struct writer w = harness_fresh();
        harness_begin(true);
        peer_init(&peer, 9, harness_server.public_key);
        peer_greeting(&w, 1, "CURVE");
        peer_hello(&peer, &w);
        bool padding = at >= 2 + 8 && at < 2 + 80;
        harness_room[64 + at] ^= 0x40;
        if (at < 2)
            continue;
        harness_feed(written(&w));
        assert_true(padding ? line->why == ZMTP_FINE : line->why != ZMTP_FINE);
    }
    struct writer w = harness_fresh();
    to_welcome();
    peer_initiate(&peer, &w, "DEALER", bytes_of("agent.two"));
    size_t size = w.size;
    for (size_t at = 9; at < size; at++) {
        w = harness_fresh();
        to_welcome();
        peer_initiate(&peer, &w, "DEALER", bytes_of("agent.two"));
        harness_room[at] ^= 0x40;
        harness_feed(written(&w));
        assert_true(line->why == ZMTP_CRYPTO || line->why == ZMTP_UNEXPECTED);
        assert_int_equal(line->asked, 0);
    }
}

static void test_another_servers_key_is_refused(void **state)
{
    (void)state;
    uint8_t other[ZMTP_KEY] = {9};
    struct writer w = harness_fresh();
    harness_begin(true);
    peer_init(&peer, 9, other);
    peer_greeting(&w, 1, "CURVE");
    peer_hello(&peer, &w);
    harness_feed(written(&w));
    harness_refused(ZMTP_CRYPTO);
}

/* A vouch that another key signed: whoever knows only the public key of a peer is not that peer. */
static void test_a_stolen_public_key_is_refused(void **state)
{
    (void)state;
    struct writer w = harness_fresh();
    struct peer_client thief;
    to_welcome();
    peer_init(&thief, 77, harness_server.public_key);
    memcpy(peer.pair.secret_key, thief.pair.secret_key, ZMTP_KEY);
    peer_initiate(&peer, &w, "DEALER", bytes_of("agent.two"));
    harness_feed(written(&w));
    harness_refused(ZMTP_CRYPTO);
    assert_int_equal(line->asked, 0);
}

static void test_a_cookie_of_another_connection_is_refused(void **state)
{
    (void)state;
    static uint8_t recorded[1024];
    uint8_t random[ZMTP_RANDOM];
    struct writer w = writer_at(recorded, sizeof recorded);
    to_welcome();
    peer_initiate(&peer, &w, "DEALER", bytes_of("agent.two"));
    /* The same HELLO on a new connection, and the recorded INITIATE. */
    struct writer again = harness_fresh();
    harness_begin(true);
    memset(random, 5, sizeof random);
    zmtp_init(&line->zmtp, &harness_server, random, &line->step);
    peer_init(&peer, 9, harness_server.public_key);
    peer_greeting(&again, 1, "CURVE");
    peer_hello(&peer, &again);
    write_bytes(&again, written(&w));
    harness_feed(written(&again));
    harness_refused(ZMTP_CRYPTO);
}

static void test_repeated_and_late_nonces_are_refused(void **state)
{
    (void)state;
    for (int late = 0; late <= 2; late++) {
        struct writer w = harness_fresh();
        to_open();
        peer_message(&peer, &w, 0, bytes_of("first"));
        size_t first = w.size;
        peer.nonce += late == 2 ? 1000 : 0;
        peer_message(&peer, &w, 0, bytes_of("second"));
        if (late == 0)
            write_bytes(&w, (struct bytes){harness_room + first, w.size - first});
        if (late == 1)
            write_bytes(&w, (struct bytes){harness_room, first});
        harness_feed(written(&w));
        harness_said("first\nsecond\n");
        if (late == 2)
            assert_int_equal(line->why, ZMTP_FINE);
        else
            harness_refused(ZMTP_CRYPTO);
    }
}

static void test_what_is_not_sealed_is_refused(void **state)
{
    (void)state;
    static const char *const PLAIN[] = {"plain text", "\x04PING\x01\x01", "\x07MESSAGE",
                                        "\x07MESSAGE12345678123456781234567", ""};
    for (size_t i = 0; i < sizeof PLAIN / sizeof *PLAIN; i++)
        for (uint8_t flags = 0; flags <= ZMTP_COMMAND; flags += ZMTP_COMMAND) {
            struct writer w = harness_fresh();
            to_open();
            peer_frame(&w, flags, bytes_of(PLAIN[i]));
            harness_feed(written(&w));
            harness_refused(ZMTP_CRYPTO);
            harness_said("");
        }
    struct writer w = harness_fresh();
    to_open();
    peer_message(&peer, &w, 4, bytes_of("flags that are none"));
    harness_feed(written(&w));
    harness_refused(ZMTP_CRYPTO);
}

static void test_hello_twice_and_initiate_first(void **state)
{
    (void)state;
    struct writer w = harness_fresh();
    to_welcome();
    peer_hello(&peer, &w);
    harness_feed(written(&w));
    harness_refused(ZMTP_UNEXPECTED);
    w = harness_fresh();
    harness_begin(true);
    peer_init(&peer, 9, harness_server.public_key);
    peer_greeting(&w, 1, "CURVE");
    peer_initiate(&peer, &w, "DEALER", bytes_of("agent.two"));
    harness_feed(written(&w));
    harness_refused(ZMTP_UNEXPECTED);
    w = harness_fresh();
    harness_begin(true);
    peer_greeting(&w, 1, "CURVE");
    peer_ready(&w, "DEALER", bytes_of("agent.two"));
    harness_feed(written(&w));
    harness_refused(ZMTP_UNEXPECTED);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curve_handshake),
        cmocka_unit_test(test_curve_messages_in_every_cut),
        cmocka_unit_test(test_sealed_frames_open),
        cmocka_unit_test(test_changed_handshakes_are_refused),
        cmocka_unit_test(test_another_servers_key_is_refused),
        cmocka_unit_test(test_a_stolen_public_key_is_refused),
        cmocka_unit_test(test_a_cookie_of_another_connection_is_refused),
        cmocka_unit_test(test_repeated_and_late_nonces_are_refused),
        cmocka_unit_test(test_what_is_not_sealed_is_refused),
        cmocka_unit_test(test_hello_twice_and_initiate_first),
    };
    harness_start(argc, argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(line);
    return failed;
}

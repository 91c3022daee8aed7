/* The codec against frames that were computed by another program, and against everything malformed. */
#include "node-fw/link/frame.h"
#include "node-fw/link/message.h"
#include "tests/link/cm.h"

#include <string.h>

static const uint8_t counting[20] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19};

struct golden {
    struct link_message message;
    uint8_t flags, seq, ack;
    size_t size;
    uint8_t wire[80];
};

static const struct golden goldens[] = {
    {{.type = LINK_HELLO, .source = 7, .hello = {1, 0, 0x100, 7, 0xB0A2D001, 1, 1, "L7"}},
     0x00,
     0,
     0,
     30,
     {0x00, 0x02, 0x41, 0x02, 0x07, 0x01, 0x01, 0x02, 0x11, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01,
      0x02, 0x07, 0x07, 0x01, 0xd0, 0xa2, 0xb0, 0x01, 0x01, 0x05, 0x4c, 0x37, 0xff, 0xff, 0x00}},
    {{.type = LINK_CONFIG, .config = {0, 0, 16, 150, 1000, 4000, {2, {1, 0x0203}}}},
     0x83,
     5,
     2,
     28,
     {0x00, 0x03, 0x42, 0x83, 0x01, 0x04, 0x05, 0x02, 0x0f, 0x01, 0x01, 0x02, 0x10, 0x02,
      0x96, 0x07, 0xe8, 0x03, 0xa0, 0x0f, 0x02, 0x01, 0x05, 0x03, 0x02, 0xf9, 0x7e, 0x00}},
    {{.type = LINK_STATUS,
      .source = 7,
      .status = {7371025, 52400911, 52400911, -1, -2, 0x0123456789abcdef, 4, 9, 12, 1, 16, 4, 0, 1, 3, 100}},
     0x02,
     0,
     6,
     71,
     {0x00, 0x04, 0x46, 0x02, 0x07, 0x01, 0x03, 0x06, 0x3a, 0x04, 0x11, 0x79, 0x70, 0x22, 0x0f,
      0x93, 0x1f, 0x03, 0x0f, 0x93, 0x1f, 0x03, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23,
      0x01, 0x04, 0x02, 0x09, 0x02, 0x0c, 0x02, 0x01, 0x02, 0x10, 0x02, 0x04, 0x01, 0x03, 0x01,
      0x03, 0x01, 0x01, 0x02, 0x64, 0x01, 0x01, 0x03, 0xe5, 0xfb, 0x00}},
    {{.type = LINK_COMMAND, .command = {2, 12500000}},
     0x83,
     255,
     0,
     18,
     {0x00, 0x03, 0x48, 0x83, 0x01, 0x02, 0xff, 0x02, 0x05, 0x05, 0x02, 0x20, 0xbc, 0xbe, 0x03, 0x2a, 0xf2,
      0x00}},
    {{.type = LINK_SETPOINT, .setpoint = {52400911, 7371025, 4}},
     0x83,
     0,
     0,
     23,
     {0x00, 0x03, 0x44, 0x83, 0x01, 0x01, 0x01, 0x02, 0x0a, 0x08, 0x0f, 0x93,
      0x1f, 0x03, 0x11, 0x79, 0x70, 0x02, 0x04, 0x03, 0xa6, 0x51, 0x00}},
    {{.type = LINK_PARAMETER, .parameter = {93500, 17170000, 91790000}},
     0x83,
     0,
     0,
     25,
     {0x00, 0x03, 0x47, 0x83, 0x01, 0x01, 0x01, 0x02, 0x0c, 0x04, 0x3c, 0x6d, 0x01,
      0x0b, 0x50, 0xfe, 0x05, 0x01, 0xb0, 0x9a, 0x78, 0x05, 0x95, 0x96, 0x00}},
    {{.type = LINK_DISPATCH, .source = 3, .dispatch = {{counting, sizeof counting}}},
     0x82,
     0,
     0,
     33,
     {0x00, 0x04, 0x43, 0x82, 0x03, 0x01, 0x01, 0x02, 0x14, 0x01, 0x16, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
      0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x1b, 0x04, 0x00}},
    {{.type = LINK_LEAVE, .leave = {0}},
     0x83,
     0,
     0,
     14,
     {0x00, 0x03, 0x49, 0x83, 0x01, 0x01, 0x01, 0x02, 0x01, 0x01, 0x03, 0x5d, 0x7e, 0x00}},
    {{.type = LINK_CURVE, .source = 7, .curve = {1, 0, 12000000, 120000000, 3}},
     0x03,
     0,
     0,
     28,
     {0x00, 0x04, 0x4a, 0x03, 0x07, 0x01, 0x01, 0x02, 0x0f, 0x02, 0x01, 0x01, 0x01, 0x01,
      0x01, 0x03, 0x1b, 0xb7, 0x01, 0x05, 0x0e, 0x27, 0x07, 0x03, 0x03, 0x57, 0xb4, 0x00}},
    {{.type = LINK_LOG, .source = 7, .log = {5, "λ rose"}}, 0x02, 0, 0, 21, {0x00, 0x04, 0x4b, 0x02, 0x07,
                                                                             0x01, 0x01, 0x02, 0x08, 0x0b,
                                                                             0x05, 0xce, 0xbb, 0x20, 0x72,
                                                                             0x6f, 0x73, 0x65, 0x97, 0x67,
                                                                             0x00}},
    {{.type = LINK_TIME, .time = {1700000000000}}, 0x82, 0, 0, 21, {0x00, 0x03, 0x4d, 0x82, 0x01, 0x01,
                                                                    0x01, 0x02, 0x08, 0x01, 0x06, 0x68,
                                                                    0xe5, 0xcf, 0x8b, 0x01, 0x01, 0x03,
                                                                    0xc4, 0x73, 0x00}},
    {{.type = LINK_ACK},
     0x82,
     0,
     9,
     13,
     {0x00, 0x03, 0x4e, 0x82, 0x01, 0x01, 0x02, 0x09, 0x01, 0x03, 0x37, 0xfb, 0x00}},
    {{.type = LINK_REFUSE, .source = 7, .refuse = {2, "no"}},
     0x00,
     0,
     0,
     16,
     {0x00, 0x02, 0x4f, 0x02, 0x07, 0x01, 0x01, 0x02, 0x03, 0x06, 0x02, 0x6e, 0x6f, 0xbf, 0xfb, 0x00}},
    {{.type = LINK_SLOTS, .source = 7, .slots = {1, 1, 0x100, 0x200, 0, 1000, 440708, 0xCBF43926, 12, 3}},
     0x02,
     0,
     3,
     42,
     {0x00, 0x04, 0x50, 0x02, 0x07, 0x01, 0x03, 0x03, 0x1d, 0x03, 0x01, 0x01, 0x02, 0x01,
      0x01, 0x01, 0x02, 0x02, 0x01, 0x01, 0x01, 0x01, 0x01, 0x03, 0xe8, 0x03, 0x01, 0x04,
      0x84, 0xb9, 0x06, 0x06, 0x26, 0x39, 0xf4, 0xcb, 0x0c, 0x04, 0x03, 0xfa, 0x1e, 0x00}},
    {{.type = LINK_RESET, .reset = {1}},
     0x83,
     1,
     0,
     14,
     {0x00, 0x03, 0x51, 0x83, 0x01, 0x02, 0x01, 0x02, 0x01, 0x04, 0x01, 0xce, 0xe4, 0x00}},
    {{.type = LINK_SETTINGS, .board_file = {20, 0, 0x12345678, {counting, sizeof counting}}},
     0x83,
     2,
     0,
     41,
     {0x00, 0x03, 0x52, 0x83, 0x01, 0x02, 0x02, 0x02, 0x1c, 0x02, 0x14, 0x01, 0x01, 0x05,
      0x78, 0x56, 0x34, 0x12, 0x16, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
      0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x4b, 0x7c, 0x00}},
    {{.type = LINK_ASK, .ask = {1, 64}},
     0x83,
     3,
     0,
     15,
     {0x00, 0x03, 0x53, 0x83, 0x01, 0x02, 0x03, 0x02, 0x02, 0x05, 0x01, 0x40, 0x3f, 0xe8, 0x00}},
    {{.type = LINK_FIRMWARE, .firmware = {440708, 240, 0xCBF43926, {counting, sizeof counting}}},
     0x83,
     4,
     0,
     45,
     {0x00, 0x03, 0x4c, 0x83, 0x01, 0x02, 0x04, 0x02, 0x20, 0x04, 0x84, 0xb9, 0x06, 0x02, 0xf0,
      0x01, 0x01, 0x05, 0x26, 0x39, 0xf4, 0xcb, 0x16, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
      0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0xa6, 0x3f, 0x00}},
};

static void test_golden_frames_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        const struct golden *g = &goldens[i];
        uint8_t payload[BB_LINK_PAYLOAD_MAX], wire[BB_LINK_FRAME_MAX];
        struct writer w = writer_at(payload, sizeof payload);
        assert_int_equal(link_encode(&g->message, &w), BB_OK);
        struct frame f = {1,          (uint8_t)g->message.type, g->flags, g->message.source, g->seq, g->ack,
                          written(&w)};
        assert_int_equal(frame_pack(&f, wire), g->size);
        assert_int_equal(frame_size(w.size), g->size);
        assert_memory_equal(wire, g->wire, g->size);

        struct frame_assembler a;
        struct frame back;
        frame_reset(&a);
        for (size_t at = 0; at + 1 < g->size; at++)
            assert_int_equal(frame_push(&a, g->wire[at], &back), FRAME_MORE);
        assert_int_equal(frame_push(&a, 0, &back), FRAME_READY);
        assert_int_equal(back.seq, g->seq);
        assert_int_equal(back.ack, g->ack);
        assert_int_equal(back.flags, g->flags);
        struct link_message m;
        assert_int_equal(link_decode(back.type, back.source, back.payload, &m), BB_OK);
        uint8_t again[BB_LINK_PAYLOAD_MAX];
        struct writer second = writer_at(again, sizeof again);
        assert_int_equal(link_encode(&m, &second), BB_OK);
        assert_true(bytes_equal(written(&w), written(&second)));
    }
}

/* Every payload of a fixed size is refused when it is one byte shorter or longer. */
static void test_sizes_are_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        enum link_type type = goldens[i].message.type;
        uint8_t payload[BB_LINK_PAYLOAD_MAX] = {0};
        struct writer w = writer_at(payload, sizeof payload - 1);
        struct link_message m = {.type = LINK_ACK};
        assert_int_equal(link_encode(&goldens[i].message, &w), BB_OK);
        bool open = type == LINK_DISPATCH || type == LINK_LOG || type == LINK_REFUSE || type == LINK_HELLO ||
                    type == LINK_FIRMWARE || type == LINK_SETTINGS;
        if (!open && w.size > 0)
            assert_int_equal(link_decode(type, 0, (struct bytes){payload, w.size - 1}, &m), BB_MALFORMED);
        if (!open)
            assert_int_equal(link_decode(type, 0, (struct bytes){payload, w.size + 1}, &m), BB_MALFORMED);
        assert_int_equal(m.type, LINK_ACK); /* untouched */
    }
}

static enum status encode(const struct link_message *m)
{
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    struct writer w = writer_at(payload, sizeof payload);
    return link_encode(m, &w);
}

static void test_values_outside_their_range(void **state)
{
    (void)state;
    struct link_message bad[] = {
        {.type = LINK_CONFIG, .config = {.size = 0}},
        {.type = LINK_CONFIG, .config = {.size = BB_BOARDS_MAX + 1}},
        {.type = LINK_CONFIG, .config = {.size = 2, .method = 2}},
        {.type = LINK_CONFIG, .config = {.size = 2, .where = 2}},
        {.type = LINK_CONFIG, .config = {.size = 2, .neighbours = {.count = BB_NEIGHBOURS_MAX + 1}}},
        {.type = LINK_STATUS, .status = {.mode = 5}},
        {.type = LINK_STATUS, .status = {.flags = 8}},
        {.type = LINK_COMMAND, .command = {4, 0}},
        {.type = LINK_LEAVE, .leave = {3}},
        {.type = LINK_CURVE, .curve = {.kind = 2}},
        {.type = LINK_CURVE, .curve = {.lo = 2, .hi = 1}},
        {.type = LINK_LOG, .log = {8, ""}},
        {.type = LINK_REFUSE, .refuse = {5, ""}},
        {.type = LINK_HELLO, .hello = {.board = 1, .session = 0, .role = 1}},
        {.type = LINK_HELLO, .hello = {.board = 0, .session = 1, .role = 1}},
        {.type = LINK_HELLO, .hello = {.board = 1, .session = 1, .role = LINK_ROLE_HOST}},
        {.type = LINK_HELLO, .hello = {.board = 1, .session = 1, .role = 2}},
        {.type = LINK_HELLO, .hello = {.board = 1, .session = 1, .role = 1, .name = "sixteen-letters-"}},
        {.type = LINK_SLOTS, .slots = {.running = 3}},
        {.type = LINK_SLOTS, .slots = {.state = 3}},
        {.type = LINK_SLOTS, .slots = {.cause = 7}},
        {.type = LINK_RESET, .reset = {3}},
        {.type = LINK_SETTINGS, .board_file = {.total = 0}},
        {.type = LINK_SETTINGS, .board_file = {.total = LINK_SETTINGS_MAX + 1}},
        {.type = LINK_ASK, .ask = {2, 0}},
        {.type = LINK_ASK, .ask = {1, LINK_LOG_LINES_MAX + 1}},
        {.type = (enum link_type)20},
        {.type = (enum link_type)0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(encode(&bad[i]), BB_RANGE);
    struct link_message m;
    assert_int_equal(link_decode(LINK_COMMAND, 0, (struct bytes){(const uint8_t *)"\4\0\0\0\0", 5}, &m),
                     BB_RANGE);
    assert_int_equal(link_decode(63, 0, (struct bytes){NULL, 0}, &m), BB_NOT_FOUND);
    uint8_t many[16 + 2 * 200] = {0};
    many[2] = 1;
    many[10] = 200; /* neighbours */
    assert_int_equal(link_decode(LINK_CONFIG, 0, (struct bytes){many, 240}, &m), BB_MALFORMED);
}

static void test_texts_are_clean(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool clean;
    } texts[] = {
        {"", true},
        {"plain", true},
        {"λ 7.37 $/kWh – \U0001F50C", true},
        {"a\nb", false},
        {"\x7f", false},
        {"\xff", false},
        {"\xc0\x80", false},
        {"\xe0\x80\x80", false},
        {"\xed\xa0\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"cut \xe2\x82", false},
        {"\xf0\x80\x80\x80", false},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint8_t payload[64] = {5};
        struct link_message m = {.type = LINK_LOG, .log.severity = 5};
        memcpy(m.log.text, texts[i].text, strlen(texts[i].text) + 1);
        assert_int_equal(encode(&m), texts[i].clean ? BB_OK : BB_RANGE);
        memcpy(payload + 1, texts[i].text, strlen(texts[i].text));
        assert_int_equal(link_decode(LINK_LOG, 0, (struct bytes){payload, 1 + strlen(texts[i].text)}, &m),
                         texts[i].clean ? BB_OK : BB_MALFORMED);
    }
    char cut[6];
    link_set_text(cut, sizeof cut, "abcdλ"); /* the last character does not fit whole */
    assert_string_equal(cut, "abcd");
    struct link_message m;
    assert_int_equal(link_decode(LINK_LOG, 0, (struct bytes){(const uint8_t *)"\5a\0b", 4}, &m),
                     BB_MALFORMED);
}

static void test_longest_text_fills_the_payload(void **state)
{
    (void)state;
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    struct link_message m = {.type = LINK_LOG, .log.severity = 0};
    memset(m.log.text, 'x', LINK_TEXT_MAX);
    struct writer w = writer_at(payload, sizeof payload);
    assert_int_equal(link_encode(&m, &w), BB_OK);
    assert_int_equal(w.size, BB_LINK_PAYLOAD_MAX);
    m.log.text[LINK_TEXT_MAX] = 'x'; /* no NUL any more */
    assert_int_equal(encode(&m), BB_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_frames_both_ways),        cmocka_unit_test(test_sizes_are_exact),
        cmocka_unit_test(test_values_outside_their_range),     cmocka_unit_test(test_texts_are_clean),
        cmocka_unit_test(test_longest_text_fills_the_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

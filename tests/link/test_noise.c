/* Random streams of frames with flipped, lost and added bytes: the link always finds back, and never delivers
 * a message that was not sent. A CRC of 16 bits lets one damaged frame in 65 536 pass; those are counted, and
 * a run with more than chance allows fails. */
#include "tests/link/cm.h"
#include "tests/link/pair.h"
#include "tests/link/seed.h"

#include <stdio.h>

#define STREAMS 10000
#define FRAMES  8
#define PAYLOAD 60
#define WIRE    (FRAMES * BB_LINK_FRAME_MAX * 2)

static uint64_t seed;
static unsigned damaged, wrong;

struct sent {
    uint8_t payload[PAYLOAD];
    size_t size;
};

/* A DISPATCH of random content; its frame is appended to wire[*size]. */
static struct sent add_frame(uint8_t *wire, size_t *size)
{
    struct sent s = {.size = 1 + seed_below(&seed, PAYLOAD)};
    for (size_t i = 0; i < s.size; i++)
        s.payload[i] = (uint8_t)(seed_below(&seed, 3) ? seed_next(&seed) : 0);
    struct frame f = {.version = LINK_MAJOR,
                      .type = LINK_DISPATCH,
                      .flags = FRAME_FROM_HOST,
                      .source = 3,
                      .payload = {s.payload, s.size}};
    *size += frame_pack(&f, wire + *size);
    return s;
}

/* Damages from[size] into out: returns the new size. */
static size_t damage(const uint8_t *from, size_t size, uint8_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        uint32_t dice = seed_below(&seed, 100);
        if (dice == 0)
            continue;
        if (dice == 1)
            out[n++] = (uint8_t)seed_next(&seed);
        out[n++] = dice == 2 ? from[i] ^ (uint8_t)(1u << seed_below(&seed, 8)) : from[i];
    }
    return n;
}

static bool was_sent(const struct sent *sent, size_t count, const struct link_message *m)
{
    for (size_t i = 0; i < count; i++)
        if (m->type == LINK_DISPATCH && m->source == 3 &&
            bytes_equal(m->dispatch.payload, (struct bytes){sent[i].payload, sent[i].size}))
            return true;
    return false;
}

static void one_stream(struct link *board, struct mono now)
{
    static uint8_t clean[WIRE], wire[WIRE];
    struct sent sent[FRAMES];
    struct link_message m;
    size_t size = 0;
    for (size_t i = 0; i + 2 < FRAMES; i++)
        sent[i] = add_frame(clean, &size);
    size = damage(clean, size, wire);
    /* Two whole frames follow. The first one's leading zero ends whatever came before. */
    sent[FRAMES - 2] = add_frame(wire, &size);
    sent[FRAMES - 1] = add_frame(wire, &size);
    struct bytes in = {wire, size};
    unsigned delivered = 0;
    bool last = false, last_but_one = false;
    while (link_feed(board, &in, now, &m)) {
        delivered++;
        wrong += !was_sent(sent, FRAMES, &m);
        last_but_one = last_but_one || was_sent(sent + FRAMES - 2, 1, &m);
        last = last || was_sent(sent + FRAMES - 1, 1, &m);
    }
    assert_true(last_but_one && last);
    damaged += FRAMES > delivered ? FRAMES - delivered : 0;
}

static void test_streams_resynchronise(void **state)
{
    (void)state;
    static struct pair p;
    pair_start(&p);
    pair_connect(&p);
    for (int i = 0; i < STREAMS; i++)
        one_stream(&p.board, p.now);
    struct link_counters c = link_counters(&p.board);
    printf("damaged %u, wrong %u; crc %u cobs %u oversize %u malformed %u\n", damaged, wrong, c.bad_crc,
           c.bad_cobs, c.oversize, c.malformed);
    assert_true(damaged > STREAMS); /* the noise is real */
    assert_true(wrong <= 6);        /* 0.5 expected at most: more is no chance */
}

/* The same, but both ways and reliable: every command arrives once and in order, whatever the wire does. */
static void test_reliable_messages_over_a_bad_wire(void **state)
{
    (void)state;
    static struct pair p;
    pair_start(&p);
    uint32_t sent = 0, taken = 0;
    for (int turn = 0; turn < 200000 && taken < 500; turn++, p.now.ms += 5) {
        struct link_message c = {.type = LINK_COMMAND, .command = {LINK_COMMAND_OVERRIDE, sent}}, m;
        if (link_send(&p.host, &c, p.now) == BB_OK)
            sent++;
        struct link *from[2] = {&p.host, &p.board}, *to[2] = {&p.board, &p.host};
        for (int way = 0; way < 2; way++) {
            static uint8_t wire[2 * LINK_OUTPUT_MAX];
            link_poll(from[way], p.now);
            struct bytes out = link_output(from[way]);
            struct bytes in = {wire, damage(out.data, out.size, wire)};
            link_sent(from[way], out.size);
            while (link_feed(to[way], &in, p.now, &m))
                if (m.type == LINK_COMMAND)
                    assert_int_equal(m.command.power, taken++);
        }
    }
    assert_in_range(taken, 500, 500 + BB_LINK_WINDOW); /* the last turn may bring a whole window */
    assert_true(link_counters(&p.host).retransmitted > 50);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_resynchronise),
        cmocka_unit_test(test_reliable_messages_over_a_bad_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

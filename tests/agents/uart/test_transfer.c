/* An image's way to a board, against a board in memory that loses its link, restarts at any byte, forgets
 * half of what it had, refuses, and rolls back. */
#include "agents/uart/transfer.h"
#include "tests/link/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_MS 60000
#define IMAGE_MAX   8000

static uint64_t seed;

static const struct link_slots fresh = {.version_builtin = 0x000100, .boots = 1};

static struct transfer begun(uint32_t total)
{
    struct transfer t;
    transfer_start(&t, total, 0xabcd, 7, PATIENCE_MS, (struct mono){1000});
    return t;
}

static enum transfer_step next(struct transfer *t, unsigned unacknowledged, int64_t now, uint32_t *size)
{
    return transfer_next(t, unacknowledged, (struct mono){now}, size);
}

static void asks_before_it_sends(void **state)
{
    (void)state;
    uint32_t size = 0;
    struct transfer t = begun(500);
    assert_int_equal(next(&t, 1, 1000, &size), TRANSFER_WAIT); /* something else is on its way */
    assert_int_equal(next(&t, 0, 1000, &size), TRANSFER_ASK);
    transfer_asked(&t, (struct mono){1000});
    assert_int_equal(next(&t, 0, 1001, &size), TRANSFER_WAIT);
    assert_int_equal(next(&t, 0, 1000 + TRANSFER_ASK_MS, &size), TRANSFER_ASK);
    transfer_slots(&t, &fresh, (struct mono){4000});
    assert_int_equal(next(&t, 0, 4000, &size), TRANSFER_SEND);
    assert_int_equal(size, TRANSFER_PIECE);
    assert_int_equal(t.offset, 0);
}

static void no_more_than_two_are_on_their_way(void **state)
{
    (void)state;
    uint32_t size = 0;
    struct transfer t = begun(5000);
    transfer_slots(&t, &fresh, (struct mono){1000});
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(next(&t, i, 1000, &size), TRANSFER_SEND);
        transfer_sent(&t, size, (struct mono){1000});
    }
    assert_int_equal(next(&t, 2, 1000, &size), TRANSFER_WAIT);
    assert_int_equal(next(&t, 4, 1000, &size), TRANSFER_WAIT);
    assert_int_equal(next(&t, 1, 1000, &size), TRANSFER_SEND);
    assert_int_equal(t.offset, 2 * TRANSFER_PIECE);
}

static void goes_on_where_the_board_stands(void **state)
{
    (void)state;
    uint32_t size = 0;
    struct transfer t = begun(5000);
    struct link_slots s = fresh;
    s.received = 1234, s.total = 5000, s.crc32 = 0xabcd;
    transfer_slots(&t, &s, (struct mono){1000});
    assert_int_equal(t.offset, 1234);
    transfer_sent(&t, TRANSFER_PIECE, (struct mono){1000});
    transfer_down(&t);
    assert_int_equal(next(&t, 0, 2000, &size), TRANSFER_WAIT);
    transfer_up(&t, 8, (struct mono){3000});
    assert_int_equal(next(&t, 0, 3000, &size), TRANSFER_ASK);
    s.crc32 = 0xdcba; /* it has begun to receive something else */
    transfer_slots(&t, &s, (struct mono){3000});
    assert_int_equal(t.offset, 0);
}

static void follows_a_board_that_says_where_it_stands(void **state)
{
    (void)state;
    uint32_t size = 0;
    struct transfer t = begun(5000);
    struct link_slots s = fresh;
    transfer_slots(&t, &s, (struct mono){1000});
    for (int i = 0; i < 3; i++)
        transfer_sent(&t, TRANSFER_PIECE, (struct mono){1000});
    transfer_slots(&t, &s, (struct mono){1000}); /* said before it took them */
    assert_int_equal(next(&t, 0, 1000, &size), TRANSFER_SEND);
    assert_int_equal(t.offset, 3 * TRANSFER_PIECE);
    s.received = 4 * TRANSFER_PIECE, s.total = 5000, s.crc32 = 0xabcd;
    transfer_slots(&t, &s, (struct mono){1000}); /* it has more than was thought */
    assert_int_equal(t.offset, 4 * TRANSFER_PIECE);
    for (int i = 0; i < 9; i++)
        transfer_sent(&t, TRANSFER_PIECE, (struct mono){1000});
    transfer_slots(&t, &s, (struct mono){1000}); /* too far behind: is that so? */
    assert_int_equal(next(&t, 0, 1000, &size), TRANSFER_WAIT);
    assert_true(transfer_due(&t) == 1300);
    assert_int_equal(next(&t, 0, 1300, &size), TRANSFER_ASK);
    transfer_slots(&t, &s, (struct mono){1300});
    assert_int_equal(t.offset, 4 * TRANSFER_PIECE);
    t.offset = 5000; /* all is sent, and something was lost on the way */
    transfer_slots(&t, &s, (struct mono){2100});
    assert_int_equal(next(&t, 0, 2400, &size), TRANSFER_ASK);
    transfer_slots(&t, &s, (struct mono){2400});
    assert_int_equal(next(&t, 0, 2400, &size), TRANSFER_SEND);
}

/* Everything sent and taken. */
static struct transfer full(struct link_slots *s)
{
    struct transfer t = begun(100);
    *s = fresh;
    transfer_slots(&t, s, (struct mono){1000});
    transfer_sent(&t, 100, (struct mono){1000});
    s->received = s->total = 100, s->crc32 = 0xabcd;
    s->version_a = 0x000200;
    transfer_slots(&t, s, (struct mono){1000});
    assert_int_equal(t.phase, TRANSFER_RESTARTING);
    return t;
}

static void is_done_when_the_new_image_is_confirmed(void **state)
{
    (void)state;
    struct link_slots s;
    struct transfer t = full(&s);
    transfer_down(&t);
    transfer_up(&t, 8, (struct mono){2000});
    s.running = LINK_IMAGE_A, s.state = LINK_IMAGE_ON_TRIAL, s.received = s.total = 0;
    transfer_slots(&t, &s, (struct mono){2000});
    assert_int_equal(t.phase, TRANSFER_RESTARTING);
    s.state = LINK_IMAGE_CONFIRMED;
    transfer_slots(&t, &s, (struct mono){2500});
    assert_int_equal(t.phase, TRANSFER_DONE);
    assert_string_equal(t.text, "runs 0.2.0 from slot A, confirmed; it ran 0.1.0 before");
}

static void tells_a_rollback(void **state)
{
    (void)state;
    struct link_slots s;
    struct transfer t = full(&s);
    transfer_slots(&t, &s, (struct mono){1500}); /* before it restarts: nothing is decided */
    assert_int_equal(t.phase, TRANSFER_RESTARTING);
    transfer_up(&t, 8, (struct mono){2000});
    s.state = LINK_IMAGE_ROLLED_BACK;
    transfer_slots(&t, &s, (struct mono){2000});
    assert_int_equal(t.phase, TRANSFER_ROLLED_BACK);
    assert_string_equal(t.text,
                        "the new image did not come up; the board runs 0.1.0 from the built-in image again");
    t = full(&s);
    transfer_up(&t, 8, (struct mono){2000});
    s.running = LINK_IMAGE_A, s.state = LINK_IMAGE_ON_TRIAL;
    transfer_slots(&t, &s, (struct mono){2000});
    transfer_up(&t, 9, (struct mono){3000});
    s.running = LINK_IMAGE_BUILTIN, s.state = LINK_IMAGE_ROLLED_BACK;
    transfer_slots(&t, &s, (struct mono){3000});
    assert_int_equal(t.phase, TRANSFER_ROLLED_BACK);
    assert_string_equal(t.text, "the board gave up 0.2.0 and runs 0.1.0 from the built-in image again");
}

static void an_old_rollback_is_none_of_this_transfer(void **state)
{
    (void)state;
    struct transfer t = begun(100);
    struct link_slots s = fresh;
    uint32_t size;
    s.state = LINK_IMAGE_ROLLED_BACK;
    transfer_slots(&t, &s, (struct mono){1000});
    transfer_up(&t, 8, (struct mono){2000});
    transfer_slots(&t, &s, (struct mono){2000});
    assert_int_equal(t.phase, TRANSFER_SENDING);
    assert_int_equal(next(&t, 0, 2000, &size), TRANSFER_SEND);
}

static void waits_for_a_trial_that_is_not_its_own(void **state)
{
    (void)state;
    uint32_t size;
    struct transfer t = begun(100);
    struct link_slots s = fresh;
    s.running = LINK_IMAGE_A, s.state = LINK_IMAGE_ON_TRIAL;
    transfer_slots(&t, &s, (struct mono){1000});
    assert_int_equal(next(&t, 0, 1000 + TRANSFER_ASK_MS, &size), TRANSFER_ASK);
    s.state = LINK_IMAGE_CONFIRMED;
    transfer_slots(&t, &s, (struct mono){4000});
    assert_int_equal(next(&t, 0, 4000, &size), TRANSFER_SEND);
}

static void gives_up_with_a_reason(void **state)
{
    (void)state;
    uint32_t size;
    struct link_slots s;
    struct transfer t = begun(100);
    transfer_refuse(&t, "FIRMWARE is too large for a slot");
    assert_int_equal(t.phase, TRANSFER_REFUSED);
    assert_string_equal(t.text, "FIRMWARE is too large for a slot");
    t = full(&s);
    transfer_down(&t);
    assert_int_equal(next(&t, 0, 1000 + PATIENCE_MS - 1, &size), TRANSFER_WAIT);
    assert_true(transfer_due(&t) == 1000 + PATIENCE_MS);
    assert_int_equal(next(&t, 0, 1000 + PATIENCE_MS, &size), TRANSFER_WAIT);
    assert_int_equal(t.phase, TRANSFER_FAILED);
    assert_string_equal(t.text, "given up: the board was silent for 60 s");
    assert_true(transfer_due(&t) == INT64_MAX);
    assert_string_equal(transfer_word(t.phase), "given up");
}

/* -- a board in memory -- */

#define RELAY 5

struct piece {
    uint32_t offset, size; /* size 0: a question */
};

/* The worker acknowledges what is on the wire and hands it to the supervisor, which takes it later. */
struct sim {
    uint8_t image[IMAGE_MAX], got[IMAGE_MAX];
    uint32_t total;
    struct link_slots slots;
    uint32_t session;
    bool good; /* the new image comes up */
    struct piece wire[BB_LINK_WINDOW], relay[RELAY];
    unsigned count, relayed; /* on the wire, unacknowledged; with the supervisor */
    bool up;
    int64_t now;
    unsigned pieces; /* that the host has sent */
};

static void tell(struct sim *b, struct transfer *t)
{
    transfer_slots(t, &b->slots, (struct mono){b->now});
}

static void board_restart(struct sim *b, struct transfer *t)
{
    bool full = b->slots.total != 0 && b->slots.received == b->slots.total;
    b->count = b->relayed = 0;
    b->session++;
    if (full && b->slots.state != LINK_IMAGE_ON_TRIAL) { /* the record is written: on trial */
        b->slots.running = LINK_IMAGE_A;
        b->slots.state = LINK_IMAGE_ON_TRIAL;
        b->slots.received = b->slots.total = b->slots.crc32 = 0;
    } else if (b->slots.state == LINK_IMAGE_ON_TRIAL) {
        b->slots.running = LINK_IMAGE_BUILTIN;
        b->slots.state = LINK_IMAGE_ROLLED_BACK;
        b->slots.cause = LINK_CAUSE_ROLLBACK;
    } else if (seed_below(&seed, 2)) { /* what was not on the card yet is gone */
        b->slots.received -= b->slots.received % 512;
    }
    b->up = b->slots.state != LINK_IMAGE_ON_TRIAL || b->good;
    transfer_down(t);
    if (b->up)
        transfer_up(t, b->session, (struct mono){b->now});
}

static void worker_takes(struct sim *b)
{
    b->relay[b->relayed++] = b->wire[0];
    memmove(b->wire, b->wire + 1, sizeof *b->wire * (BB_LINK_WINDOW - 1));
    b->count--;
}

static void supervisor_takes(struct sim *b, struct transfer *t)
{
    struct piece p = b->relay[0];
    memmove(b->relay, b->relay + 1, sizeof *b->relay * (RELAY - 1));
    b->relayed--;
    if (p.offset == 0 && p.size > 0) {
        b->slots.total = b->total;
        b->slots.crc32 = 0xabcd;
        b->slots.received = 0;
    }
    if (p.size == 0 || p.offset != b->slots.received || b->slots.total == 0) {
        if (p.size > 0 || seed_below(&seed, 3)) /* a datagram, which may be lost */
            tell(b, t);
        return;
    }
    memcpy(b->got + p.offset, b->image + p.offset, p.size);
    b->slots.received += p.size;
    if (b->slots.received == b->total) {
        b->slots.version_a = 0x000200;
        if (seed_below(&seed, 4))
            tell(b, t);
        board_restart(b, t);
    }
}

static void host_turn(struct sim *b, struct transfer *t)
{
    uint32_t size = 0;
    enum transfer_step step = transfer_next(t, b->count, (struct mono){b->now}, &size);
    if (step == TRANSFER_SEND) {
        assert_true(b->count < TRANSFER_WINDOW);
        assert_true(size > 0 && t->offset + size <= t->total);
        b->wire[b->count].offset = t->offset;
        b->wire[b->count++].size = size;
        transfer_sent(t, size, (struct mono){b->now});
        b->pieces++;
    } else if (step == TRANSFER_ASK && b->count < BB_LINK_WINDOW) {
        transfer_asked(t, (struct mono){b->now});
        b->wire[b->count++] = (struct piece){0, 0};
    }
}

static void one_life(void **state)
{
    (void)state;
    static struct sim b;
    struct transfer t;
    for (int run = 0; run < 2000; run++) {
        memset(&b, 0, sizeof b);
        b = (struct sim){.total = 1 + (uint32_t)seed_below(&seed, IMAGE_MAX),
                         .slots = fresh,
                         .session = 1,
                         .good = seed_below(&seed, 4) > 0,
                         .up = true,
                         .now = 1000};
        for (uint32_t i = 0; i < b.total; i++)
            b.image[i] = (uint8_t)seed_next(&seed);
        unsigned trouble = (unsigned)seed_below(&seed, 40);
        transfer_start(&t, b.total, 0xabcd, 1, PATIENCE_MS, (struct mono){b.now});
        for (int step = 0; step < 20000 && transfer_active(&t); step++) {
            uint64_t dice = seed_below(&seed, 100);
            b.now += (int64_t)seed_below(&seed, 30);
            if (dice < trouble / 10 && b.slots.state == LINK_IMAGE_CONFIRMED)
                board_restart(&b, &t);
            else if (dice < 30 && b.count > 0 && b.relayed < RELAY && b.up)
                worker_takes(&b);
            else if (dice < 60 && b.relayed > 0 && b.up)
                supervisor_takes(&b, &t);
            else if (dice == 60 && b.up)
                tell(&b, &t); /* unasked, and before it has taken all that was acknowledged */
            else if (dice < 70 && b.slots.state == LINK_IMAGE_ON_TRIAL && b.good) {
                b.slots.state = LINK_IMAGE_CONFIRMED;
                transfer_slots(&t, &b.slots, (struct mono){b.now});
            } else if (dice < 65 && b.slots.state == LINK_IMAGE_ON_TRIAL && !b.good)
                board_restart(&b, &t);
            else if (b.up || dice < 90)
                host_turn(&b, &t);
        }
        if (t.phase != (b.good ? TRANSFER_DONE : TRANSFER_ROLLED_BACK))
            fail_msg("run %d: %s: %s", run, transfer_word(t.phase), t.text);
        assert_memory_equal(b.got, b.image, b.total);
        if (trouble < 10) /* nobody restarted: each piece goes once */
            assert_int_equal(b.pieces, (b.total + TRANSFER_PIECE - 1) / TRANSFER_PIECE);
    }
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_before_it_sends),
        cmocka_unit_test(no_more_than_two_are_on_their_way),
        cmocka_unit_test(goes_on_where_the_board_stands),
        cmocka_unit_test(follows_a_board_that_says_where_it_stands),
        cmocka_unit_test(is_done_when_the_new_image_is_confirmed),
        cmocka_unit_test(tells_a_rollback),
        cmocka_unit_test(an_old_rollback_is_none_of_this_transfer),
        cmocka_unit_test(waits_for_a_trial_that_is_not_its_own),
        cmocka_unit_test(gives_up_with_a_reason),
        cmocka_unit_test(one_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

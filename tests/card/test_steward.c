/* Who keeps a board, under a clock of the test: trials, crashes, stalls, restarts by wish, the watchdog's
 * food. */
#include "node-fw/card/steward.h"
#include "tests/card/power.h"
#include "tests/card/program.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

static uint64_t seed;

static const char l7[] = "id 7\nname L7\nkind consumer\nomega 17.17\nsigma 0.0935\npmax_kw 91.79\n";

struct bench {
    struct power *power;
    struct card card;
    struct steward steward;
    struct mono now;
    struct steward_start start;
    struct program program;
    int said[256];
    struct link_message last[LINK_ASK + 1];
    char note[64]; /* the last event */
};

static void say(void *context, uint8_t type, struct bytes payload)
{
    struct bench *b = context;
    b->said[type]++;
    if (type <= LINK_ASK)
        assert_int_equal(link_decode(type, 7, payload, &b->last[type]), BB_OK);
}

static void note(void *context, const char *event, const char *text)
{
    struct bench *b = context;
    (void)text;
    snprintf(b->note, sizeof b->note, "%s", event);
}

/* Power comes on: whatever was in memory is gone. */
static void power_on(struct bench *b)
{
    const struct steward_settings settings = {
        .trial_ms = 30000, .stall_ms = 10000, .cause = LINK_CAUSE_POWER};
    const struct steward_ports ports = {b, say, note};
    assert_int_equal(card_open(power_device(b->power), &b->card), BB_OK);
    steward_init(&b->steward, &b->card, &program_own, &settings, &ports, b->now);
    assert_true(steward_begin(&b->steward, b->now, &b->start));
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->power = power_new(0);
    b->now.ms = 1000000;
    assert_int_equal(card_format(power_device(b->power), bytes_of(l7)), BB_OK);
    program_make(&b->program, 3000, 0x000200, &seed);
    power_on(b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    power_free(b->power);
    free(b);
    return 0;
}

static void take(struct bench *b, uint8_t type, struct bytes payload)
{
    uint8_t packet[TETHER_PACKET_MAX];
    struct writer w = writer_at(packet, sizeof packet);
    write_u8(&w, type);
    write_bytes(&w, payload);
    steward_take(&b->steward, written(&w), b->now);
}

static void take_message(struct bench *b, struct link_message m)
{
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    struct writer w = writer_at(payload, sizeof payload);
    assert_int_equal(link_encode(&m, &w), BB_OK);
    take(b, (uint8_t)m.type, written(&w));
}

/* Lets seconds pass with a progress in each. */
static void progress(struct bench *b, uint8_t up, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        b->now.ms += 1000;
        take(b, TETHER_PROGRESS, (struct bytes){&up, 1});
        assert_int_equal(steward_poll(&b->steward, b->now), STEWARD_KEEP);
    }
}

static void end(struct bench *b)
{
    steward_ended(&b->steward, "ended by signal 6", b->now);
}

/* The next start, when its pause is over. */
static enum image begin(struct bench *b)
{
    while (!steward_begin(&b->steward, b->now, &b->start)) {
        struct mono due = steward_due(&b->steward);
        assert_in_range(due.ms - b->now.ms, 1, 2000);
        b->now = due;
    }
    return b->start.image;
}

static void update(struct bench *b)
{
    for (uint32_t at = 0; at < b->program.size; at += PROGRAM_PIECE)
        take_message(
            b, (struct link_message){.type = LINK_FIRMWARE, .firmware = program_piece(&b->program, at)});
    assert_int_equal(b->last[LINK_SLOTS].slots.received, b->program.size);
    assert_int_equal(steward_poll(&b->steward, b->now), STEWARD_END);
    assert_int_equal(steward_poll(&b->steward, b->now), STEWARD_KEEP);
    end(b);
}

static const struct link_slots *ask_slots(struct bench *b)
{
    take_message(b, (struct link_message){.type = LINK_ASK, .ask = {LINK_ASK_SLOTS, 0}});
    return &b->last[LINK_SLOTS].slots;
}

static void test_starts_are_counted(void **state)
{
    struct bench *b = *state;
    assert_int_equal(b->start.image, IMAGE_BUILTIN);
    assert_int_equal(b->start.incarnation, 1);
    take(b, TETHER_COUNTER, (struct bytes){(const uint8_t *)"\7\0", 2});
    power_on(b);
    assert_int_equal(b->start.incarnation, 8);
    assert_int_equal(ask_slots(b)->boots, 2);
    assert_int_equal(b->last[LINK_SLOTS].slots.cause, LINK_CAUSE_POWER);
    take(b, TETHER_COUNTER, (struct bytes){(const uint8_t *)"\xff\xff", 2});
    power_on(b);
    assert_int_equal(b->start.incarnation, 1);
}

static void test_an_image_is_confirmed_by_its_link(void **state)
{
    struct bench *b = *state;
    update(b);
    assert_int_equal(begin(b), IMAGE_A);
    progress(b, 0, 25);
    assert_int_equal(ask_slots(b)->state, LINK_IMAGE_ON_TRIAL);
    assert_int_equal(b->last[LINK_SLOTS].slots.cause, LINK_CAUSE_UPDATE);
    progress(b, 1, 1);
    progress(b, 0, 1); /* lost again: it does not count */
    progress(b, 1, 2);
    assert_int_equal(ask_slots(b)->state, LINK_IMAGE_ON_TRIAL);
    progress(b, 1, 1);
    assert_string_equal(b->note, "confirmed");
    assert_int_equal(b->last[LINK_SLOTS].slots.state, LINK_IMAGE_CONFIRMED);
    power_on(b);
    assert_int_equal(b->start.image, IMAGE_A);
}

static void rolled_back(struct bench *b)
{
    assert_string_equal(b->note, "rolled-back");
    assert_int_equal(begin(b), IMAGE_BUILTIN);
    assert_int_equal(ask_slots(b)->state, LINK_IMAGE_ROLLED_BACK);
    assert_int_equal(b->last[LINK_SLOTS].slots.cause, LINK_CAUSE_ROLLBACK);
    power_on(b);
    assert_int_equal(b->start.image, IMAGE_BUILTIN);
}

static void test_a_trial_without_a_link_ends_in_time(void **state)
{
    struct bench *b = *state;
    update(b);
    begin(b);
    progress(b, 0, 29);
    b->now = steward_due(&b->steward);
    assert_int_equal(steward_poll(&b->steward, b->now), STEWARD_KILL);
    end(b);
    rolled_back(b);
}

static void test_a_trial_that_crashes_or_stalls_is_over(void **state)
{
    struct bench *b = *state;
    update(b);
    begin(b);
    end(b);
    rolled_back(b);
    update(b);
    assert_int_equal(begin(b), IMAGE_A);
    progress(b, 1, 1);
    b->now.ms += 10000;
    assert_int_equal(steward_poll(&b->steward, b->now), STEWARD_KILL);
    end(b);
    rolled_back(b);
    update(b);
    assert_int_equal(begin(b), IMAGE_A);
    steward_unusable(&b->steward, "its CRC-32 is another one", b->now);
    rolled_back(b);
}

/* The board dies with its image, and nobody sees how. */
static void test_a_trial_that_kills_the_board_runs_out_of_tries(void **state)
{
    struct bench *b = *state;
    update(b);
    for (int i = 0; i < IMAGE_TRIES; i++) {
        power_on(b);
        assert_int_equal(b->start.image, IMAGE_A);
    }
    power_on(b);
    assert_int_equal(b->start.image, IMAGE_BUILTIN);
    assert_int_equal(ask_slots(b)->state, LINK_IMAGE_ROLLED_BACK);
    assert_int_equal(b->last[LINK_SLOTS].slots.cause, LINK_CAUSE_ROLLBACK);
}

static void confirmed_in(struct bench *b, enum image image)
{
    update(b);
    assert_int_equal(begin(b), image);
    progress(b, 1, 3);
    assert_int_equal(ask_slots(b)->state, LINK_IMAGE_CONFIRMED);
}

static void test_a_confirmed_image_that_cannot_live_gives_way(void **state)
{
    struct bench *b = *state;
    confirmed_in(b, IMAGE_A);
    program_make(&b->program, 2000, 0x000300, &seed);
    confirmed_in(b, IMAGE_B);
    end(b);
    for (int i = 1; i < STEWARD_QUICK_MAX; i++) {
        assert_int_equal(begin(b), IMAGE_B);
        assert_int_equal(ask_slots(b)->cause, LINK_CAUSE_CRASH);
        end(b);
    }
    assert_int_equal(begin(b), IMAGE_A); /* it was good once */
    assert_int_equal(ask_slots(b)->state, LINK_IMAGE_ROLLED_BACK);
    steward_unusable(&b->steward, "its CRC-32 is another one", b->now);
    assert_int_equal(begin(b), IMAGE_BUILTIN);
    for (int i = 0; i < 20; i++) { /* the last resort is tried for ever */
        end(b);
        assert_int_equal(begin(b), IMAGE_BUILTIN);
    }
}

/* A crash now and then is not a reason to change. */
static void test_rare_crashes_change_nothing(void **state)
{
    struct bench *b = *state;
    confirmed_in(b, IMAGE_A);
    for (int i = 0; i < 20; i++) {
        progress(b, 1, 11);
        end(b);
        assert_int_equal(begin(b), IMAGE_A);
    }
}

static void test_restarts_by_wish(void **state)
{
    struct bench *b = *state;
    take_message(b, (struct link_message){.type = LINK_RESET, .reset.what = LINK_RESET_OTHER_SLOT});
    assert_string_equal(b->last[LINK_REFUSE].refuse.text,
                        "RESET: there is no other image, or one is on trial");
    assert_int_equal(steward_poll(&b->steward, b->now), STEWARD_KEEP);
    take_message(b, (struct link_message){.type = LINK_RESET, .reset.what = LINK_RESET_RESTART});
    assert_int_equal(steward_poll(&b->steward, b->now), STEWARD_END);
    b->now = steward_due(&b->steward); /* it does not go */
    assert_int_equal(steward_poll(&b->steward, b->now), STEWARD_KILL);
    end(b);
    assert_int_equal(begin(b), IMAGE_BUILTIN);
    assert_int_equal(ask_slots(b)->cause, LINK_CAUSE_ASKED);
    take_message(b, (struct link_message){.type = LINK_RESET, .reset.what = LINK_RESET_FORGET});
    end(b);
    begin(b);
    assert_int_equal(b->card.settings_size, 0);
    assert_int_equal(ask_slots(b)->cause, LINK_CAUSE_SETTINGS);
}

/* A card that takes no more writes costs the memory, not the board; a try that cannot be counted is not made.
 */
static enum status no_write(void *context, uint32_t offset, struct bytes data)
{
    (void)context, (void)offset, (void)data;
    return BB_IO;
}

static void test_a_card_that_fails_is_survived(void **state)
{
    struct bench *b = *state;
    update(b);
    struct card_device broken = *power_device(b->power);
    broken.write = no_write;
    b->card.device = &broken;
    assert_int_equal(begin(b), IMAGE_BUILTIN);
    assert_string_equal(b->note, "card-failed");
    assert_int_equal(b->start.incarnation, 2);
    progress(b, 1, 5);
    for (int i = 0; i < 10; i++) {
        end(b);
        assert_int_equal(begin(b), IMAGE_BUILTIN);
    }
    assert_int_equal(b->start.incarnation, 12);
    take_message(b, (struct link_message){.type = LINK_RESET, .reset.what = LINK_RESET_FORGET});
    assert_string_equal(b->last[LINK_REFUSE].refuse.text, "RESET: the card cannot be written");
    assert_true(b->card.settings_size > 0);
    b->card.device = power_device(b->power); /* it comes to itself */
    end(b);
    assert_int_equal(begin(b), IMAGE_A);
}

static void test_pieces_for_a_card_that_fails_are_refused(void **state)
{
    struct bench *b = *state;
    struct card_device broken = *power_device(b->power);
    take_message(b, (struct link_message){.type = LINK_FIRMWARE, .firmware = program_piece(&b->program, 0)});
    broken.write = no_write;
    b->card.device = &broken;
    take_message(b,
                 (struct link_message){.type = LINK_FIRMWARE, .firmware = program_piece(&b->program, 228)});
    assert_string_equal(b->last[LINK_REFUSE].refuse.text, "FIRMWARE: the card cannot be read or written");
    assert_int_equal(b->last[LINK_SLOTS].slots.received, 228);
    b->card.device = power_device(b->power);
    for (uint32_t at = 228; at < b->program.size; at += PROGRAM_PIECE)
        take_message(
            b, (struct link_message){.type = LINK_FIRMWARE, .firmware = program_piece(&b->program, at)});
    end(b);
    assert_int_equal(begin(b), IMAGE_A);
}

/* What a worker says while it ends: its counter counts, its old curve does not change the new settings. */
static void test_last_words(void **state)
{
    struct bench *b = *state;
    const char *other = "id 8\nname L8\nkind consumer\nomega 5\nsigma 0.1\npmax_kw 9\n";
    struct link_message m = {.type = LINK_SETTINGS};
    m.board_file =
        (struct link_board_file){(uint16_t)strlen(other), 0, crc_32(0, bytes_of(other)), bytes_of(other)};
    take_message(b, m);
    assert_int_equal(steward_poll(&b->steward, b->now), STEWARD_END);
    take_message(b, (struct link_message){.type = LINK_PARAMETER, .parameter = {1, 2, 3}});
    take_message(b, (struct link_message){.type = LINK_RESET, .reset.what = LINK_RESET_FORGET});
    take(b, TETHER_COUNTER, (struct bytes){(const uint8_t *)"\x21\0", 2});
    end(b);
    begin(b);
    assert_int_equal(b->start.incarnation, 0x22);
    assert_int_equal(b->card.settings_size, strlen(other));
    assert_memory_equal(b->card.settings, other, strlen(other));
    take_message(b, (struct link_message){.type = LINK_RESET});
    take_message(b, (struct link_message){.type = LINK_PARAMETER, .parameter = {100000, 6000000, 9000000}});
    assert_non_null(memmem(b->card.settings, b->card.settings_size, "omega 6\n", 8));
}

static void test_the_watchdog_eats_progress_only(void **state)
{
    struct bench *b = *state;
    assert_false(steward_progress(&b->steward));
    progress(b, 0, 1);
    assert_true(steward_progress(&b->steward));
    assert_false(steward_progress(&b->steward));
    ask_slots(b); /* talk is none */
    assert_false(steward_progress(&b->steward));
}

static void test_the_log_is_told_the_oldest_first(void **state)
{
    struct bench *b = *state;
    char text[300];
    for (int i = 0; i < 100; i++) {
        b->now.ms += 10;
        snprintf(text, sizeof text, "line %d %0*d", i, i % 10 == 0 ? 250 : 1, 0);
        steward_log(&b->steward, 6, text, b->now);
    }
    int before = b->said[LINK_LOG];
    take_message(b, (struct link_message){.type = LINK_ASK, .ask = {LINK_ASK_LOG, 64}});
    assert_int_equal(b->said[LINK_LOG] - before, 64);
    assert_string_equal(b->last[LINK_LOG].log.text, "1.000 line 99 0");
    before = b->said[LINK_LOG];
    take_message(b, (struct link_message){.type = LINK_ASK, .ask = {LINK_ASK_LOG, 1}});
    assert_int_equal(b->said[LINK_LOG] - before, 1);
}

static void test_pieces_out_of_place_are_answered_now_and_then(void **state)
{
    struct bench *b = *state;
    take_message(b, (struct link_message){.type = LINK_FIRMWARE, .firmware = program_piece(&b->program, 0)});
    int before = b->said[LINK_SLOTS];
    for (int i = 0; i < 100; i++, b->now.ms += 10)
        take_message(
            b, (struct link_message){.type = LINK_FIRMWARE, .firmware = program_piece(&b->program, 456)});
    assert_int_equal(b->said[LINK_SLOTS] - before, 2);
    assert_int_equal(b->last[LINK_SLOTS].slots.received, 228);
}

/* Packets of a worker that has run amok: nothing but a state of its own kind comes of it. */
static void test_any_packet_is_survived(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < 20000; i++) {
        uint8_t packet[64];
        size_t size = seed_below(&seed, sizeof packet);
        for (size_t at = 0; at < size; at++)
            packet[at] = (uint8_t)seed_next(&seed);
        if (size > 0)
            packet[0] = (uint8_t)(packet[0] % 68);
        steward_take(&b->steward, (struct bytes){packet, size}, b->now);
        b->now.ms += 7;
        if (steward_poll(&b->steward, b->now) != STEWARD_KEEP) {
            end(b);
            begin(b);
        }
    }
    power_on(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        TEST(test_starts_are_counted),
        TEST(test_an_image_is_confirmed_by_its_link),
        TEST(test_a_trial_without_a_link_ends_in_time),
        TEST(test_a_trial_that_crashes_or_stalls_is_over),
        TEST(test_a_trial_that_kills_the_board_runs_out_of_tries),
        TEST(test_a_confirmed_image_that_cannot_live_gives_way),
        TEST(test_rare_crashes_change_nothing),
        TEST(test_restarts_by_wish),
        TEST(test_last_words),
        TEST(test_a_card_that_fails_is_survived),
        TEST(test_pieces_for_a_card_that_fails_are_refused),
        TEST(test_the_watchdog_eats_progress_only),
        TEST(test_the_log_is_told_the_oldest_first),
        TEST(test_pieces_out_of_place_are_answered_now_and_then),
        TEST(test_any_packet_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

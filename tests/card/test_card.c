/* The rules of images, what an image must be, and a card that holds anything at all. */
#include "node-fw/card/intake.h"
#include "node-fw/card/settings_intake.h"
#include "node-fw/link/crc.h"
#include "tests/card/power.h"
#include "tests/card/program.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

static uint64_t seed;

struct bench {
    struct power *power;
    struct card card;
    struct intake intake;
    struct program program;
    uint8_t code;
    const char *why;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->power = power_new(0xFF);
    assert_int_equal(card_format(power_device(b->power), bytes_of("")), BB_OK);
    assert_int_equal(card_open(power_device(b->power), &b->card), BB_OK);
    intake_init(&b->intake, &b->card, &program_own);
    program_make(&b->program, 5000, 0x000102, &seed);
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

/* -- images -- */

static struct images with_slots(uint32_t a, uint32_t b)
{
    return (struct images){.slot = {{.size = a, .version = 1}, {.size = b, .version = 2}}};
}

static void test_a_trial_is_counted_and_given_up(void **state)
{
    (void)state;
    struct images im = with_slots(100, 100);
    assert_int_equal(images_choose(&im), IMAGE_BUILTIN);
    assert_true(images_switch(&im, IMAGE_BUILTIN));
    assert_int_equal(images_idle(&im, IMAGE_BUILTIN), IMAGE_NONE);
    for (int i = 0; i < IMAGE_TRIES; i++)
        assert_int_equal(images_choose(&im), IMAGE_A);
    assert_int_equal(images_choose(&im), IMAGE_BUILTIN);
    assert_true(im.rolled_back);
    assert_int_equal(im.trial, IMAGE_BUILTIN);

    im.trial = IMAGE_B;
    assert_int_equal(images_choose(&im), IMAGE_B);
    images_confirm(&im);
    assert_false(im.rolled_back);
    for (int i = 0; i < 10; i++)
        assert_int_equal(images_choose(&im), IMAGE_B);
}

static void test_falling_back_takes_what_was_good(void **state)
{
    (void)state;
    struct images im = with_slots(100, 100);
    im.confirmed = IMAGE_B;
    im.slot[1].proven = true;
    images_fall_back(&im); /* A was never good */
    assert_int_equal(im.confirmed, IMAGE_BUILTIN);
    im.confirmed = IMAGE_B;
    im.slot[0].proven = true;
    images_fall_back(&im);
    assert_int_equal(im.confirmed, IMAGE_A);
    images_fall_back(&im);
    assert_int_equal(im.confirmed, IMAGE_BUILTIN);
}

static void test_the_idle_slot_is_never_the_used_one(void **state)
{
    (void)state;
    struct images im = with_slots(0, 0);
    assert_int_equal(images_idle(&im, IMAGE_BUILTIN), IMAGE_A);
    im = with_slots(100, 0);
    im.confirmed = IMAGE_A;
    assert_int_equal(images_idle(&im, IMAGE_A), IMAGE_B);
    assert_int_equal(images_idle(&im, IMAGE_BUILTIN), IMAGE_B);
    im = with_slots(100, 100);
    im.confirmed = IMAGE_B;
    assert_int_equal(images_idle(&im, IMAGE_B), IMAGE_A);
    im.confirmed = IMAGE_BUILTIN;
    im.slot[0].proven = true;
    assert_int_equal(images_idle(&im, IMAGE_BUILTIN), IMAGE_B);
}

static void test_going_back_by_hand(void **state)
{
    (void)state;
    struct images im = with_slots(0, 0);
    assert_false(images_switch(&im, IMAGE_BUILTIN));
    im = with_slots(0, 100);
    assert_true(images_switch(&im, IMAGE_BUILTIN));
    assert_int_equal(im.trial, IMAGE_B);
    assert_false(images_switch(&im, IMAGE_B)); /* on trial */
    images_confirm(&im);
    assert_true(images_switch(&im, IMAGE_B)); /* A is empty: the one that is built in */
    assert_int_equal(im.confirmed, IMAGE_BUILTIN);
    im = with_slots(100, 100);
    im.confirmed = IMAGE_B;
    assert_true(images_switch(&im, IMAGE_B));
    assert_int_equal(im.trial, IMAGE_A);
    assert_int_equal(im.confirmed, IMAGE_B);
}

/* -- intake -- */

/* Sends the program from `from` on; the last verdict. */
static enum intake_verdict transfer(struct bench *b, uint32_t from, enum image running)
{
    enum intake_verdict verdict = INTAKE_TAKEN;
    for (uint32_t at = from; at < b->program.size && verdict <= INTAKE_STEPPED; at += PROGRAM_PIECE) {
        struct link_firmware piece = program_piece(&b->program, at);
        verdict = intake_take(&b->intake, &piece, running, &b->code, &b->why);
    }
    return verdict;
}

static void test_an_image_comes_on_trial(void **state)
{
    struct bench *b = *state;
    assert_int_equal(transfer(b, 0, IMAGE_BUILTIN), INTAKE_COMPLETE);
    assert_int_equal(b->card.images.trial, IMAGE_A);
    assert_int_equal(b->card.images.slot[0].size, b->program.size);
    assert_int_equal(b->card.images.slot[0].version, 0x000102);
    assert_int_equal(b->card.images.slot[0].crc32, b->program.crc32);
    assert_int_equal(transfer(b, 0, IMAGE_BUILTIN), INTAKE_REFUSED);
    assert_int_equal(b->code, LINK_REFUSE_NOT_NOW);
    assert_string_equal(b->why, "FIRMWARE: an image is on trial");
}

static void test_every_place_of_a_mark_is_found(void **state)
{
    struct bench *b = *state;
    for (uint32_t at = 32; at + sizeof program_own <= b->program.size; at += 4) {
        if (at > 60 && at < 4000)
            at = 4000; /* around the border of two parts */
        struct images images = {0};
        assert_int_equal(card_save_images(&b->card, &images), BB_OK);
        intake_init(&b->intake, &b->card, &program_own);
        memset(b->program.bytes + 32, 'b', b->program.size - 32);
        memcpy(b->program.bytes + at, &program_own, sizeof program_own);
        b->program.crc32 = crc_32(0, (struct bytes){b->program.bytes, b->program.size});
        assert_int_equal(transfer(b, 0, IMAGE_BUILTIN), INTAKE_COMPLETE);
    }
}

static void test_pieces_out_of_place_change_nothing(void **state)
{
    struct bench *b = *state;
    struct link_firmware first = program_piece(&b->program, 0), second = program_piece(&b->program, 228),
                         third = program_piece(&b->program, 456);
    assert_int_equal(intake_take(&b->intake, &second, IMAGE_BUILTIN, &b->code, &b->why), INTAKE_MISPLACED);
    assert_int_equal(intake_take(&b->intake, &first, IMAGE_BUILTIN, &b->code, &b->why), INTAKE_TAKEN);
    assert_int_equal(intake_take(&b->intake, &third, IMAGE_BUILTIN, &b->code, &b->why), INTAKE_MISPLACED);
    assert_int_equal(b->intake.received, 228);
    assert_int_equal(intake_take(&b->intake, &second, IMAGE_BUILTIN, &b->code, &b->why), INTAKE_TAKEN);
    assert_int_equal(intake_take(&b->intake, &second, IMAGE_BUILTIN, &b->code, &b->why), INTAKE_MISPLACED);
    third.crc32++; /* of another image */
    assert_int_equal(intake_take(&b->intake, &third, IMAGE_BUILTIN, &b->code, &b->why), INTAKE_MISPLACED);
    assert_int_equal(transfer(b, 456, IMAGE_BUILTIN), INTAKE_COMPLETE);
}

static void refused(struct bench *b, const char *why)
{
    assert_int_equal(transfer(b, 0, IMAGE_BUILTIN), INTAKE_REFUSED);
    assert_int_equal(b->code, LINK_REFUSE_RANGE);
    assert_string_equal(b->why, why);
    assert_int_equal(b->card.images.trial, IMAGE_BUILTIN);
    assert_int_equal(b->card.images.intake.image, IMAGE_BUILTIN);
    assert_int_equal(b->card.images.slot[0].size, 0);
}

static void test_what_is_no_image_is_refused(void **state)
{
    struct bench *b = *state;
    b->program.crc32++;
    refused(b, "FIRMWARE: the CRC-32 of what has arrived is another one");
    program_make(&b->program, 5000, 0, &seed);
    refused(b, "FIRMWARE: it is no image of busbar-node");
    program_make(&b->program, 5000, 1, &seed);
    b->program.bytes[18] ^= 1;
    refused(b, "FIRMWARE: it is a program for another processor");
    b->program.bytes[18] ^= 1;
    b->program.bytes[16] = 1;
    refused(b, "FIRMWARE: it is an ELF file, but no program");
    b->program.bytes[0] = '#';
    refused(b, "FIRMWARE: it is no ELF program");
    b->program.size = IMAGE_MAX + 1;
    struct link_firmware piece = {IMAGE_MAX + 1, 0, 1, {b->program.bytes, 100}};
    assert_int_equal(intake_take(&b->intake, &piece, IMAGE_BUILTIN, &b->code, &b->why), INTAKE_REFUSED);
    assert_string_equal(b->why, "FIRMWARE: the image is larger than a slot, 1048576 bytes");
    piece = (struct link_firmware){50, 0, 1, {b->program.bytes, 100}};
    assert_int_equal(intake_take(&b->intake, &piece, IMAGE_BUILTIN, &b->code, &b->why), INTAKE_REFUSED);
    assert_string_equal(b->why, "FIRMWARE: a piece lies outside its image, or is empty");
}

static void test_the_largest_image_fits(void **state)
{
    struct bench *b = *state;
    program_make(&b->program, IMAGE_MAX, 3, &seed);
    assert_int_equal(transfer(b, 0, IMAGE_BUILTIN), INTAKE_COMPLETE);
}

/* -- settings -- */

static void test_settings_are_checked_as_a_whole(void **state)
{
    struct bench *b = *state;
    static struct settings_intake in;
    struct link_refuse no;
    settings_intake_init(&in, &b->card);
    const char *good = "id 7\nname L7\nkind consumer\nomega 17.17\nsigma 0.0935\npmax_kw 91.79\n";
    const char *bad = "id 7\nname L7\nkind consumer\nomega twelve\nsigma 0.0935\npmax_kw 91.79\n";
    uint16_t size = (uint16_t)strlen(good);
    struct link_board_file piece = {size, 0, crc_32(0, bytes_of(good)), {(const uint8_t *)good, 40}};
    assert_int_equal(settings_intake_take(&in, &piece, &no), SETTINGS_TAKEN);
    assert_int_equal(b->card.settings_size, 0);
    piece.offset = 40;
    piece.data = (struct bytes){(const uint8_t *)good + 40, size - 40u};
    assert_int_equal(settings_intake_take(&in, &piece, &no), SETTINGS_KEPT);
    assert_int_equal(b->card.settings_size, size);
    assert_int_equal(settings_intake_take(&in, &piece, &no), SETTINGS_REFUSED);
    assert_string_equal(no.text, "SETTINGS: a piece is missing or does not fit: begin anew");
    piece = (struct link_board_file){(uint16_t)strlen(bad), 0, crc_32(0, bytes_of(bad)), bytes_of(bad)};
    assert_int_equal(settings_intake_take(&in, &piece, &no), SETTINGS_REFUSED);
    assert_string_equal(no.text, "SETTINGS: line 4: omega: twelve is not a number 0 … 4294.967295 with at "
                                 "most six decimals");
    piece.crc32++;
    assert_int_equal(settings_intake_take(&in, &piece, &no), SETTINGS_REFUSED);
    assert_string_equal(no.text, "SETTINGS: the CRC-32 of what has arrived is another one");
    assert_memory_equal(b->card.settings, good, size);
    struct curve_parameters other = {CURVE_CONSUMER, 93500, 18500000, 91790000};
    assert_int_equal(settings_intake_curve(&b->card, &other), BB_OK);
    assert_memory_equal(b->card.settings + 27, "omega 18.5\n", 11);
}

/* -- contents -- */

static void test_what_is_no_card_is_not_taken(void **state)
{
    (void)state;
    struct card card;
    for (unsigned fill = 0; fill < 256; fill += 85) {
        struct power *p = power_new((uint8_t)fill);
        assert_int_equal(card_open(power_device(p), &card), BB_NOT_FOUND);
        power_free(p);
    }
}

/* One record is spoilt in both copies: the others hold, and the board starts with what is left. */
static void test_a_spoilt_record_spoils_no_other(void **state)
{
    struct bench *b = *state;
    const struct card_device *device = power_device(b->power);
    assert_int_equal(card_save_boots(&b->card, &(struct card_boots){7, 9, 1}), BB_OK);
    assert_int_equal(record_erase(device, RECORD_IMAGES), BB_OK);
    struct card card;
    assert_int_equal(card_open(device, &card), BB_OK);
    assert_int_equal(card.damaged, 1 << RECORD_IMAGES);
    assert_int_equal(card.boots.incarnation, 9);
    assert_int_equal(card.images.confirmed, IMAGE_BUILTIN);
    assert_int_equal(card_save_images(&card, &card.images), BB_OK);
    assert_int_equal(card_open(device, &card), BB_OK);
    assert_int_equal(card.damaged, 0);
}

static void test_contradicting_images_are_no_record(void **state)
{
    (void)state;
    static const struct images bad[] = {
        {.confirmed = IMAGE_A},
        {.trial = IMAGE_B},
        {.confirmed = (enum image)3},
        {.slot = {{.size = IMAGE_MAX + 1}}},
        {.confirmed = IMAGE_A, .trial = IMAGE_A, .slot = {{.size = 9}}},
        {.intake = {.image = IMAGE_A}},
        {.intake = {.image = IMAGE_A, .total = 10, .received = 11}},
        {.slot = {{.size = 9}}, .intake = {.image = IMAGE_A, .total = 10}},
    };
    struct images out;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t payload[IMAGES_BYTES];
        struct writer w = writer_at(payload, sizeof payload);
        images_write(&bad[i], &w);
        assert_false(images_read(written(&w), &out));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_trial_is_counted_and_given_up),
        cmocka_unit_test(test_falling_back_takes_what_was_good),
        cmocka_unit_test(test_the_idle_slot_is_never_the_used_one),
        cmocka_unit_test(test_going_back_by_hand),
        TEST(test_an_image_comes_on_trial),
        TEST(test_every_place_of_a_mark_is_found),
        TEST(test_pieces_out_of_place_change_nothing),
        TEST(test_what_is_no_image_is_refused),
        TEST(test_the_largest_image_fits),
        TEST(test_settings_are_checked_as_a_whole),
        cmocka_unit_test(test_what_is_no_card_is_not_taken),
        TEST(test_a_spoilt_record_spoils_no_other),
        cmocka_unit_test(test_contradicting_images_are_no_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The power fails at every byte of every write of an update, a settings change and some starts: the card is
 * found as it was before or after the change, and a later update still works. */
#include "node-fw/card/intake.h"
#include "node-fw/card/settings_intake.h"
#include "node-fw/link/crc.h"
#include "tests/card/power.h"
#include "tests/card/program.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

static uint64_t seed;

static const char old_text[] = "id 7\nname L7\nkind consumer\nomega 17.17\nsigma 0.0935\npmax_kw 91.79\n";
static const char changes[] = "+\nomega 18.5 # dearer\nramp_kw_per_s 2\n";

/* What the card remembered after each change, and where in the log that was sure. */
struct memory {
    size_t sure;
    struct card card;
};

struct run {
    struct power *power;
    struct card card;
    struct memory *memories;
    size_t count;
    struct program first, second, third;
};

static void remember(struct run *r)
{
    r->memories = realloc(r->memories, (r->count + 1) * sizeof *r->memories);
    assert_non_null(r->memories);
    r->memories[r->count++] = (struct memory){power_position(r->power), r->card};
}

/* One start, as the supervisor makes it. */
static enum image start(struct run *r)
{
    struct images images = r->card.images;
    enum image image = images_choose(&images);
    assert_int_equal(card_save_images(&r->card, &images), BB_OK);
    remember(r);
    struct card_boots boots = r->card.boots;
    boots.boots++;
    boots.incarnation++;
    assert_int_equal(card_save_boots(&r->card, &boots), BB_OK);
    remember(r);
    return image;
}

static void confirm(struct run *r)
{
    struct images images = r->card.images;
    images_confirm(&images);
    assert_int_equal(card_save_images(&r->card, &images), BB_OK);
    remember(r);
}

/* A whole transfer while `running` runs; remembers after each change of the records. */
static void update(struct run *r, const struct program *program, enum image running)
{
    struct intake in;
    intake_init(&in, &r->card, &program_own);
    for (uint32_t at = 0; at < program->size;) {
        struct link_firmware piece = program_piece(program, at);
        struct record before = r->card.record[RECORD_IMAGES];
        uint8_t code;
        const char *why = "";
        enum intake_verdict verdict = intake_take(&in, &piece, running, &code, &why);
        assert_string_equal(why, "");
        at += (uint32_t)piece.data.size;
        assert_int_equal(verdict == INTAKE_COMPLETE, at == program->size);
        if (before.sequence != r->card.record[RECORD_IMAGES].sequence)
            remember(r);
    }
}

static void change_settings(struct run *r)
{
    struct settings_intake in;
    struct link_refuse refuse;
    struct bytes text = bytes_of(changes);
    settings_intake_init(&in, &r->card);
    struct link_board_file piece = {(uint16_t)text.size, 0, crc_32(0, text), text};
    assert_int_equal(settings_intake_take(&in, &piece, &refuse), SETTINGS_KEPT);
    remember(r);
}

static void make_run(struct run *r)
{
    *r = (struct run){.power = power_new(0xFF)};
    program_make(&r->first, 3000, 0x000100, &seed);
    program_make(&r->second, 2 * INTAKE_STEP / 2 + 4001, 0x000200, &seed);
    program_make(&r->third, 900, 0x000300, &seed);
    assert_int_equal(card_format(power_device(r->power), bytes_of(old_text)), BB_OK);
    assert_int_equal(card_open(power_device(r->power), &r->card), BB_OK);
    update(r, &r->first, IMAGE_BUILTIN);
    assert_int_equal(start(r), IMAGE_A);
    confirm(r);
    power_record(r->power);
    r->count = 0;
    remember(r);
}

static void end_run(struct run *r)
{
    power_free(r->power);
    free(r->memories);
}

static bool same_images(const struct images *a, const struct images *b)
{
    uint8_t x[IMAGES_BYTES], y[IMAGES_BYTES];
    struct writer v = writer_at(x, sizeof x), w = writer_at(y, sizeof y);
    images_write(a, &v);
    images_write(b, &w);
    return bytes_equal(written(&v), written(&w));
}

static bool same_card(const struct card *a, const struct card *b)
{
    return a->boots.boots == b->boots.boots && a->boots.incarnation == b->boots.incarnation &&
           same_images(&a->images, &b->images) &&
           bytes_equal((struct bytes){a->settings, a->settings_size},
                       (struct bytes){b->settings, b->settings_size});
}

/* The image that would be started is there to its last byte. */
static void check_image(const struct card *card)
{
    struct images images = card->images;
    enum image image = images_choose(&images);
    static uint8_t content[IMAGE_MAX];
    assert_int_not_equal(image, IMAGE_BUILTIN);
    const struct image_slot *slot = images_slot(&images, image);
    assert_int_equal(card_read_slot(card, image, 0, content, slot->size), BB_OK);
    assert_int_equal(crc_32(0, (struct bytes){content, slot->size}), slot->crc32);
}

/* The card as it was found takes another update. */
static void check_later_update(struct run *r, struct card *card)
{
    struct images images = card->images;
    enum image running = images_choose(&images);
    if (images.trial != IMAGE_BUILTIN)
        images_confirm(&images);
    assert_int_equal(card_save_images(card, &images), BB_OK);
    struct intake in;
    enum intake_verdict verdict = INTAKE_TAKEN;
    intake_init(&in, card, &program_own);
    for (uint32_t at = 0; at < r->third.size; at += PROGRAM_PIECE) {
        uint8_t code;
        const char *why;
        struct link_firmware piece = program_piece(&r->third, at);
        verdict = intake_take(&in, &piece, running, &code, &why);
    }
    assert_int_equal(verdict, INTAKE_COMPLETE);
    struct card again;
    assert_int_equal(card_open(card->device, &again), BB_OK);
    assert_int_equal(images_slot(&again.images, again.images.trial)->version, 0x000300);
    check_image(&again);
}

/* Looks at one moment; `at` is the last memory that is sure then. */
static void check_cut(struct run *r, size_t position, size_t bytes, size_t at)
{
    struct card found;
    const struct card_device *device = power_cut(r->power, position, bytes, &seed);
    assert_int_equal(card_open(device, &found), BB_OK);
    bool old = same_card(&found, &r->memories[at].card);
    bool fresh = at + 1 < r->count && same_card(&found, &r->memories[at + 1].card);
    if (!old && !fresh)
        fail_msg("cut at byte %zu of write %zu: neither the old state nor the new", bytes, position);
    check_image(&found);
    check_later_update(r, &found);
}

static size_t check_every_cut(struct run *r)
{
    size_t at = 0, cuts = 0;
    for (size_t position = 0; position < power_position(r->power); position++) {
        while (at + 1 < r->count && r->memories[at + 1].sure <= position)
            at++;
        size_t size = power_bytes(r->power, position);
        for (size_t bytes = 0; bytes <= size; bytes++, cuts++)
            check_cut(r, position, bytes, at);
    }
    return cuts;
}

static void test_an_update_is_whole_or_not_at_all(void **state)
{
    (void)state;
    static struct run r;
    make_run(&r);
    update(&r, &r.second, IMAGE_A);
    assert_int_equal(start(&r), IMAGE_B);
    confirm(&r);
    printf("update: %zu cuts\n", check_every_cut(&r));
    end_run(&r);
}

static void test_settings_and_starts_are_whole_or_not_at_all(void **state)
{
    (void)state;
    static struct run r;
    make_run(&r);
    start(&r);
    change_settings(&r);
    start(&r);
    printf("settings: %zu cuts\n", check_every_cut(&r));
    struct settings settings;
    struct settings_error error;
    assert_int_equal(settings_parse((struct bytes){r.card.settings, r.card.settings_size}, &error, &settings),
                     BB_OK);
    assert_int_equal(settings.parameters.intercept, 18500000);
    assert_int_equal(settings.parameters.slope, 93500);
    assert_int_equal(settings.ramp_mw_per_s, 2000000);
    end_run(&r);
}

/* After a loss of power in the middle the transfer goes on at the last point that was sure. */
static void test_a_transfer_goes_on(void **state)
{
    (void)state;
    static struct run r;
    make_run(&r);
    update(&r, &r.second, IMAGE_A);
    size_t end = power_position(r.power), resumed = 0;
    for (size_t position = 0; position < end; position += 1 + seed_below(&seed, 5)) {
        struct card found;
        assert_int_equal(card_open(power_cut(r.power, position, 0, &seed), &found), BB_OK);
        const struct image_intake *left = &found.images.intake;
        if (left->image == IMAGE_BUILTIN || found.images.trial != IMAGE_BUILTIN)
            continue;
        assert_int_equal(left->crc32, r.second.crc32);
        if (left->received == 0)
            continue; /* it begins anew */
        resumed++;
        struct intake in;
        intake_init(&in, &found, &program_own);
        enum intake_verdict verdict = INTAKE_TAKEN;
        while (verdict == INTAKE_TAKEN || verdict == INTAKE_STEPPED) {
            uint8_t code;
            const char *why;
            struct link_firmware piece = program_piece(&r.second, in.received);
            verdict = intake_take(&in, &piece, IMAGE_A, &code, &why);
        }
        assert_int_equal(verdict, INTAKE_COMPLETE);
        check_image(&found);
    }
    assert_true(resumed > 0);
    end_run(&r);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_update_is_whole_or_not_at_all),
        cmocka_unit_test(test_settings_and_starts_are_whole_or_not_at_all),
        cmocka_unit_test(test_a_transfer_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

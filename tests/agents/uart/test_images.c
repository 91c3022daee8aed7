#include "agents/uart/images.h"
#include "agents/uart/transfer.h"
#include "node-fw/link/crc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static uint8_t data[300000];
static struct images images;
static struct bb_reason reason;
static struct image *image;

static int fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    return 0;
}

static int forget_all(void **state)
{
    (void)state;
    images_forget(&images, INT64_MAX);
    return 0;
}

static uint32_t crc_of(size_t size)
{
    return crc_32(0, (struct bytes){data, size});
}

static enum status take(uint32_t total, uint32_t offset, size_t size, int64_t now)
{
    return images_take(&images, total, crc_of(total <= sizeof data ? total : 1), offset,
                       (struct bytes){data + offset % sizeof data, size}, now, &reason, &image);
}

static void pieces_make_an_image_once(void **state)
{
    (void)state;
    assert_int_equal(take(300000, 0, 131072, 0), BB_OK);
    assert_int_equal(image->received, 131072);
    struct image *first = image;
    assert_int_equal(take(300000, 0, 131072, 0), BB_OK); /* another board's caller begins, too */
    assert_ptr_equal(image, first);
    assert_int_equal(image->received, 131072);
    assert_int_equal(take(300000, 131072, 131072, 0), BB_OK);
    assert_int_equal(take(300000, 262144, 300000 - 262144, 0), BB_OK);
    assert_int_equal(image->received, 300000);
    assert_memory_equal(image->data, data, 300000);
    assert_int_equal(take(300000, 0, 1, 0), BB_OK); /* for the next board the first piece is enough */
    assert_int_equal(image->received, 300000);
}

static void bad_pieces_are_refused_with_reasons(void **state)
{
    (void)state;
    assert_int_equal(take(TRANSFER_IMAGE_MAX + 1, 0, 10, 0), BB_RANGE);
    assert_string_equal(reason.text, "\"total\": an image has 1 to 1048576 bytes, not 1048577");
    assert_int_equal(take(0, 0, 10, 0), BB_RANGE);
    assert_int_equal(take(1000, 0, 0, 0), BB_RANGE);
    assert_int_equal(take(200000, 0, 131073, 0), BB_RANGE);
    assert_int_equal(take(1000, 100, 10, 0), BB_RANGE); /* nobody has begun it */
    assert_int_equal(take(1000, 0, 100, 0), BB_OK);
    assert_int_equal(take(1000, 200, 100, 0), BB_RANGE);
    assert_string_equal(reason.text, "\"offset\": 200 is out of order, 100 comes next");
    assert_int_equal(take(1000, 100, 901, 0), BB_RANGE);
    assert_int_equal(take(1000, UINT32_MAX, 1, 0), BB_RANGE);
}

static void a_wrong_crc_forgets_the_image(void **state)
{
    (void)state;
    struct bytes piece = {data, 500};
    assert_int_equal(images_take(&images, 500, 1, 0, piece, 0, &reason, &image), BB_MALFORMED);
    assert_non_null(strstr(reason.text, "not 00000001"));
    assert_int_equal(images_take(&images, 500, 1, 100, (struct bytes){data + 100, 1}, 0, &reason, &image),
                     BB_RANGE);
}

static void other_bytes_under_the_same_name_are_refused(void **state)
{
    (void)state;
    uint8_t wrong[10] = {99};
    assert_int_equal(take(1000, 0, 1000, 0), BB_OK);
    assert_int_equal(
        images_take(&images, 1000, crc_of(1000), 0, (struct bytes){wrong, 10}, 0, &reason, &image),
        BB_MALFORMED);
    assert_int_equal(take(1000, 0, 10, 0), BB_OK); /* the good one stays */
    assert_int_equal(image->received, 1000);
}

static void they_are_few_and_forgotten(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < IMAGES_MAX; i++)
        assert_int_equal(take(1000 + i, 0, 10, i), BB_OK);
    assert_int_equal(take(2000, 0, 10, 10), BB_FULL);
    images_use(image, IMAGES_KEEP_MS);
    assert_int_equal(take(2000, 0, 10, IMAGES_KEEP_MS), BB_OK); /* in the place of the first */
    assert_int_equal(take(1000 + IMAGES_MAX - 1, 10, 10, IMAGES_KEEP_MS), BB_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(pieces_make_an_image_once, forget_all),
        cmocka_unit_test_teardown(bad_pieces_are_refused_with_reasons, forget_all),
        cmocka_unit_test_teardown(a_wrong_crc_forgets_the_image, forget_all),
        cmocka_unit_test_teardown(other_bytes_under_the_same_name_are_refused, forget_all),
        cmocka_unit_test_teardown(they_are_few_and_forgotten, forget_all),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}

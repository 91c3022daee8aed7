/* A device that is not there: the same for the same seed and moment, and it keeps what is written. */
#include "agents/modbus/fake.h"
#include "agents/modbus/line.h"
#include "agents/modbus/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint16_t ask(struct fake *fake, enum step_kind kind, enum point_table table, uint16_t address,
                    uint16_t value, int64_t now_ms)
{
    struct job *job = line_job(1);
    assert_non_null(job);
    job->steps[0] =
        (struct step){.kind = kind, .table = table, .address = address, .count = 1, .data = {value}};
    fake_step(fake, job, &job->steps[0], now_ms);
    assert_int_equal(job->steps[0].result, STEP_DONE);
    uint16_t got = job->steps[0].data[0];
    free(job);
    return got;
}

static void test_registry(void **state)
{
    (void)state;
    struct points points;
    struct bb_reason reason;
    assert_int_equal(
        registry_read("Point Name,Type,Address,Writable,Default\nlimit,>H,0,TRUE,100\nvolt,>H,0,,230\n"
                      "relay,BOOL,1,TRUE,on\n",
                      &reason, &points),
        BB_OK);
    struct fake *one = fake_new(&points, 1), *twin = fake_new(&points, 1), *other = fake_new(&points, 2);
    bool moved = false, differed = false;
    for (int64_t ms = 0; ms < 120000; ms += 7000) {
        uint16_t volt = ask(one, STEP_READ, TABLE_INPUT, 0, 0, ms);
        assert_int_equal(volt, ask(twin, STEP_READ, TABLE_INPUT, 0, 0, ms));
        assert_in_range(volt, 230 * 9 / 10, 230 * 11 / 10);
        moved = moved || volt != 230;
        differed = differed || volt != ask(other, STEP_READ, TABLE_INPUT, 0, 0, ms);
    }
    assert_true(moved && differed);
    assert_int_equal(ask(one, STEP_READ, TABLE_HOLDING, 0, 0, 5), 100);
    (void)ask(one, STEP_WRITE, TABLE_HOLDING, 0, 40, 5);
    assert_int_equal(ask(one, STEP_READ, TABLE_HOLDING, 0, 0, 5), 40);
    assert_int_equal(ask(one, STEP_READ, TABLE_COIL, 1, 0, 5), 1);
    fake_free(one);
    fake_free(twin);
    fake_free(other);
    free(points.list);
}

static void test_bounds(void **state)
{
    (void)state;
    struct fake *fake = fake_new(NULL, 1);
    assert_int_equal(ask(fake, STEP_READ, TABLE_HOLDING, 40000, 0, 5), 0x5375);
    struct job *job = line_job(1);
    job->steps[0] = (struct step){.table = TABLE_HOLDING, .address = 65535, .count = 2};
    fake_step(fake, job, &job->steps[0], 5);
    assert_true(job->steps[0].result == STEP_REFUSED && job->steps[0].exception == 2);
    free(job);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_registry), cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

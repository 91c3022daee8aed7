/* Registries as VOLTTRON has them, and those that are refused with their line. */
#include "agents/modbus/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_volttron(void **state)
{
    (void)state;
    struct points points;
    struct bb_reason reason = {""};
    static const char text[] =
        "\xef\xbb\xbfReference Point Name,Volttron Point Name,Units,Units Details,Modbus Register,Writable,"
        "Point Address,Default Value,Notes\r\n"
        "CO2Sensor,ReturnAirCO2,PPM,0.00-2000.00,>f,FALSE,1001,,\"CO2, as the \"\"sensor\"\" has it\"\r\n"
        "\r\n"
        "x,,,,,,,,a row without a name\r\n"
        "CO2Stpt,ReturnAirCO2Stpt,PPM,1000.00 (default),>f,TRUE,1011,1000,Setpoint\r\n"
        "Cool1Spd,CoolSupplyFanSpeed1,%,,>H,TRUE,0x400,75,\r\n"
        "Fan,SupplyFan,On / Off,on/off,BOOL,FALSE,5,,\r\n"
        "Relay,Relay,On / Off,on/off,BOOL,TRUE,6,off,";
    assert_int_equal(registry_read(text, &reason, &points), BB_OK);
    assert_int_equal(points.count, 5);
    const struct point *p = points.list;
    assert_string_equal(p[0].name, "ReturnAirCO2");
    assert_true(p[0].table == TABLE_INPUT && p[0].count == 2 && p[0].address == 1001 && !p[0].writable);
    assert_true(p[1].table == TABLE_HOLDING && p[1].writable && p[1].has_preset && p[1].line == 5);
    assert_true(p[2].address == 1024 && strcmp(p[2].preset, "75") == 0);
    assert_true(p[3].table == TABLE_DISCRETE && p[4].table == TABLE_COIL);
    assert_int_equal(registry_find(&points, "Relay"), 4);
    assert_int_equal(registry_find(&points, "relay"), -1);
    free(points.list);
}

static void test_columns(void **state)
{
    (void)state;
    struct points points;
    struct bb_reason reason = {""};
    assert_int_equal(registry_read("#mine,point name,TYPE,address,transform,table,mixed endian\n"
                                   "x,voltage,uint16,1,scale(0.1),holding,true\n"
                                   ",energy,>I,2,scale_reg_pow_10(power),input,\n"
                                   ",power,>h,4,,holding,no\n",
                                   &reason, &points),
                     BB_OK);
    assert_true(points.list[0].table == TABLE_HOLDING && points.list[0].mixed && !points.list[0].writable);
    assert_true(points.list[0].factor.digits == 1 && points.list[0].factor.exponent == -1);
    assert_true(points.list[1].power_at == 2 && points.list[2].hidden && !points.list[1].hidden);
    free(points.list);
}

#define NAMES                                                                                                \
    "Volttron Point Name,Modbus Register,Point Address,Writable,Default Value,Transform,Table,Units\n"

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
        enum status status;
    } cases[] = {
        {"", "1: there is no first row", BB_MALFORMED},
        {"\n\n", "1: there is no first row", BB_MALFORMED},
        {"Volttron Point Name,Point Address\n", "1: there is no column \"Modbus Register\"", BB_MALFORMED},
        {"\nName,Point Address\n", "2: no column is called \"Name\"", BB_MALFORMED},
        {"Point Name,Volttron Point Name\n", "1: the column \"Volttron Point Name\"", BB_MALFORMED},
        {NAMES, "2: there is no point", BB_MALFORMED},
        {NAMES "a,>f,0\nb,>z,2\n", "3: \">z\" is no form", BB_MALFORMED},
        {NAMES "a,>b,0\n", "2: \">b\" does not fill", BB_RANGE},
        {NAMES "a,>f,x\n", "2: an address", BB_MALFORMED},
        {NAMES "a,>f,-1\n", "2: an address", BB_MALFORMED},
        {NAMES "a,>f,99999999999999999999\n", "2: \"a\" reaches beyond", BB_RANGE},
        {NAMES "a,>f,65535\n", "2: \"a\" reaches beyond", BB_RANGE},
        {NAMES "a,248s,0,TRUE\n", "2: \"a\" has more than 123", BB_RANGE},
        {NAMES "a,>f,0,maybe\n", "2: Writable is TRUE or FALSE", BB_MALFORMED},
        {NAMES "a,>H,0,TRUE,70000\n", "2: the default value", BB_RANGE},
        {NAMES "a,>H,0,TRUE,much\n", "2: \"much\" is no value", BB_MALFORMED},
        {NAMES "a,>H,0,TRUE,,half\n", "2: \"half\" is none of", BB_MALFORMED},
        {NAMES "a,>H,0,TRUE,,scale(0)\n", "2: \"0\" is no factor", BB_RANGE},
        {NAMES "a,BOOL,0,TRUE,,scale(2)\n", "2: only a number", BB_MALFORMED},
        {NAMES "a,>H,0,,,scale_reg_pow_10(b)\n", "2: \"b\" is no point with", BB_NOT_FOUND},
        {NAMES "a,>H,0,TRUE,,,input\n", "2: what is in input", BB_MALFORMED},
        {NAMES "a,>H,0,,,,coils\n", "2: coils is no table of registers", BB_MALFORMED},
        {NAMES "a,>H,0,,,,drawer\n", "2: a table is", BB_MALFORMED},
        {NAMES "a,>f,0\na,>f,2\n", "3: \"a\" stands in line 2", BB_EXISTS},
        {NAMES "\"a,>f,0\n", "2: a text between quotes", BB_MALFORMED},
        {NAMES "a\x01,>f,0\n", "2: the name of a point", BB_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct points points = {NULL, 0};
        struct bb_reason reason = {""};
        assert_int_equal(registry_read(cases[i].text, &reason, &points), cases[i].status);
        if (strncmp(reason.text, cases[i].reason, strlen(cases[i].reason)) != 0)
            fail_msg("\"%s\" instead of \"%s\"", reason.text, cases[i].reason);
        assert_null(points.list);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    struct points points;
    struct bb_reason reason = {""};
    size_t room = 40 * (POINTS_MAX + 2), at = 0;
    char *text = malloc(room);
    at += (size_t)snprintf(text, room, "Point Name,Type,Address\n");
    for (int i = 0; i < POINTS_MAX; i++)
        at += (size_t)snprintf(text + at, room - at, "p%d,>H,%d\n", i, i);
    assert_int_equal(registry_read(text, &reason, &points), BB_OK);
    assert_int_equal(points.count, POINTS_MAX);
    free(points.list);
    snprintf(text + at, room - at, "one more,>H,1\n");
    assert_int_equal(registry_read(text, &reason, &points), BB_FULL);
    free(text);
    assert_int_equal(registry_load("/nowhere/meter.csv", &reason, &points), BB_NOT_FOUND);
    assert_int_equal(registry_load("/dev/zero", &reason, &points), BB_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_volttron), cmocka_unit_test(test_columns),
                                       cmocka_unit_test(test_refusals), cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

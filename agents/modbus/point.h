/* A point of a device: where it stands in the device's registers, and how they read as a value. */
#ifndef AGENTS_MODBUS_POINT_H
#define AGENTS_MODBUS_POINT_H

#include "agents/modbus/decimal.h"

#include <stddef.h>

#define POINT_NAME_MAX   128
#define POINT_UNITS_MAX  64
#define POINT_PRESET_MAX 128
/* Of one device. */
#define POINTS_MAX 4096
/* The most registers of one read and one write; bits are read in the same portions. Source: Modbus
 * application protocol 1.1b3, 6.3 and 6.12. */
#define READ_MAX  125
#define WRITE_MAX 123

enum point_table { TABLE_COIL, TABLE_DISCRETE, TABLE_INPUT, TABLE_HOLDING };

enum point_kind {
    POINT_TRUTH,   /* one bit */
    POINT_SIGNED,  /* 2, 4 or 8 bytes, two's complement */
    POINT_NATURAL, /* 2, 4 or 8 bytes without a sign */
    POINT_REAL,    /* 4 or 8 bytes, IEEE 754 */
    POINT_TEXT     /* up to READ_MAX registers, filled up with zeros */
};

/* Which raw value says that the device does not have the point. */
enum point_absent { ABSENT_NEVER, ABSENT_LOWEST, ABSENT_HIGHEST, ABSENT_ZERO };

struct point {
    char name[POINT_NAME_MAX + 1];
    char units[POINT_UNITS_MAX + 1];
    enum point_table table;
    enum point_kind kind;
    enum point_absent absent;
    uint16_t address; /* as in Modbus itself, from 0 */
    uint16_t count;   /* registers (or bits: 1); address + count ≤ 65536 */
    bool little;      /* the bytes of the value stand with the lowest first */
    bool mixed;       /* the registers of the value stand with the lowest first */
    bool writable;
    bool hidden;           /* a power of ten of others: not published */
    struct decimal factor; /* value = raw × factor; digits 1 … 10^9, exponent ±12 */
    int power_at;          /* the place of the point that holds a power of ten as well; -1: none */
    bool has_preset;
    char preset[POINT_PRESET_MAX + 1]; /* the registry's default value */
    int line;                          /* of the registry; 0: none */
};

struct points {
    struct point *list; /* malloc'd */
    size_t count;
};

#endif

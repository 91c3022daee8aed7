/* Looks at one device from the command line. */
#ifndef AGENTS_MODBUS_SCAN_H
#define AGENTS_MODBUS_SCAN_H

#include <stdio.h>

/* Prints the SunSpec models and points of a device, `tcp:HOST:PORT` or `rtu:PATH[:BAUD]`; of another device,
 * what it has in the first hundred registers of each table. The exit code: 0; 1 when it does not answer, 2
 * when there is no such place, with a sentence on standard error. */
int scan(const char *place, int unit, FILE *to);

#endif

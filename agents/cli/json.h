/* JSON documents on standard output: one per run, with "version" first; and the numbers in them. */
#ifndef AGENTS_CLI_JSON_H
#define AGENTS_CLI_JSON_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* An object that holds "version". Aborts when memory is exhausted. */
json_t *json_document(void);

/* A real; null for a NaN or an infinity, which JSON does not have. */
json_t *json_number(double value);

/* mW as kW, micro-$ as $: the double nearest to millionths / 1000000. */
json_t *json_millionths(int64_t millionths);

/* Prints the document with 15 significant digits (which render every six-decimal number as it is written) and
 * a line end, and frees it. */
void json_print(FILE *to, json_t *document);

/* The same on one line, for streams. */
void json_print_line(FILE *to, json_t *document);

#endif

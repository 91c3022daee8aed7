/* A table of texts: rows of cells under columns, printed aligned for people (here) or as CSV (csv.h). */
#ifndef AGENTS_CLI_TABLE_H
#define AGENTS_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 16

struct table_column {
    const char *title; /* for people: "power kW" */
    const char *key;   /* for CSV, with its unit: "power_kw" */
    bool right;        /* aligned to the right: numbers */
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    char **cells; /* row_count * column_count, malloc'd */
    size_t row_count, row_capacity;
    size_t foot; /* rows from this one on stand under a rule; SIZE_MAX: none */
};

/* An empty table over columns[column_count], borrowed; column_count is 1 … TABLE_COLUMNS_MAX. */
struct table table_of(const struct table_column *columns, size_t column_count);

/* Appends a row of column_count cells, copied; NULL is an empty cell. Aborts when memory is exhausted. */
void table_add(struct table *table, const char *const *cells);

/* The rows added from now on are totals: people see them under a rule, CSV leaves them out. */
void table_totals(struct table *table);

/* Prints it with a header line; `colour` makes the header bold. Widths count UTF-8 characters. */
void table_print(const struct table *table, FILE *to, bool colour);

/* Frees the cells; the table is empty again. */
void table_free(struct table *table);

#endif

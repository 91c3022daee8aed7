#include "agents/cli/table.h"

#include <busbar/check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct table table_of(const struct table_column *columns, size_t column_count)
{
    CHECK(column_count >= 1 && column_count <= TABLE_COLUMNS_MAX);
    return (struct table){.columns = columns, .column_count = column_count, .foot = SIZE_MAX};
}

void table_add(struct table *table, const char *const *cells)
{
    if (table->row_count == table->row_capacity) {
        table->row_capacity = table->row_capacity == 0 ? 16 : 2 * table->row_capacity;
        table->cells =
            realloc(table->cells, table->row_capacity * table->column_count * sizeof *table->cells);
        CHECK(table->cells != NULL);
    }
    char **row = table->cells + table->row_count * table->column_count;
    for (size_t i = 0; i < table->column_count; i++) {
        row[i] = strdup(cells[i] == NULL ? "" : cells[i]);
        CHECK(row[i] != NULL);
    }
    table->row_count++;
}

void table_totals(struct table *table)
{
    table->foot = table->row_count;
}

/* Characters of a UTF-8 text: its bytes that continue none. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void put_cell(FILE *to, const char *text, size_t width, bool right, bool last)
{
    size_t pad = width - width_of(text);
    if (right)
        fprintf(to, "%*s%s", (int)pad, "", text);
    else
        fprintf(to, "%s%*s", text, last ? 0 : (int)pad, "");
    fputs(last ? "\n" : "  ", to);
}

/* Prints a row; nothing but the line's end follows its last cell that is not empty. */
static void put_row(FILE *to, const char *const *cells, const size_t *widths,
                    const struct table_column *columns, size_t count)
{
    size_t last = count - 1;
    while (last > 0 && *cells[last] == '\0')
        last--;
    if (*cells[last] == '\0')
        fputc('\n', to);
    for (size_t i = 0; i <= last && *cells[last] != '\0'; i++)
        put_cell(to, cells[i], widths[i], columns[i].right, i == last);
}

static void put_rule(const size_t *widths, size_t count, FILE *to)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < widths[i]; k++)
            fputs("─", to);
        fputs(i + 1 == count ? "\n" : "  ", to);
    }
}

void table_print(const struct table *table, FILE *to, bool colour)
{
    size_t widths[TABLE_COLUMNS_MAX];
    for (size_t i = 0; i < table->column_count; i++) {
        widths[i] = width_of(table->columns[i].title);
        for (size_t row = 0; row < table->row_count; row++) {
            size_t width = width_of(table->cells[row * table->column_count + i]);
            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    size_t last = table->column_count - 1;
    fputs(colour ? "\033[1m" : "", to);
    for (size_t i = 0; i <= last; i++)
        put_cell(to, table->columns[i].title, widths[i], table->columns[i].right, i == last);
    fputs(colour ? "\033[0m" : "", to);
    for (size_t row = 0; row < table->row_count; row++) {
        if (row == table->foot)
            put_rule(widths, table->column_count, to);
        put_row(to, (const char *const *)table->cells + row * table->column_count, widths, table->columns,
                table->column_count);
    }
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->row_count * table->column_count; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = table_of(table->columns, table->column_count);
}

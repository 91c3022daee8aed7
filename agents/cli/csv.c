#include "agents/cli/csv.h"

#include <string.h>

static void put_field(FILE *to, const char *field)
{
    if (strpbrk(field, ",\"\r\n") == NULL) {
        fputs(field, to);
        return;
    }
    fputc('"', to);
    for (; *field != '\0'; field++) {
        if (*field == '"')
            fputc('"', to);
        fputc(*field, to);
    }
    fputc('"', to);
}

void csv_record(FILE *to, const char *const *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            fputc(',', to);
        put_field(to, fields[i]);
    }
    fputs("\r\n", to);
}

void csv_table(FILE *to, const struct table *table)
{
    const char *keys[TABLE_COLUMNS_MAX];
    for (size_t i = 0; i < table->column_count; i++)
        keys[i] = table->columns[i].key;
    csv_record(to, keys, table->column_count);
    size_t rows = table->foot < table->row_count ? table->foot : table->row_count;
    for (size_t row = 0; row < rows; row++)
        csv_record(to, (const char *const *)table->cells + row * table->column_count, table->column_count);
}

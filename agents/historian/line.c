#include "agents/historian/line.h"

#include "agents/historian/json_out.h"

#include <inttypes.h>

/* A tag's value: no line end fits into one, and a backslash at its end would escape what follows. */
static void put_tag(FILE *to, struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        if (c == ',' || c == '=' || c == ' ')
            fputc('\\', to);
        fputc(c == '\n' || c == '\r' ? '_' : c == '\\' ? '/' : c, to);
    }
}

static void put_string(FILE *to, struct bytes text)
{
    fputc('"', to);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            fputc('\\', to);
        fputc(text.data[i], to);
    }
    fputc('"', to);
}

void line_write(FILE *to, struct bytes series, int64_t time_us, const struct value *value)
{
    fputs(LINE_MEASUREMENT ",topic=", to);
    put_tag(to, series);
    switch (value->kind) {
    case VALUE_INTEGER:
        fprintf(to, " value=%" PRId64, value->integer);
        break;
    case VALUE_REAL:
        fputs(" value=", to);
        json_out_real(to, value->real);
        break;
    case VALUE_BOOLEAN:
        fprintf(to, " flag=%s", value->integer != 0 ? "true" : "false");
        break;
    case VALUE_TEXT:
        fputs(" text=", to);
        put_string(to, value->text);
        break;
    }
    fprintf(to, " %" PRId64 "\n", time_us);
}

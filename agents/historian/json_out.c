#include "agents/historian/json_out.h"

#include <inttypes.h>
#include <stdlib.h>

void json_out_text(FILE *to, struct bytes text)
{
    size_t from = 0;
    fputc('"', to);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        fwrite(text.data + from, 1, i - from, to);
        from = i + 1;
        if (c < 0x20)
            fprintf(to, "\\u%04x", c);
        else
            fprintf(to, "\\%c", c);
    }
    if (text.size > from)
        fwrite(text.data + from, 1, text.size - from, to);
    fputc('"', to);
}

void json_out_real(FILE *to, double value)
{
    char text[40];
    int digits = 15;
    do
        snprintf(text, sizeof text, "%.*g", digits, value);
    while (strtod(text, NULL) != value && ++digits <= 17);
    fputs(text, to);
    /* So that it stays a real for who reads it. */
    if (strpbrk(text, ".e") == NULL)
        fputs(".0", to);
}

void json_out_value(FILE *to, const struct value *value)
{
    switch (value->kind) {
    case VALUE_INTEGER:
        fprintf(to, "%" PRId64, value->integer);
        break;
    case VALUE_REAL:
        json_out_real(to, value->real);
        break;
    case VALUE_BOOLEAN:
        fputs(value->integer != 0 ? "true" : "false", to);
        break;
    case VALUE_TEXT:
        json_out_text(to, value->text);
        break;
    }
}

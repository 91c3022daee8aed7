#include "agents/cli/json.h"

#include <busbar/check.h>
#include <math.h>

json_t *json_document(void)
{
    json_t *document = json_pack("{s:i}", "version", JSON_DOCUMENT_VERSION);
    CHECK(document != NULL);
    return document;
}

json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_millionths(int64_t millionths)
{
    return json_real((double)millionths / 1e6);
}

static void print(FILE *to, json_t *document, size_t flags)
{
    CHECK(document != NULL);
    if (json_dumpf(document, to, flags | JSON_REAL_PRECISION(15)) == 0)
        fputc('\n', to);
    json_decref(document);
}

void json_print(FILE *to, json_t *document)
{
    print(to, document, JSON_INDENT(2));
}

void json_print_line(FILE *to, json_t *document)
{
    print(to, document, JSON_COMPACT);
}

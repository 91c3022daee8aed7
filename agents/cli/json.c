#include "agents/cli/json.h"

#include "agents/views/views.h"

#include <busbar/check.h>
#include <math.h>

json_t *json_document(void)
{
    return views_document();
}

json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_millionths(int64_t millionths)
{
    return views_millionths(millionths);
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

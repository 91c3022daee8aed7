#include "agents/web/files.h"

#include "agents/web/exchange_state.h"

#include <stdlib.h>
#include <string.h>

/* The addresses of the pages: one application serves them all. */
static const char *const pages[] = {"/", "/dispatch", "/market", "/chain", "/bus", "/agents", "/alarms"};

static int compare(const void *path, const void *file)
{
    return strcmp(path, ((const struct file *)file)->path);
}

const struct file *files_find(const char *path)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (strcmp(path, pages[i]) == 0)
            path = "/index.html";
    return bsearch(path, file_table, file_count, sizeof *file_table, compare);
}

/* Whether a header names gzip; "gzip;q=0" is not what anybody sends. */
static bool takes_packed(const struct exchange *x)
{
    const char *codings = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Accept-Encoding");
    return codings != NULL && strstr(codings, "gzip") != NULL && strstr(codings, "gzip;q=0") == NULL;
}

static bool known(const struct exchange *x, const struct file *file)
{
    const char *tags = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "If-None-Match");
    return tags != NULL && (strcmp(tags, "*") == 0 || strstr(tags, file->tag) != NULL);
}

void files_handle(void *context, struct exchange *exchange)
{
    const struct file *file = files_find(exchange_path(exchange));
    (void)context;
    if (file == NULL) {
        exchange_fail(exchange, 404, "not-found", "there is no %.200s here", exchange_path(exchange));
        return;
    }
    bool same = known(exchange, file), packed = takes_packed(exchange);
    /* MHD's buffers are not const; a persistent one is only read. */
    const unsigned char *data = packed ? file->packed : file->plain;
    size_t size = same ? 0 : packed ? file->packed_size : file->plain_size;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT);
    if (!same)
        exchange_header(response, "Content-Type", file->type);
    if (packed && !same)
        exchange_header(response, "Content-Encoding", "gzip");
    exchange_header(response, "Vary", "Accept-Encoding");
    exchange_header(response, "ETag", file->tag);
    exchange_header(response, "Cache-Control", "no-cache");
    exchange_answer(exchange, same ? 304 : 200, response);
}

/* What an agent prints, in pieces: every line is valid text without control characters and within its bound,
 * and where the pieces are cut changes nothing. The same bytes as a line of /proc/<pid>/stat. */
#include "agents/host/line.h"
#include "agents/host/procfs.h"

#include <busbar/check.h>
#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of all lines of one reading. */
struct sum {
    uint64_t hash;
    size_t lines, bytes;
};

static void on_line(void *context, const char *text, size_t size)
{
    struct sum *sum = context;
    json_t *string = json_stringn(text, size);
    CHECK(string != NULL); /* UTF-8 */
    json_decref(string);
    CHECK(size <= (size_t)3 * LINE_MAX_BYTES && text[size] == '\0');
    for (size_t i = 0; i < size; i++) {
        CHECK((uint8_t)text[i] >= 0x20 || text[i] == '\t');
        sum->hash = (sum->hash ^ (uint8_t)text[i]) * 0x100000001b3u;
    }
    sum->hash = (sum->hash ^ '\n') * 0x100000001b3u;
    sum->lines++;
    sum->bytes += size;
}

static struct sum read_all(struct bytes text, size_t piece)
{
    static struct line line;
    struct sum sum = {.hash = 1};
    for (size_t at = 0; at < text.size; at += piece)
        line_take(&line, (struct bytes){text.data + at, text.size - at < piece ? text.size - at : piece},
                  on_line, &sum);
    line_end(&line, on_line, &sum);
    line = (struct line){.size = 0};
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct procfs_stat stat;
    struct bytes text = {data, size};
    struct sum whole = read_all(text, size + 1), pieces = read_all(text, size > 0 ? 1 + data[0] % 7 : 1);
    CHECK(whole.hash == pieces.hash && whole.lines == pieces.lines && whole.bytes == pieces.bytes);
    char *copy = malloc(size + 1);
    CHECK(copy != NULL);
    memcpy(copy, data, size);
    copy[size] = '\0';
    (void)!procfs_parse(copy, &stat);
    free(copy);
    return 0;
}

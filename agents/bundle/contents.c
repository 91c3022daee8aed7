#include "agents/bundle/contents.h"

#include "ledger/crypto/hash.h"
#include "ledger/crypto/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A hash of 64 digits, a mode of 4, a size of at most 20, three spaces, the path, a line feed, NUL. */
#define LINE_ROOM (64 + 4 + 20 + 3 + ENTRY_PATH_MAX + 2)

static size_t line_of(const struct entry *entry, char line[LINE_ROOM])
{
    char hex[HEX_HASH];
    struct hash hash = hash_sha256(&entry->data, 1);
    hex_format((struct bytes){hash.bytes, sizeof hash.bytes}, hex);
    int length = snprintf(line, LINE_ROOM, "%s %s %zu %s\n", hex + 2, entry->executable ? "0755" : "0644",
                          entry->data.size, entry->path);
    return (size_t)length;
}

enum status contents_write(const struct entry *const *list, size_t count, char **text_out, size_t *size_out)
{
    size_t used = 0;
    char *text = malloc(count * LINE_ROOM + 1);
    if (text == NULL)
        return BB_FULL;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        used += line_of(list[i], text + used);
    *text_out = text;
    *size_out = used;
    return BB_OK;
}

/* A line as it stands in the file. */
struct line {
    char hash[65], mode[5], size[21], path[ENTRY_PATH_MAX + 1];
};

/* The next line; false when it is none. */
static bool next_line(struct bytes *text, struct line *out)
{
    char copy[LINE_ROOM];
    const uint8_t *end = text->size > 0 ? memchr(text->data, '\n', text->size) : NULL;
    size_t length = end != NULL ? (size_t)(end - text->data) : 0;
    if (end == NULL || length >= sizeof copy || memchr(text->data, '\0', length) != NULL)
        return false;
    memcpy(copy, text->data, length);
    copy[length] = '\0';
    if (sscanf(copy, "%64s %4s %20s %255[^\n]", out->hash, out->mode, out->size, out->path) != 4)
        return false;
    text->data += length + 1;
    text->size -= length + 1;
    return true;
}

static enum status wrong(struct bb_reason *reason, const char *path, const char *what)
{
    char shown[96];
    bb_reason_say(reason, "%s %s", entry_shown(path, shown), what);
    return BB_MALFORMED;
}

/* Why `line` is not `expected`, the line of `entry`. */
static enum status tell(const struct line *line, const char *expected, const struct entry *entry,
                        struct bb_reason *reason)
{
    int order = strcmp(line->path, entry->path);
    if (order < 0)
        return wrong(reason, line->path, "stands in `contents`, but not in the archive");
    if (order > 0)
        return wrong(reason, entry->path, "is in the archive, but does not stand in `contents`");
    if (strncmp(line->hash, expected, 64) != 0)
        return wrong(reason, entry->path, "has another hash than in `contents`: it was altered");
    if (strncmp(line->mode, expected + 65, 4) != 0)
        return wrong(reason, entry->path, "has another mode than in `contents`");
    return wrong(reason, entry->path,
                 "has another size than in `contents`, or its line there is written in another way");
}

enum status contents_check(struct bytes text, const struct entry *const *list, size_t count,
                           struct bb_reason *reason)
{
    struct line line;
    char expected[LINE_ROOM];
    for (size_t i = 0; i < count; i++) {
        if (text.size == 0)
            return wrong(reason, list[i]->path, "is in the archive, but does not stand in `contents`");
        struct bytes rest = text;
        size_t length = line_of(list[i], expected);
        if (text.size >= length && memcmp(text.data, expected, length) == 0) {
            text = (struct bytes){text.data + length, text.size - length};
            continue;
        }
        if (!next_line(&rest, &line))
            return wrong(reason, ENTRY_CONTENTS, "has a line that is none");
        return tell(&line, expected, list[i], reason);
    }
    if (text.size == 0)
        return BB_OK;
    if (!next_line(&text, &line))
        return wrong(reason, ENTRY_CONTENTS, "has a line that is none");
    return wrong(reason, line.path, "stands in `contents`, but not in the archive");
}

struct hash contents_digest(struct bytes text)
{
    return hash_sha256(&text, 1);
}

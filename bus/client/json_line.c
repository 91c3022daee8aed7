#include "bus/client/json_line.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static enum status read_file(const char *path, char **text_out, size_t *size_out, struct bb_reason *reason)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        bb_reason_say(reason, "%s: %s", path, strerror(errno));
        return errno == ENOENT ? BB_NOT_FOUND : BB_IO;
    }
    size_t capacity = 4096, size = 0;
    char *text = malloc(capacity);
    enum status status = text != NULL ? BB_OK : BB_FULL;
    while (status == BB_OK) {
        size_t got = fread(text + size, 1, capacity - 1 - size, file);
        size += got;
        if (got == 0)
            break;
        if (size == capacity - 1) {
            char *wider = capacity < JSON_TEXT_MAX ? realloc(text, capacity * 2) : NULL;
            status = wider != NULL ? BB_OK : BB_FULL;
            text = wider != NULL ? wider : text;
            capacity *= 2;
        }
    }
    if (status == BB_OK && ferror(file))
        status = BB_IO;
    fclose(file);
    if (status != BB_OK) {
        bb_reason_say(reason, "%s: %s", path,
                      status == BB_IO ? "cannot be read" : "too large for a configuration");
        free(text);
        return status;
    }
    text[size] = '\0';
    *text_out = text;
    *size_out = size;
    return BB_OK;
}

enum status json_text_load(const char *path, struct json_text *text_out, json_t **root_out,
                           struct bb_reason *reason)
{
    struct json_text text = {.file = path};
    enum status status = read_file(path, &text.text, &text.size, reason);
    if (status != BB_OK)
        return status;
    json_error_t error;
    json_t *root = json_loadb(text.text, text.size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        bb_reason_say(reason, "%s:%d: %s", path, error.line > 0 ? error.line : 1, error.text);
        json_text_free(&text);
        return BB_MALFORMED;
    }
    *text_out = text;
    *root_out = root;
    return BB_OK;
}

void json_text_free(struct json_text *text)
{
    free(text->text);
    text->text = NULL;
    text->size = 0;
}

/* The next place at or after `from` where `word` stands between quotes; NULL when there is none. */
static const char *quoted(const char *from, const char *word, size_t length)
{
    for (const char *at = from; (at = strstr(at, word)) != NULL; at++)
        if (at > from && at[-1] == '"' && at[length] == '"')
            return at;
    return NULL;
}

static int line_at(const struct json_text *text, const char *at)
{
    int line = 1;
    for (const char *c = text->text; c < at; c++)
        line += *c == '\n';
    return line;
}

int json_line_of(const struct json_text *text, const char *key, size_t nth)
{
    size_t length = strlen(key);
    const char *at = length > 0 ? quoted(text->text, key, length) : NULL;
    while (at != NULL) {
        const char *after = at + length + 1;
        if (after[strspn(after, " \t\r\n")] == ':' && nth-- == 0)
            return line_at(text, at);
        at = quoted(at + length, key, length);
    }
    return 1;
}

int json_line_of_value(const struct json_text *text, const char *value, int line)
{
    const char *from = text->text;
    for (int passed = 1; passed < line && from != NULL; passed++) {
        from = strchr(from, '\n');
        from = from != NULL ? from + 1 : NULL;
    }
    const char *at = from != NULL && *value != '\0' ? quoted(from, value, strlen(value)) : NULL;
    return at != NULL ? line_at(text, at) : line;
}

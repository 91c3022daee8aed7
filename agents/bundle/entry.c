#include "agents/bundle/entry.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool is_utf8(const char *text)
{
    json_t *string = json_string(text); /* which takes nothing else */
    bool good = string != NULL;
    json_decref(string);
    return good;
}

/* One part of a path, between two slashes. */
static const char *part_wrong(const char *part, size_t length)
{
    if (length == 0)
        return "has an empty part in its path";
    if (length == 1 && part[0] == '.')
        return "has a part `.` in its path";
    if (length == 2 && part[0] == '.' && part[1] == '.')
        return "climbs out of the bundle";
    return NULL;
}

const char *entry_path_wrong(const char *path)
{
    if (*path == '\0')
        return "has no path";
    if (*path == '/')
        return "has an absolute path";
    if (strlen(path) > ENTRY_PATH_MAX)
        return "has a path of more than 255 bytes";
    for (const char *c = path; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 127 || *c == '\\')
            return *c == '\\' ? "has a backslash in its path" : "has a control character in its path";
    if (!is_utf8(path))
        return "has a path that is not UTF-8";
    for (const char *part = path;;) {
        size_t length = strcspn(part, "/");
        const char *wrong = part_wrong(part, length);
        if (wrong != NULL || part[length] == '\0')
            return wrong;
        part += length + 1;
    }
}

static int by_path(const void *a, const void *b)
{
    return strcmp((*(const struct entry *const *)a)->path, (*(const struct entry *const *)b)->path);
}

void entry_sort(const struct entry **list, size_t count)
{
    if (count > 0)
        qsort(list, count, sizeof *list, by_path);
}

/* True when a folder of the path is the path of a file. */
static bool below_file(const struct entry *const *list, size_t count, const char *path)
{
    char folder[ENTRY_PATH_MAX + 1];
    struct entry key = {.path = folder};
    const struct entry *sought = &key;
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash - path] = '\0';
        if (bsearch(&sought, list, count, sizeof *list, by_path) != NULL)
            return true;
    }
    return false;
}

const char *entry_list_wrong(const struct entry *const *list, size_t count, size_t *at_out)
{
    for (size_t i = 0; i < count; i++) {
        *at_out = i;
        if (i > 0 && strcmp(list[i - 1]->path, list[i]->path) == 0)
            return "is there twice";
        if (below_file(list, count, list[i]->path))
            return "lies below a file";
    }
    return NULL;
}

char *entry_shown(const char *path, char text[96])
{
    snprintf(text, 96, "\"%.80s\"", path);
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c >= 127 || (unsigned char)*c >= 128)
            *c = '?';
    return text;
}

#include "agents/care/inventory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define VERSION     1
#define ENTRIES_MAX 1000000
#define FILE_ROOM   1100
#define MODE_PLACES 4

static const char *const kinds[] = {"folder", "file", "database"};

json_t *inventory_new(const char *home)
{
    char text[32];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_pack("{s:i, s:s, s:s, s:s, s:[]}", "version", VERSION, "program", BUSBAR_VERSION, "made",
                     text, "home", home, "entries");
}

enum status inventory_add(json_t *manifest, const struct inventory_entry *entry, struct bb_reason *reason)
{
    char mode[8];
    snprintf(mode, sizeof mode, "%04o", entry->mode & 07777);
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", kinds[entry->kind], "path", entry->path,
                            "mode", mode, "owner", entry->owner, "group", entry->group);
    if (row == NULL) {
        bb_reason_say(reason, "%s: its name is no UTF-8 text", entry->path);
        return BB_MALFORMED;
    }
    if (entry->kind != INVENTORY_FOLDER) {
        json_object_set_new(row, "size", json_integer((json_int_t)entry->size));
        json_object_set_new(row, "sha256", json_string(entry->sha256));
    }
    if (entry->kind == INVENTORY_DATABASE) {
        json_object_set_new(row, "application", json_integer(entry->application));
        json_object_set_new(row, "format", json_integer(entry->format));
    }
    json_array_append_new(json_object_get(manifest, "entries"), row);
    return BB_OK;
}

size_t inventory_count(const json_t *manifest)
{
    return json_array_size(json_object_get(manifest, "entries"));
}

static const char *text_of(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text != NULL ? text : "";
}

void inventory_entry(const json_t *manifest, size_t index, struct inventory_entry *out)
{
    const json_t *row = json_array_get(json_object_get(manifest, "entries"), index);
    *out = (struct inventory_entry){.mode = (unsigned)strtoul(text_of(row, "mode"), NULL, 8),
                                    .size = (uint64_t)json_integer_value(json_object_get(row, "size")),
                                    .application = json_integer_value(json_object_get(row, "application")),
                                    .format = json_integer_value(json_object_get(row, "format"))};
    while (out->kind < INVENTORY_DATABASE && strcmp(kinds[out->kind], text_of(row, "kind")) != 0)
        out->kind++;
    snprintf(out->path, sizeof out->path, "%s", text_of(row, "path"));
    snprintf(out->owner, sizeof out->owner, "%s", text_of(row, "owner"));
    snprintf(out->group, sizeof out->group, "%s", text_of(row, "group"));
    snprintf(out->sha256, sizeof out->sha256, "%s", text_of(row, "sha256"));
}

/* Relative, of parts that are names, without control characters; or "" for the home itself. */
static bool is_path(const char *path)
{
    if (strlen(path) >= INVENTORY_PATH_ROOM)
        return false;
    for (const char *c = path; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '\\')
            return false;
    for (const char *part = path; *path != '\0';) {
        size_t size = strcspn(part, "/");
        if (size == 0 || (size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        if (part[size] == '\0')
            break;
        part += size + 1;
    }
    return true;
}

static bool is_digits(const char *text, size_t count, const char *digits)
{
    return strlen(text) == count && strspn(text, digits) == count;
}

/* The folder that `path` is in, in parent[INVENTORY_PATH_ROOM]. */
static void parent_of(const char *path, char *parent)
{
    const char *slash = strrchr(path, '/');
    snprintf(parent, INVENTORY_PATH_ROOM, "%.*s", slash == NULL ? 0 : (int)(slash - path), path);
}

/* What is wrong with a row, NULL: nothing. `folders` and `names`: objects whose keys were there before. */
static const char *fault_of(const json_t *row, json_t *folders, json_t *names)
{
    const char *path = text_of(row, "path"), *kind = text_of(row, "kind");
    char parent[INVENTORY_PATH_ROOM];
    bool folder = strcmp(kind, "folder") == 0, database = strcmp(kind, "database") == 0;
    if (!json_is_string(json_object_get(row, "path")) || !is_path(path))
        return "its path is not one below a home";
    if (!folder && !database && strcmp(kind, "file") != 0)
        return "its kind is none of folder, file and database";
    if (!is_digits(text_of(row, "mode"), MODE_PLACES, "01234567"))
        return "its mode is not four octal digits";
    if (strlen(text_of(row, "owner")) >= INVENTORY_NAME_ROOM ||
        strlen(text_of(row, "group")) >= INVENTORY_NAME_ROOM)
        return "its owner's name is too long";
    if (!folder && (!json_is_integer(json_object_get(row, "size")) ||
                    json_integer_value(json_object_get(row, "size")) < 0 ||
                    !is_digits(text_of(row, "sha256"), COPY_HASH_ROOM - 1, "0123456789abcdef")))
        return "it has no size and hash";
    if (json_object_get(names, path) != NULL)
        return "it is named twice";
    parent_of(path, parent);
    if (*path == '\0' ? !folder || json_object_size(names) > 0 : json_object_get(folders, parent) == NULL)
        return "its folder is not named before it";
    json_object_set_new(names, path, json_true());
    if (folder)
        json_object_set_new(folders, path, json_true());
    return NULL;
}

static enum status check(const json_t *manifest, const char *file, struct bb_reason *reason)
{
    const json_t *entries = json_object_get(manifest, "entries"), *row;
    json_int_t version = json_integer_value(json_object_get(manifest, "version"));
    size_t i;
    const char *fault = NULL;
    if (version > VERSION) {
        bb_reason_say(reason, "%s: a backup of version %" JSON_INTEGER_FORMAT " is of a newer Busbar", file,
                      version);
        return BB_VERSION;
    }
    if (version != VERSION || !json_is_array(entries) || json_array_size(entries) == 0 ||
        json_array_size(entries) > ENTRIES_MAX) {
        bb_reason_say(reason, "%s: this is no manifest of a backup", file);
        return BB_MALFORMED;
    }
    json_t *folders = json_object(), *names = json_object();
    json_array_foreach(entries, i, row)
    {
        fault = fault_of(row, folders, names);
        if (fault != NULL) {
            bb_reason_say(reason, "%s: entry %zu, \"%.200s\": %s", file, i, text_of(row, "path"), fault);
            break;
        }
    }
    json_decref(folders);
    json_decref(names);
    return fault == NULL ? BB_OK : BB_MALFORMED;
}

enum status inventory_read(const char *folder, struct bb_reason *reason, json_t **out)
{
    char path[FILE_ROOM];
    json_error_t error;
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    if (access(path, F_OK) != 0) {
        bb_reason_say(reason, "%s: %s; a backup that was not finished has none", path, strerror(errno));
        return BB_NOT_FOUND;
    }
    json_t *manifest = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (manifest == NULL) {
        bb_reason_say(reason, "%s:%d: %s", path, error.line, error.text);
        return BB_MALFORMED;
    }
    enum status status = check(manifest, path, reason);
    if (status == BB_OK)
        *out = manifest;
    else
        json_decref(manifest);
    return status;
}

enum status inventory_write(const json_t *manifest, const char *folder, struct bb_reason *reason)
{
    char path[FILE_ROOM], draft[FILE_ROOM + 8];
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    snprintf(draft, sizeof draft, "%s.new", path);
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = fd >= 0 && json_dumpfd(manifest, fd, JSON_INDENT(1)) == 0 && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0)
        done = false;
    if (done && rename(draft, path) == 0)
        return BB_OK;
    bb_reason_say(reason, "%s: %s", path, strerror(errno));
    return BB_IO;
}

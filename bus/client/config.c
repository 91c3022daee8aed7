#include "bus/client/config.h"

#include "bus/client/json_line.h"

#include <busbar/check.h>
#include <busbar/limits.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4096

/* Where a value came from, for its error text. */
struct origin {
    const char *file; /* NULL: a flag */
    int line;
};

static void *place(const struct setting *s, void *target)
{
    return (char *)target + s->offset;
}

static double highest(const struct setting *s)
{
    bool counted = s->kind == SETTING_TEXT || s->kind == SETTING_LIST;
    return counted && s->low == 0 && s->high == 0 ? TEXT_MAX : s->high;
}

static void words_text(const struct setting *s, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; s->words[i] != NULL && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", s->words[i]);
}

/* "an integer of 1 … 65535 ms" */
static void expected_text(const struct setting *s, char *out, size_t size)
{
    const char *gap = s->unit != NULL ? " " : "", *unit = s->unit != NULL ? s->unit : "";
    char words[160];
    switch (s->kind) {
    case SETTING_TEXT:
        snprintf(out, size, "a text of %.0f to %.0f bytes", s->low, highest(s));
        break;
    case SETTING_INTEGER:
        snprintf(out, size, "an integer from %.0f to %.0f%s%s", s->low, s->high, gap, unit);
        break;
    case SETTING_REAL:
        snprintf(out, size, "a number from %g to %g%s%s", s->low, s->high, gap, unit);
        break;
    case SETTING_SWITCH:
        snprintf(out, size, "true or false");
        break;
    case SETTING_WORD:
        words_text(s, words, sizeof words);
        snprintf(out, size, "one of %s", words);
        break;
    case SETTING_LIST:
        snprintf(out, size, "a list of %.0f to %.0f texts", s->low, highest(s));
        break;
    }
}

static enum status refuse(const struct setting *s, const struct origin *origin, enum status status,
                          struct bb_reason *reason)
{
    char expected[256];
    expected_text(s, expected, sizeof expected);
    if (origin->file != NULL)
        bb_reason_say(reason, "%s:%d: \"%s\" must be %s", origin->file, origin->line, s->key, expected);
    else
        bb_reason_say(reason, "--%s (or \"%s\" in the file) must be %s", s->key, s->key, expected);
    return status;
}

static bool within(const struct setting *s, double value)
{
    return value >= s->low && value <= highest(s);
}

static char *copy_text(const char *text)
{
    char *copy = strdup(text);
    CHECK(copy != NULL);
    return copy;
}

static void list_add(struct setting_list *list, const char *text)
{
    char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    CHECK(items != NULL);
    items[list->count++] = copy_text(text);
    list->items = items;
}

static void list_free(struct setting_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct setting_list){NULL, 0};
}

static enum status set_text(const struct setting *s, const char *text, void *at)
{
    if (!within(s, (double)strlen(text)))
        return BB_RANGE;
    free(*(char **)at);
    *(char **)at = copy_text(text);
    return BB_OK;
}

static enum status set_word(const struct setting *s, const char *text, void *at)
{
    for (int i = 0; s->words[i] != NULL; i++)
        if (strcmp(s->words[i], text) == 0) {
            *(int *)at = i;
            return BB_OK;
        }
    return BB_RANGE;
}

static enum status set_integer(const struct setting *s, long long value, void *at)
{
    if (!within(s, (double)value))
        return BB_RANGE;
    *(int64_t *)at = value;
    return BB_OK;
}

static enum status set_real(const struct setting *s, double value, void *at)
{
    if (!isfinite(value) || !within(s, value))
        return BB_RANGE;
    *(double *)at = value;
    return BB_OK;
}

/* A value as a flag carries it. */
static enum status value_of_text(const struct setting *s, const char *text, void *at)
{
    char *end = NULL;
    errno = 0;
    switch (s->kind) {
    case SETTING_TEXT:
        return set_text(s, text, at);
    case SETTING_INTEGER: {
        long long value = strtoll(text, &end, 10);
        return end == text || *end != '\0' ? BB_MALFORMED : errno != 0 ? BB_RANGE : set_integer(s, value, at);
    }
    case SETTING_REAL: {
        double value = strtod(text, &end);
        return end == text || *end != '\0' ? BB_MALFORMED : set_real(s, value, at);
    }
    case SETTING_SWITCH:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return BB_MALFORMED;
        *(bool *)at = text[0] == 't';
        return BB_OK;
    case SETTING_WORD:
        return set_word(s, text, at);
    case SETTING_LIST:
        if (!within(s, (double)((struct setting_list *)at)->count + 1) || strlen(text) > TEXT_MAX)
            return BB_RANGE;
        list_add(at, text);
        return BB_OK;
    }
    return BB_MALFORMED;
}

static enum status list_of_json(const struct setting *s, const json_t *value, struct setting_list *list)
{
    struct setting_list fresh = {NULL, 0};
    if (!within(s, (double)json_array_size(value)))
        return BB_RANGE;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        /* What may have parts is an object in the file, and its JSON text as a flag. */
        char *object = json_is_object(item) && s->words != NULL ? json_dumps(item, JSON_COMPACT) : NULL;
        const char *text = object != NULL ? object : json_string_value(item);
        bool fits = text != NULL && strlen(text) <= TEXT_MAX;
        if (fits)
            list_add(&fresh, text);
        free(object);
        if (!fits) {
            list_free(&fresh);
            return BB_MALFORMED;
        }
    }
    list_free(list);
    *list = fresh;
    return BB_OK;
}

/* A value as the file carries it: its JSON type must be the setting's. */
static enum status value_of_json(const struct setting *s, const json_t *value, void *at)
{
    switch (s->kind) {
    case SETTING_TEXT:
        return json_is_string(value) ? set_text(s, json_string_value(value), at) : BB_MALFORMED;
    case SETTING_WORD:
        return json_is_string(value) ? set_word(s, json_string_value(value), at) : BB_MALFORMED;
    case SETTING_INTEGER:
        return json_is_integer(value) ? set_integer(s, json_integer_value(value), at) : BB_MALFORMED;
    case SETTING_REAL:
        return json_is_number(value) ? set_real(s, json_number_value(value), at) : BB_MALFORMED;
    case SETTING_SWITCH:
        if (!json_is_boolean(value))
            return BB_MALFORMED;
        *(bool *)at = json_is_true(value);
        return BB_OK;
    case SETTING_LIST:
        return json_is_array(value) ? list_of_json(s, value, at) : BB_MALFORMED;
    }
    return BB_MALFORMED;
}

/* Keys are written with _, flags with -; both are the same setting. */
static bool same_key(const char *key, const char *text, size_t length)
{
    if (strlen(key) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (key[i] != (text[i] == '-' ? '_' : text[i]))
            return false;
    return true;
}

static const struct setting *find(const struct config *config, const char *text, size_t length)
{
    for (size_t i = 0; i < config->count; i++)
        if (same_key(config->settings[i].key, text, length))
            return &config->settings[i];
    return NULL;
}

/* A list's preset holds its items separated by spaces. */
static void preset_list(const struct setting *s, struct setting_list *list)
{
    char *items = copy_text(s->preset), *rest = items, *item;
    while ((item = strsep(&rest, " ")) != NULL)
        if (*item != '\0')
            CHECK(value_of_text(s, item, list) == BB_OK);
    free(items);
}

void config_defaults(const struct config *config, void *target)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct setting *s = &config->settings[i];
        void *at = place(s, target);
        if (s->kind == SETTING_TEXT)
            *(char **)at = copy_text(s->preset != NULL ? s->preset : "");
        else if (s->kind == SETTING_LIST && s->preset != NULL)
            preset_list(s, at);
        else if (s->preset != NULL)
            CHECK(value_of_text(s, s->preset, at) == BB_OK);
    }
}

enum status config_set(const struct config *config, const char *key, const char *value, void *target,
                       struct bb_reason *reason)
{
    const struct setting *s = find(config, key, strlen(key));
    if (s == NULL) {
        bb_reason_say(reason, "--%s: there is no such setting; --help lists them", key);
        return BB_NOT_FOUND;
    }
    enum status status = value_of_text(s, value, place(s, target));
    return status == BB_OK ? BB_OK : refuse(s, &(struct origin){NULL, 0}, status, reason);
}

static enum status read_object(const struct config *config, const struct json_text *text, const json_t *root,
                               void *target, struct bb_reason *reason)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)root, key, value)
    {
        struct origin origin = {text->file, json_line_of(text, key, 0)};
        const struct setting *s = find(config, key, strlen(key));
        if (s == NULL) {
            bb_reason_say(reason, "%s:%d: unknown key \"%.64s\"; %s --help lists the keys", origin.file,
                          origin.line, key, config->program);
            return BB_MALFORMED;
        }
        enum status status = value_of_json(s, value, place(s, target));
        if (status != BB_OK)
            return refuse(s, &origin, status, reason);
    }
    return BB_OK;
}

enum status config_file(const struct config *config, const char *path, void *target, struct bb_reason *reason)
{
    struct json_text text;
    json_t *root;
    enum status status = json_text_load(path, &text, &root, reason);
    if (status != BB_OK)
        return status;
    if (json_is_object(root)) {
        status = read_object(config, &text, root, target, reason);
    } else {
        bb_reason_say(reason, "%s:1: must be a JSON object of settings", path);
        status = BB_MALFORMED;
    }
    json_decref(root);
    json_text_free(&text);
    return status;
}

enum status config_home(const char *home, const char *below, char *path_out, size_t size)
{
    const char *user = getenv("HOME"), *set = getenv("BUSBAR_HOME");
    bool given = home != NULL && home[0] != '\0';
    if (!given && set != NULL && set[0] != '\0') {
        home = set;
        given = true;
    }
    if (!given && (user == NULL || user[0] == '\0'))
        return BB_NOT_FOUND;
    char path[BB_PATH_MAX];
    int length = given ? snprintf(path, sizeof path, "%s", home)
                       : snprintf(path, sizeof path, "%s/.local/share/busbar", user);
    if (length < 0 || (size_t)length >= sizeof path)
        return BB_RANGE;
    length +=
        snprintf(path + length, sizeof path - (size_t)length, "%s%s", below[0] != '\0' ? "/" : "", below);
    if ((size_t)length >= sizeof path || (size_t)length >= size)
        return BB_RANGE;
    memcpy(path_out, path, (size_t)length + 1);
    return BB_OK;
}

enum status config_place(const char *home, char **path, struct bb_reason *reason)
{
    char whole[BB_PATH_MAX];
    if (**path == '\0' || **path == '/')
        return BB_OK;
    enum status status = config_home(home, *path, whole, sizeof whole);
    char *copy = status == BB_OK ? strdup(whole) : NULL;
    if (copy == NULL) {
        bb_reason_say(reason, "%.200s: there is no home folder, or the path is too long", *path);
        return status == BB_OK ? BB_FULL : status;
    }
    free(*path);
    *path = copy;
    return BB_OK;
}

void config_free(const struct config *config, void *target)
{
    for (size_t i = 0; i < config->count; i++) {
        void *at = place(&config->settings[i], target);
        if (config->settings[i].kind == SETTING_TEXT) {
            free(*(char **)at);
            *(char **)at = NULL;
        } else if (config->settings[i].kind == SETTING_LIST) {
            list_free(at);
        }
    }
}

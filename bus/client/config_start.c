/* The command line of a process: flags over the file, and what --help and --print-config print. */
#include "bus/client/config.h"

#include <busbar/limits.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const kind_words[] = {"TEXT", "INTEGER", "NUMBER", "true|false", "WORD", "TEXT…"};

static void print_range(const struct setting *s, FILE *to)
{
    if (s->kind == SETTING_INTEGER || s->kind == SETTING_REAL)
        fprintf(to, " %.10g to %.10g", s->low, s->high);
    if (s->unit != NULL)
        fprintf(to, " %s", s->unit);
    for (size_t i = 0; s->kind == SETTING_WORD && s->words[i] != NULL; i++)
        fprintf(to, "%s%s", i > 0 ? "|" : " ", s->words[i]);
    if (s->preset != NULL && s->preset[0] != '\0')
        fprintf(to, " [%s]", s->preset);
}

void config_help(const struct config *config, FILE *to)
{
    fprintf(
        to,
        "%s: %s\n\nusage: %s [--config FILE] [--SETTING VALUE …] [--print-config] [--help] [--version]\n\n",
        config->program, config->summary, config->program);
    fprintf(to, "Settings, as keys of the JSON file or as flags (which win):\n");
    for (size_t i = 0; i < config->count; i++) {
        const struct setting *s = &config->settings[i];
        fprintf(to, "  %-18s %s", s->key, kind_words[s->kind]);
        print_range(s, to);
        fprintf(to, "\n  %-18s   %s\n", "", s->help);
    }
}

static json_t *json_of(const struct setting *s, const void *at)
{
    switch (s->kind) {
    case SETTING_TEXT:
        return json_string(*(char *const *)at);
    case SETTING_INTEGER:
        return json_integer(*(const int64_t *)at);
    case SETTING_REAL:
        return json_real(*(const double *)at);
    case SETTING_SWITCH:
        return json_boolean(*(const bool *)at);
    case SETTING_WORD:
        return json_string(s->words[*(const int *)at]);
    case SETTING_LIST: {
        const struct setting_list *list = at;
        json_t *array = json_array();
        for (size_t i = 0; i < list->count; i++)
            json_array_append_new(array, json_string(list->items[i]));
        return array;
    }
    }
    return json_null();
}

void config_print(const struct config *config, const void *target, FILE *to)
{
    json_t *root = json_object();
    for (size_t i = 0; i < config->count; i++) {
        const struct setting *s = &config->settings[i];
        json_object_set_new(root, s->key, json_of(s, (const char *)target + s->offset));
    }
    json_dumpf(root, to, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    fputc('\n', to);
    json_decref(root);
}

/* One flag of the command line: --name, --name=value or --name value. */
struct flag {
    const char *name;
    const char *value; /* NULL: none follows */
    int taken;         /* arguments used */
};

static bool flag_at(int argc, char **argv, int i, struct flag *out, char name[64])
{
    const char *text = argv[i];
    if (strncmp(text, "--", 2) != 0 || text[2] == '\0')
        return false;
    const char *equals = strchr(text, '=');
    size_t length = equals != NULL ? (size_t)(equals - text - 2) : strlen(text + 2);
    if (length == 0 || length >= 64)
        return false;
    memcpy(name, text + 2, length);
    name[length] = '\0';
    *out = (struct flag){name, equals != NULL ? equals + 1 : NULL, 1};
    if (equals == NULL && i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0) {
        out->value = argv[i + 1];
        out->taken = 2;
    }
    return true;
}

static const struct setting *setting_of(const struct config *config, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "%s", name);
    for (char *c = key; *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->settings[i].key, key) == 0)
            return &config->settings[i];
    return NULL;
}

static bool truth_word(const char *text)
{
    return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

/* The first flag of a list replaces what the file said; further ones add. */
static void clear_list(const struct config *config, const struct setting *s, int argc, char **argv,
                       int before, void *target)
{
    char name[64];
    struct flag flag;
    for (int i = 1; i < before; i++)
        if (flag_at(argc, argv, i, &flag, name) && setting_of(config, name) == s)
            return;
    struct config alone = {config->program, config->summary, s, 1};
    config_free(&alone, target);
}

static enum status take_flags(const struct config *config, int argc, char **argv, void *target,
                              struct bb_reason *reason)
{
    char name[64];
    struct flag flag;
    for (int i = 1; i < argc; i += flag.taken) {
        if (!flag_at(argc, argv, i, &flag, name)) {
            bb_reason_say(reason, "%s: \"%.64s\" is not understood; --help lists the flags", config->program,
                          argv[i]);
            return BB_MALFORMED;
        }
        const struct setting *s = setting_of(config, name);
        if (s != NULL && s->kind == SETTING_SWITCH &&
            (flag.value == NULL || (flag.taken == 2 && !truth_word(flag.value))))
            flag = (struct flag){name, "true", 1};
        if (s == NULL && (strcmp(name, "print-config") == 0 || strcmp(name, "help") == 0))
            flag.taken = 1;
        else if (s == NULL && strcmp(name, "config") == 0)
            continue; /* taken before */
        else if (flag.value == NULL) {
            bb_reason_say(reason, "--%s needs a value, or is no flag of %s; --help lists them", name,
                          config->program);
            return BB_MALFORMED;
        } else {
            if (s != NULL && s->kind == SETTING_LIST)
                clear_list(config, s, argc, argv, i, target);
            enum status status = config_set(config, name, flag.value, target, reason);
            if (status != BB_OK)
                return status;
        }
    }
    return BB_OK;
}

/* --config FILE, wherever it stands; *missing_out when it has no value. */
static const char *config_argument(int argc, char **argv, bool *missing_out)
{
    char name[64];
    struct flag flag;
    for (int i = 1; i < argc; i++)
        if (flag_at(argc, argv, i, &flag, name) && strcmp(name, "config") == 0) {
            *missing_out = flag.value == NULL;
            return flag.value;
        }
    return NULL;
}

static bool has_flag(int argc, char **argv, const char *flag)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], flag) == 0)
            return true;
    return false;
}

enum status config_start(const struct config *config, int argc, char **argv, const char *file, void *target,
                         bool *done_out, struct bb_reason *reason)
{
    bool done = true, missing = false;
    config_defaults(config, target);
    if (has_flag(argc, argv, "--help")) {
        config_help(config, stdout);
    } else if (has_flag(argc, argv, "--version")) {
        printf("%s %s\n", config->program, BUSBAR_VERSION);
    } else {
        const char *given = config_argument(argc, argv, &missing);
        if (missing) {
            bb_reason_say(reason, "--config needs the name of a file");
            return BB_MALFORMED;
        }
        if (given == NULL && file != NULL && access(file, F_OK) == 0)
            given = file;
        enum status status = given != NULL ? config_file(config, given, target, reason) : BB_OK;
        if (status == BB_OK)
            status = take_flags(config, argc, argv, target, reason);
        if (status != BB_OK)
            return status;
        done = has_flag(argc, argv, "--print-config");
        if (done)
            config_print(config, target, stdout);
    }
    *done_out = done;
    return BB_OK;
}

/* Configuration of a process: one table says every setting's name, kind, range, unit, default and help, and
 * where it is stored; the JSON file, the flags, --print-config and --help all follow from it.
 *
 * The file is one flat JSON object; unknown keys, repeated keys, wrong types and values out of range are
 * refused with file, line and what is expected. Flags win over the file: --vip-port 22917 or --vip-port=22917
 * for the key "vip_port"; a switch alone means true; a list's flag may be repeated. Everything else on the
 * command line is refused. */
#ifndef BUS_CLIENT_CONFIG_H
#define BUS_CLIENT_CONFIG_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum setting_kind {
    SETTING_TEXT,    /* char *, malloc'd, never NULL; low … high bytes long */
    SETTING_INTEGER, /* int64_t, low … high */
    SETTING_REAL,    /* double, low … high */
    SETTING_SWITCH,  /* bool */
    SETTING_WORD,    /* int, the place in `words` */
    SETTING_LIST     /* struct setting_list; low … high texts */
};

struct setting_list {
    char **items;
    size_t count;
};

struct setting {
    const char *key; /* lower case, digits and _ */
    enum setting_kind kind;
    size_t offset;      /* offsetof the member in the caller's struct */
    double low, high;   /* inclusive; see the kind. low = high = 0 for a text or list: 0 … 4096 */
    const char *unit;   /* NULL: none */
    const char *preset; /* the default, as a flag's value; NULL: empty, 0, false, the first word */
    const char *const
        *words; /* for SETTING_WORD, ending in NULL; for SETTING_LIST: its items may be objects */
    const char *help;
};

struct config {
    const char *program; /* its name, for --help and errors */
    const char *summary; /* one sentence for --help */
    const struct setting *settings;
    size_t count;
};

/* Fills `target` (zeroed by the caller) with the defaults. A default outside its own range is a bug. */
void config_defaults(const struct config *config, void *target);

/* Reads a file over what is there. BB_NOT_FOUND, BB_IO, BB_MALFORMED (syntax, unknown key, type), BB_RANGE.
 */
BB_MUST_CHECK enum status config_file(const struct config *config, const char *path, void *target,
                                      struct bb_reason *reason);

/* Sets one key from a text, as a flag does (a list gets one more item). BB_NOT_FOUND, BB_MALFORMED, BB_RANGE.
 */
BB_MUST_CHECK enum status config_set(const struct config *config, const char *key, const char *value,
                                     void *target, struct bb_reason *reason);

/* The whole start of a program: defaults, then the file of --config FILE (or `file` when not NULL and it
 * exists), then the flags. --help, --version and --print-config print to standard output and set *done_out:
 * the program is to exit 0. On failure (statuses as above, BB_MALFORMED for a stray argument) the program
 * prints the reason and exits 2; `target` may then be given to config_free. */
BB_MUST_CHECK enum status config_start(const struct config *config, int argc, char **argv, const char *file,
                                       void *target, bool *done_out, struct bb_reason *reason);

/* Prints what is in force, as a JSON file that config_file would take. */
void config_print(const struct config *config, const void *target, FILE *to);

/* Prints the table for people. */
void config_help(const struct config *config, FILE *to);

/* Frees the texts and lists and zeroes them. */
void config_free(const struct config *config, void *target);

/* <home>/<below>, where home is the given one, else $BUSBAR_HOME, else ~/.local/share/busbar. path_out[size].
 * BB_RANGE when it does not fit, BB_NOT_FOUND without a home directory. */
BB_MUST_CHECK enum status config_home(const char *home, const char *below, char *path_out, size_t size);

/* Makes a relative path of a setting one below the home, `home` as for config_home; an empty or absolute one
 * stays. *path is malloc'd, before and after. BB_FULL, or as config_home, with a reason; *path then stays. */
BB_MUST_CHECK enum status config_place(const char *home, char **path, struct bb_reason *reason);

#endif

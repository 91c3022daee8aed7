/* Configurations as agents store them: their names, their three types, and the links between them. A name is
 * the same in any case of its letters; blanks and slashes around it do not count. A text "config://name" in a
 * configuration stands for that other configuration of the same agent. Pure: no store, no sockets.
 * Source: VOLTTRON's configuration store. */
#ifndef BUS_CONFIGS_CONFIG_TEXT_H
#define BUS_CONFIGS_CONFIG_TEXT_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <jansson.h>
#include <stdbool.h>

/* Bytes of a name, and of a configuration's text. */
#define CONFIG_NAME_MAX 255
#define CONFIG_TEXT_MAX (1024 * 1024)
/* A configuration with its links replaced: values in it, and how deep they may lie. */
#define CONFIG_VALUES_MAX 100000
#define CONFIG_DEPTH_MAX  256

/* Strips a name into name_out[CONFIG_NAME_MAX + 1]. BB_RANGE: nothing is left, it is too long, or it holds
 * control characters; the reason says what. */
BB_MUST_CHECK enum status config_text_name(const char *given, char *name_out, struct bb_reason *reason);

/* The value of `text` by its type: "raw" is the text itself; "json" an object or a list, with comments
 * (slashes or #) as VOLTTRON takes them; "csv" a list of objects by the first row's names. BB_NOT_FOUND: no
 * such type. BB_RANGE: longer than CONFIG_TEXT_MAX. BB_MALFORMED; the reason says where. */
BB_MUST_CHECK enum status config_text_parse(const char *type, const char *text, json_t **out,
                                            struct bb_reason *reason);

/* Gives a configuration's value by name, new; NULL: there is none. */
typedef json_t *config_lookup(void *context, const char *name);

/* True when `value`, stored as `name`, would contain itself through links of the others. */
bool config_text_is_cyclic(const char *name, json_t *value, config_lookup *lookup, void *context);

/* A copy with every link replaced by what it leads to, null where that is not there. BB_FULL: too large. */
BB_MUST_CHECK enum status config_text_resolve(json_t *value, config_lookup *lookup, void *context,
                                              json_t **out);

#endif

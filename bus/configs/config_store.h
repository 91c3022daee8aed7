/* Where configurations are kept: a SQLite file, one row for each, durable when a call returns. What cannot be
 * opened or written is said, never repaired by losing it. The only place in the bus that knows SQLite. */
#ifndef BUS_CONFIGS_CONFIG_STORE_H
#define BUS_CONFIGS_CONFIG_STORE_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdbool.h>

/* Configurations of one identity, and the bytes of their texts together. */
#define CONFIG_STORE_COUNT_MAX 1024
#define CONFIG_STORE_BYTES_MAX (8 * 1024 * 1024)
/* Pages of 4 KiB of the whole file: 256 MiB. */
#define CONFIG_STORE_PAGES_MAX 65536

struct config_store;

/* A configuration. Texts are UTF-8; `modified` is a time as VOLTTRON writes it. */
struct config_row {
    const char *name, *type, *data, *modified;
};

/* Called for a row, which is borrowed for the call. */
typedef void config_store_on_row(void *context, const struct config_row *row);

/* Opens or makes the file, mode 0600. BB_IO, BB_MALFORMED (no such database, or damaged), BB_VERSION (of a
 * newer Busbar); the reason names the file. */
BB_MUST_CHECK enum status config_store_open(const char *path, struct config_store **out,
                                            struct bb_reason *reason);

/* Accepts NULL. */
void config_store_close(struct config_store *store);

/* Stores a row in place of one with the same name in any case; *new_out says whether there was none. BB_FULL:
 * a bound above. BB_IO, BB_MALFORMED; the reason says what. */
BB_MUST_CHECK enum status config_store_put(struct config_store *store, const char *identity,
                                           const struct config_row *row, bool *new_out,
                                           struct bb_reason *reason);

/* Gives a row by name. BB_NOT_FOUND, BB_IO, BB_MALFORMED. */
BB_MUST_CHECK enum status config_store_get(struct config_store *store, const char *identity, const char *name,
                                           config_store_on_row *on_row, void *context,
                                           struct bb_reason *reason);

/* Gives every row of an identity, by name. BB_IO, BB_MALFORMED. */
BB_MUST_CHECK enum status config_store_each(struct config_store *store, const char *identity,
                                            config_store_on_row *on_row, void *context,
                                            struct bb_reason *reason);

/* Gives every identity that has a row, as `name`. BB_IO, BB_MALFORMED. */
BB_MUST_CHECK enum status config_store_identities(struct config_store *store, config_store_on_row *on_row,
                                                  void *context, struct bb_reason *reason);

/* Deletes one row, or with a NULL name all of the identity. BB_NOT_FOUND: there was none. BB_IO,
 * BB_MALFORMED.
 */
BB_MUST_CHECK enum status config_store_delete(struct config_store *store, const char *identity,
                                              const char *name, struct bb_reason *reason);

/* True when the file can be read but not written. */
bool config_store_is_readonly(const struct config_store *store);

#endif

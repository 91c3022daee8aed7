/* The home of an installation, as docs/architecture.md lays it out: making it, and reading its site file. */
#ifndef AGENTS_CLI_HOME_H
#define AGENTS_CLI_HOME_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Something that home_make has looked after. */
struct home_item {
    char path[512]; /* below the home: "keys/cli.json" */
    unsigned mode;
    bool made; /* false: it was there and is left as it is */
};

#define HOME_ITEMS_MAX 48

/* What home_make is to make besides. */
struct home_more {
    bool host;         /* the keys are those of a host's services (agents/cli/host.h), instead of a user's */
    const char *agent; /* the key of an agent of the user's own, or of one that comes with Busbar; NULL */
    const char *federation; /* this platform's name: what its federation-agent needs; NULL */
    char guest_key[64];  /* out, with `federation`: the key with which that agent goes to other platforms */
    char broker_key[64]; /* out: the broker's own */
};

/* Makes folders, keys and access.json under `home`, and what `more` names (NULL: nothing); what is there
 * stays. An agent of the user's own may hear all and publish below its name and its heartbeat.
 * items[HOME_ITEMS_MAX], *count_out of them. A key made now gets its entry in access.json; entries that are
 * there are never changed. BB_IO, BB_MALFORMED, BB_DENIED (a key file that others can read), BB_RANGE (home's
 * path too long for a socket, or a name that is none). */
BB_MUST_CHECK enum status home_make(const char *home, struct home_more *more, struct bb_reason *reason,
                                    struct home_item *items, size_t *count_out);

/* The home in force: `given`, else $BUSBAR_HOME, else ~/.local/share/busbar, to path_out[size]. BB_RANGE,
 * BB_NOT_FOUND. */
BB_MUST_CHECK enum status home_find(const char *given, struct bb_reason *reason, char *path_out, size_t size);

/* Makes a folder and those above it, mode 0700; *made_out is false when it is there. BB_IO. */
BB_MUST_CHECK enum status home_folder(const char *path, struct bb_reason *reason, bool *made_out);

/* The site file of `home`, parsed; NULL when there is none or it is no JSON object. The caller decrefs it. */
json_t *home_site(const char *home);

/* Writes `text` to a new file beside `path` and renames it over it, with `mode`. BB_IO. */
BB_MUST_CHECK enum status home_write(const char *path, const char *text, unsigned mode,
                                     struct bb_reason *reason);

#endif

/* federation.json: this platform's name, and the links to others. Source: busbar-federation(5). */
#ifndef AGENTS_FEDERATION_SETTINGS_H
#define AGENTS_FEDERATION_SETTINGS_H

#include "agents/federation/rules.h"

#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdint.h>

#define SETTINGS_LINKS_MAX 16
/* Prefixes or rules in one list. */
#define SETTINGS_LIST_MAX 256

/* What a durable subscriber may have: prefixes, and a name with "federation." in front. */
#define SETTINGS_DURABLE_MAX      32
#define SETTINGS_DURABLE_NAME_MAX 53

struct settings_link {
    char platform[RULES_NAME_SIZE];
    char *address; /* NULL: the other side dials */
    struct rules_list exports, imports, calls;
    struct rules_list durable; /* prefixes that leave from the own broker's disk */
    bool relay;
};

struct settings {
    char platform[RULES_NAME_SIZE];
    struct settings_link links[SETTINGS_LINKS_MAX];
    size_t link_count;
    int64_t queue_messages, queue_bytes, hops, call_ms, hello_ms;
};

/* Reads the file. BB_NOT_FOUND, BB_IO, BB_MALFORMED (syntax, an unknown key, a type), BB_RANGE; the reason
 * names the file and the line. Free *out with settings_free, whatever is returned. */
BB_MUST_CHECK enum status settings_load(const char *path, struct settings *out, struct bb_reason *reason);

/* Frees the texts and zeroes the rest. */
void settings_free(struct settings *settings);

#endif

/* The federation agent's state, shared by its parts: the links (link.c), messages (carry.c), calls
 * (crossing.c) and the report (report.c).
 *
 * It is the peer `federation` of its own platform's bus, and, on the bus of each platform that it dials, a
 * guest, `federation.<own platform>`. The agents of two platforms speak JSON-RPC with each other through the
 * broker of the one that is dialled: `hello`, `carry`, `call`. Everything that enters a platform enters
 * through its own agent, which decides by its own rules. */
#ifndef AGENTS_FEDERATION_AGENT_H
#define AGENTS_FEDERATION_AGENT_H

#include "agents/federation/queue.h"
#include "agents/federation/seen.h"
#include "agents/federation/settings.h"

#include <busbar/gateway.h>
#include <jansson.h>

/* Platforms that a link tells it can reach. */
#define AGENT_ROUTES_MAX 64

struct agent;
struct crossing;
struct crossed;
struct inbound;
struct outbound;
struct recent;

/* A platform that can be reached over a link, itself not counted: 1 is the next one behind it. */
struct agent_route {
    char platform[RULES_NAME_SIZE];
    int64_t hops;
};

struct agent_counts {
    uint64_t sent, received, again, late, refused, unwanted, too_large, calls_out, calls_in, calls_refused,
        cuts;
};

struct link {
    struct agent *agent;
    const struct settings_link *set;
    struct bb_client *out;            /* on the other platform's bus; NULL: the other side dials */
    char guest[RULES_NAME_SIZE + 16]; /* the other agent, when it dials */
    bool up, guest_heard, hello_waits, carrying, told_refused;
    int64_t heard_ms, changed_ms;
    int64_t incarnation; /* of the other agent; 0: not known */
    uint64_t errand;     /* the batch on its way; older answers do not count */
    struct queue queue;
    json_t *wants; /* the other side's imports; NULL: not known yet */
    struct agent_route routes[AGENT_ROUTES_MAX];
    size_t route_count;
    struct crossing *crossings; /* calls that wait for the other side's answer */
    struct crossing *served;    /* calls of the other side that wait for a peer's here */
    struct outbound *outbound;  /* durable topics: NULL without */
    struct inbound *inbound;
    struct agent_counts counts;
    struct bb_reason reason; /* why it is down */
};

struct agent {
    const struct settings *settings;
    struct bb_loop *loop;
    struct bb_client *own;
    uint64_t incarnation, number;
    struct seen *seen;
    struct recent *recent; /* of durable topics */
    struct crossed *crossed;
    struct link links[SETTINGS_LINKS_MAX];
    size_t link_count;
    int64_t denied_logged_ms;
    bool told_unsaved, closing;
};

/* Connects to the own bus (waiting for it) and starts to dial; `home` may be NULL. As bb_client_open; the
 * reason says why. */
BB_MUST_CHECK enum status agent_open(struct bb_loop *loop, const struct settings *settings, const char *home,
                                     const char *address, struct agent **out, struct bb_reason *reason);

/* Answers what waits and closes the links. Accepts NULL. */
void agent_close(struct agent *agent);

#endif

/* The state of busbar-agentd, and what its parts ask of each other: agents are found, started, stopped and
 * held back here; whoever acts is moved along by the loop and told when it is done. */
#ifndef AGENTS_HOST_HOST_H
#define AGENTS_HOST_HOST_H

#include "agents/host/life.h"
#include "agents/host/paths.h"
#include "agents/host/settings.h"
#include "agents/host/store.h"

#include <busbar/client.h>
#include <jansson.h>

#define HOST_AGENTS_MAX 512
/* Its identity on the bus. */
#define HOST_IDENTITY "agentd"

struct host;
struct hosted;
struct process;   /* what runs of an agent: process.h */
struct output;    /* its log: output.h */
struct move_desk; /* move_desk.h */
struct directory;

/* What was asked for has come about, or cannot (`reason` then says why, else NULL). The agent may be gone
 * after it. */
typedef void host_on_settled(void *context, struct hosted *agent, const char *reason);

struct host_waiter {
    host_on_settled *on_settled;
    void *context;
    enum life_state wanted; /* LIFE_RUNNING or LIFE_STOPPED */
    struct host_waiter *next;
};

/* An installed agent. */
struct hosted {
    struct host *host;
    struct hosted *next; /* of those that were removed */
    struct store_agent row;
    struct manifest manifest;
    struct life life;
    struct process *process; /* never NULL */
    struct output *output;   /* never NULL */
    struct host_waiter *waiters;
    char last_exit[48];       /* "exit 1", "signal 9"; "" when it has not ended yet */
    struct bb_reason trouble; /* what is wrong with it, "" when nothing is */
    int64_t started_ms;       /* wall clock; 0: does not run */
    uint64_t messages;        /* that the broker took from it, as last looked */
    char told[16];            /* the state that was published last */
};

struct host {
    const struct settings *settings;
    struct paths paths;
    struct bb_loop *loop;
    struct bb_client *client;
    struct store *store;
    struct hosted *agents[HOST_AGENTS_MAX]; /* in the order of priority and name */
    size_t count;
    struct hosted *removed; /* to be freed */
    bool ending;            /* agentd stops: nothing is started any more */
    struct supervisor *supervisor;
    struct uploads *uploads;
    struct served *served; /* method.c: what the client was given */
    struct move_desk *desk;
    struct directory *directory;
};

/* The agent of that name; NULL. */
struct hosted *host_find(const struct host *host, const char *name);

/* Forgets a stopped agent: its row in the store, its grants in access.json, its bundle unless another uses
 * it, its home, and its state and log unless `keep_state`. What was done already when something fails is done
 * again by the next call. BB_EXISTS: it is not stopped. BB_IO, BB_TIMEOUT, BB_FULL. */
BB_MUST_CHECK enum status host_remove(struct hosted *agent, bool keep_state, struct bb_reason *reason);

/* Starts an agent; `on_settled` (may be NULL) is called when it runs or could not be started. It is called at
 * once when it runs already, or is held. */
void host_start(struct hosted *agent, host_on_settled *on_settled, void *context);

/* Stops an agent, whatever it is doing; `on_settled` (may be NULL) is called when nothing of it lives and its
 * lock is free: at once, perhaps. A start that comes before ends the waiting with a reason. */
void host_stop(struct hosted *agent, host_on_settled *on_settled, void *context);

/* Stops and starts it. */
void host_restart(struct hosted *agent, host_on_settled *on_settled, void *context);

/* Puts the hold into the store and obeys it: from then on nothing starts the agent but HOLD_FREE and
 * host_start after it, not even a restart of agentd. It does not stop what runs: host_stop. Publishes its
 * state. May stand between store_begin and store_end. BB_IO, BB_FULL: nothing has changed. */
BB_MUST_CHECK enum status host_hold(struct hosted *agent, enum store_hold hold, struct bb_reason *reason);

/* "running", "moving", …: what it is, the hold before the life. Static. */
const char *host_state_word(const struct hosted *agent);

/* Publishes alerts/agent/<name>, and logs it. `alert` is a word of docs/platform.md; printf-like. */
void host_alert(struct hosted *agent, const char *alert, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The agent as an AGENT object (docs/platform.md), new. */
json_t *host_agent_json(const struct hosted *agent);

/* Publishes agents/state/<name> when its state is another than was told last. */
void host_tell(struct hosted *agent);

#endif

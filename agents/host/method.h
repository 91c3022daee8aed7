/* The calls that busbar-agentd answers. Each folder's part has a table of its rows; methods.c serves all of
 * them, checks params for unknown members, and asks the broker whether a caller may act before an acting
 * method is run. */
#ifndef AGENTS_HOST_METHOD_H
#define AGENTS_HOST_METHOD_H

#include "agents/host/host.h"

#include <busbar/serve.h>

/* The capability of those who may act. */
#define METHOD_CAPABILITY "agents"

/* A call under way: ends with method_answer or method_refuse, once, now or later. */
struct method_call {
    struct host *host;
    const struct method *method;
    struct bb_pending *pending;
    char *caller;   /* as the broker attests it; `peer@platform` for one of another platform */
    json_t *params; /* an object, never NULL */
};

typedef void method_run(struct method_call *call);

struct method {
    const char *name;
    const char *const *params; /* members that may be there, ending in NULL; NULL: none */
    bool acts;                 /* METHOD_CAPABILITY is needed */
    method_run *run;
};

/* Rows, each table ending with one without a name. */
extern const struct method agent_methods[];     /* agent_methods.c */
extern const struct method install_methods[];   /* install_methods.c */
extern const struct method directory_methods[]; /* directory_methods.c */
extern const struct method move_methods[];      /* move_methods.c */

/* Serves all tables. BB_EXISTS, BB_FULL. */
BB_MUST_CHECK enum status method_serve_all(struct host *host);

/* Answers with `result` (stolen; NULL: null) and frees the call. */
void method_answer(struct method_call *call, json_t *result);

/* Answers with an error, a sentence, printf-like, and frees the call. */
void method_refuse(struct method_call *call, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The text of a member; NULL when it is not there. A member of another type, an empty text or one longer than
 * `most` bytes refuses the call: *good_out is then false, and the call is gone. */
const char *method_text(struct method_call *call, const char *member, size_t most, bool *good_out);

/* The agent that member "name" names; NULL: the call was refused. */
struct hosted *method_agent(struct method_call *call);

/* host_on_settled of a call (context): answers {"agent":AGENT}, or refuses. */
host_on_settled method_settled;

#endif

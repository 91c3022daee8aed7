/* Serving calls that are answered later: after a disk, another peer, or a block. The plain way is bb_serve
 * (client.h). */
#ifndef BUSBAR_SERVE_H
#define BUSBAR_SERVE_H

#include <busbar/client.h>

/* A call that came in and is answered later. */
struct bb_pending;

/* Like bb_on_call, but the answer comes with bb_answer, exactly once for each call, now or later. */
typedef void bb_on_call_later(void *context, struct bb_pending *pending, const char *caller,
                              const char *params);

/* Serves `method` to all peers, answering when it can. At most 65 536 calls wait; more are refused for it.
 * BB_EXISTS, BB_FULL. */
BB_MUST_CHECK enum status bb_serve_later(struct bb_client *client, const char *method,
                                         bb_on_call_later *on_call, void *context);

/* The same for a method whose parameters have names (NULL-terminated, borrowed for as long as the client
 * lives): whichever way a caller gives them, as a list in this order, as an object, or as both at once,
 * `params` is an object. A list that is too long is refused here. */
BB_MUST_CHECK enum status bb_serve_named(struct bb_client *client, const char *method,
                                         const char *const *names, bb_on_call_later *on_call, void *context);

/* Answers a waiting call with `json` (borrowed; NULL means null) and BB_OK, or with any other status and a
 * sentence. The pending call is freed; after bb_client_close no call waits any more and none may be answered.
 */
void bb_answer(struct bb_pending *pending, enum status status, const char *json);

#endif

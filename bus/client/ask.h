/* Questions to the broker whose answer comes later: for processes that must not wait. */
#ifndef BUS_CLIENT_ASK_H
#define BUS_CLIENT_ASK_H

#include <busbar/client.h>

/* bb_query without waiting: after BB_OK `on_reply` is called exactly once, later, with BB_OK and the value
 * (text, "" if unknown), or with BB_TIMEOUT, BB_CLOSED, BB_REMOTE and NULL. BB_UNREACHABLE while
 * reconnecting, BB_FULL. */
BB_MUST_CHECK enum status bb_query_later(struct bb_client *client, const char *key, uint32_t timeout_ms,
                                         bb_on_reply *on_reply, void *context);

/* bb_peers without waiting: the answer is a JSON array of identities. Otherwise as bb_query_later. */
BB_MUST_CHECK enum status bb_peers_later(struct bb_client *client, uint32_t timeout_ms, bb_on_reply *on_reply,
                                         void *context);

#endif

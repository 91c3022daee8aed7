/* Peers of other platforms, `peer@platform`. The router does not know where they are: the peer with the
 * identity REMOTE_GATE, the federation agent, speaks for them. What is called at such a name goes to the
 * gate, with the name as its USER frame; and where the gate puts such a name into its USER frame, the
 * receivers see it as the sender. Nobody else's USER frame is looked at, and no identity has an `@` in it, so
 * that a local peer cannot pass for a remote one nor the gate for a local one.
 *
 * A peer called REMOTE_GATE and a dot and a platform is that platform's own federation agent: a guest, who
 * can address the gate and the router and nobody else. */
#ifndef BUS_CORE_REMOTE_H
#define BUS_CORE_REMOTE_H

#include "bus/core/router.h"

#define REMOTE_GATE "federation"

/* True when `text` is `peer@platform`, two identities, of at most BB_IDENTITY_MAX bytes together. */
bool remote_is_name(struct bytes text);

/* Who speaks in a message: its sender, or the remote peer that the gate names. Borrowed from it. */
struct bytes remote_speaker(const struct router_in *in);

/* True when the sender is a guest and addresses a peer that is not the gate. */
bool remote_is_trespass(const struct router_in *in);

/* True for a call to a remote peer: it goes to the gate. */
bool remote_is_call(const struct router_in *in);

#endif

/* Building outgoing messages in a router_out. Internal to the core. */
#ifndef BUS_CORE_PARCEL_H
#define BUS_CORE_PARCEL_H

#include "bus/core/router.h"

/* Positions in a message as the ROUTER socket gives it. */
enum { AT_SENDER, AT_RECIPIENT, AT_SIGNATURE, AT_USER, AT_ID, AT_SUBSYSTEM, AT_ARGS };

/* An empty result. */
void parcel_reset(struct router_out *out);

/* Starts a message; its receivers follow with parcel_to, its frames with the others. */
struct router_parcel *parcel_open(struct router_out *out, enum router_policy policy);

/* Adds a receiver to the message that was opened last. */
void parcel_to(struct router_out *out, uint32_t peer);

/* Appends frame `index` of the incoming message. */
void parcel_in(struct router_out *out, size_t index);

/* Appends a frame of text, borrowed until the result is used. */
void parcel_text(struct router_out *out, struct bytes text);

/* Appends a frame that joins several texts, borrowed. */
void parcel_joined(struct router_out *out, const struct bytes *pieces, size_t count);

/* Opens an answer of the router to `peer`, which sent the message: "", VIP1, its identity (or "" unless
 * `named`), the message's id, `subsystem`. */
void parcel_reply(struct router_out *out, uint32_t peer, bool named, const char *subsystem);

/* Notes what was not granted to the sender; `text` is borrowed. */
void parcel_refuse(struct router_out *out, enum access_kind kind, struct bytes text);

/* Appends `text` to the scratch and gives it back as a borrowed range; empty when there is no room. */
struct bytes parcel_keep(struct router_out *out, struct bytes text);

#endif

/* The methods `durable.…` of the identity `busbar.broker`, whose context is the broker: named subscribers
 * register, read what is kept, acknowledge it. A name belongs to the key that made it. */
#ifndef BUS_DURABLE_METHODS_H
#define BUS_DURABLE_METHODS_H

#include "bus/hosted.h"

/* What each takes, in order. */
extern const struct jsonrpc_parameter DURABLE_OPEN_TAKES[];
extern const struct jsonrpc_parameter DURABLE_READ_TAKES[];
extern const struct jsonrpc_parameter DURABLE_ACK_TAKES[];
extern const struct jsonrpc_parameter DURABLE_DROP_TAKES[];

/* Registers a name with its prefixes and says where a new one begins; with `seek`, an old one too. */
void durable_methods_open(struct hosted_call *call);

/* Gives a page of what a name has not acknowledged, or of what stands behind an offset; waits for a message
 * when there is none and the caller wants to. */
void durable_methods_read(struct hosted_call *call);

/* Acknowledges everything up to an offset. Answered when it is on the disk, as are the next two. */
void durable_methods_ack(struct hosted_call *call);

/* Forgets a name. */
void durable_methods_drop(struct hosted_call *call);

/* The caller's names, with `admin` all of them, and what is kept. */
void durable_methods_list(struct hosted_call *call);

#endif

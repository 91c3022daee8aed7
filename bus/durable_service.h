/* Durable topics: what is published below their prefixes is on the disk before it is delivered and
 * acknowledged, and is kept until its named subscribers have acknowledged it or its policy lets it go. Here:
 * holding publishes meanwhile. */
#ifndef BUS_DURABLE_SERVICE_H
#define BUS_DURABLE_SERVICE_H

#include "bus/durable/writer.h"
#include "bus/hosted.h"

/* Publishes that wait for the disk, at most; beyond that they are refused. */
#define DURABLE_HELD_MAX   32768
#define DURABLE_HELD_BYTES (64 * 1024 * 1024)

struct durable;

/* Opens durable.db in the home when the setting `durable` names topics; *out stays NULL otherwise. As
 * durable_log_open; BB_RANGE: the setting is wrong. */
BB_MUST_CHECK enum status durable_open(struct broker *broker, struct durable **out, struct bb_reason *reason);

/* Accepts NULL. What waits for the disk is written, and nobody told. */
void durable_close(struct durable *durable);

/* A descriptor that can be read when something is on the disk; −1 without durable topics. */
int durable_fd(const struct durable *durable);

/* Copies a publish of the vip door that the router wants held: `broker->out` has its parts. */
void durable_hold(struct durable *durable, const struct router_in *in);

/* The same for a publish of the `pub` door. */
void durable_hold_plain(struct durable *durable, struct bytes topic, struct bytes body);

/* Goes on with what is on the disk by now: deliveries, acknowledgements, answers. */
void durable_serve(struct durable *durable);

/* Answers those who have waited for messages long enough. About once a second. Accepts NULL. */
void durable_tick(struct durable *durable);

/* True while the disk does not take messages. */
bool durable_is_failing(const struct durable *durable);

/* For `busbar status`, new: null without durable topics. */
json_t *durable_status(const struct durable *durable);

#endif

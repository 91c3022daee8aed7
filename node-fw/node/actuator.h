/* From a wanted power to an applied one: manual commands, loss of the link and ramp limits stand between the
 * algorithm and the machine. An emergency stop wins over everything and acts at once; then the loss of the
 * link, because then nobody can command; then hold and override; then the algorithm. */
#ifndef NODE_FW_NODE_ACTUATOR_H
#define NODE_FW_NODE_ACTUATOR_H

#include "node-fw/node/settings.h"

#include <busbar/units.h>
#include <stdbool.h>
#include <stdint.h>

#define ACTUATOR_STEP_MS 100 /* pause between two steps of a ramp */

/* In the numbers of STATUS and, without the last, of COMMAND. */
enum actuator_mode {
    ACTUATOR_AUTOMATIC = 0,
    ACTUATOR_HOLD = 1,
    ACTUATOR_OVERRIDE = 2,
    ACTUATOR_STOPPED = 3,
    ACTUATOR_LINK_LOST = 4
};

/* Powers in mW, 0 … pmax. */
struct actuator {
    int64_t pmax_mw;
    int64_t ramp_mw_per_s; /* 0: no limit */
    enum link_loss on_link_loss;
    int64_t fixed_mw;
    enum actuator_mode commanded;
    bool lost;
    int64_t wanted_mw, commanded_mw, lost_mw;
    int64_t applied_mw;
    bool ramping;
    struct mono stepped;
    int64_t rest; /* of the last step, in mW·ms/s */
};

/* A machine at standstill: automatic, 0 mW wanted and applied. */
void actuator_init(struct actuator *a, const struct settings *settings, struct mono now);

/* The set-point of the algorithm, mW ≥ 0. */
void actuator_want(struct actuator *a, int64_t mw);

/* A command: automatic (release), hold, override with `mw`, or stopped, which is applied at once. BB_RANGE
 * when mw is above pmax or the mode is none of these; nothing changes then. */
BB_MUST_CHECK enum status actuator_command(struct actuator *a, enum actuator_mode mode, int64_t mw);

/* The link is lost, or back. */
void actuator_lose(struct actuator *a, bool lost);

/* Another pmax: what is above it comes down, under the ramp limit. */
void actuator_limit(struct actuator *a, int64_t pmax_mw);

/* Moves the applied power towards its target as far as the ramp allows at `now`; true when it moved. */
bool actuator_step(struct actuator *a, struct mono now);

/* Who decides at present. */
enum actuator_mode actuator_mode(const struct actuator *a);

#endif

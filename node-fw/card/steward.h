/* Who keeps a board: the card, the choice of its image, and the life of the worker that runs it. Pure but for
 * the card: the shell starts and ends processes, carries packets (tether.h) and feeds the watchdog.
 *
 * A worker that crashes or makes no progress is started again, after growing pauses; an image on trial is
 * given up when its worker ends by itself or its link is not up in time, and confirmed when the link has
 * stayed up for STEWARD_PROOF_MS; a confirmed one that cannot stay alive gives its place to one that could.
 */
#ifndef NODE_FW_CARD_STEWARD_H
#define NODE_FW_CARD_STEWARD_H

#include "node-fw/card/intake.h"
#include "node-fw/card/ring.h"
#include "node-fw/card/settings_intake.h"
#include "node-fw/card/tether.h"

#include <busbar/units.h>

#define STEWARD_PROOF_MS  2000
#define STEWARD_GRACE_MS  1500  /* from the wish to end to the kill */
#define STEWARD_QUICK_MS  10000 /* an end this soon after the start is a quick one */
#define STEWARD_QUICK_MAX 5     /* quick ends in a row that condemn a confirmed image */

struct steward_settings {
    uint32_t trial_ms; /* for the link of a new image to come up */
    uint32_t stall_ms; /* without progress */
    uint8_t cause;     /* of the first start, in the numbers of SLOTS */
};

/* What the shell does for it: sends a packet to the worker (which may be gone), and writes a line of the log.
 */
struct steward_ports {
    void *context;
    void (*say)(void *context, uint8_t type, struct bytes payload);
    void (*note)(void *context, const char *event, const char *text);
};

/* A worker to be started. */
struct steward_start {
    enum image image;
    uint16_t incarnation;
};

enum steward_wish { STEWARD_KEEP, STEWARD_END, STEWARD_KILL };

struct steward {
    struct card *card;
    const struct image_mark *mark;
    struct steward_settings settings;
    struct steward_ports ports;
    struct intake intake;
    struct settings_intake settings_intake;
    struct ring ring;
    struct card_boots boots;
    struct mono began;
    enum { STEWARD_STOPPED, STEWARD_RUNNING, STEWARD_ENDING } phase;
    enum image running;
    uint8_t cause;         /* of the next start */
    bool asked, told;      /* while it ends: by wish; the wish was told */
    const char *condemned; /* why it is killed; NULL: ended by itself */
    unsigned quick;
    bool up, progress;
    struct mono started, progressed, up_since, ending, pause, answered;
};

/* A board at power on. Card and mark are borrowed; the card may be one of memory. */
void steward_init(struct steward *s, struct card *card, const struct image_mark *mark,
                  const struct steward_settings *settings, const struct steward_ports *ports,
                  struct mono now);

/* True when a worker is to be started now; counts the start and the try on the card before it says so. */
bool steward_begin(struct steward *s, struct mono now, struct steward_start *out);

/* The worker that steward_begin asked for could not be started; it has ended, `how` in words. */
void steward_unusable(struct steward *s, const char *why, struct mono now);
void steward_ended(struct steward *s, const char *how, struct mono now);

/* A packet of the worker. Anything that is none is dropped. */
void steward_take(struct steward *s, struct bytes packet, struct mono now);

/* What is to be done with the worker: nothing, ask it to end (once), or kill it. And when to ask again. */
enum steward_wish steward_poll(struct steward *s, struct mono now);
struct mono steward_due(const struct steward *s);

/* True once after each progress of the worker: the watchdog may be fed. */
bool steward_progress(struct steward *s);

/* A line of the log: into the ring, and to the worker for the host. */
void steward_log(struct steward *s, uint8_t severity, const char *text, struct mono now);

#endif

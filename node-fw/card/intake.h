/* The reception of an image: pieces of FIRMWARE into the idle slot, resumed after a loss of link or power,
 * and checked as a whole before anything starts it. Pure but for the card. */
#ifndef NODE_FW_CARD_INTAKE_H
#define NODE_FW_CARD_INTAKE_H

#include "node-fw/card/card.h"
#include "node-fw/card/image_file.h"
#include "node-fw/link/message.h"

#define INTAKE_STEP                                                                                          \
    (32u << 10) /* bytes between two points from which a transfer goes on after a loss of power */

enum intake_verdict {
    INTAKE_TAKEN,     /* the next piece, please */
    INTAKE_STEPPED,   /* that too, and what came so far is on the card */
    INTAKE_MISPLACED, /* another offset is expected: intake_received says which */
    INTAKE_COMPLETE,  /* the image is on trial from the next start on */
    INTAKE_REFUSED    /* *why_out says why; an image that is wrong as a whole is forgotten */
};

struct intake {
    struct card *card;
    const struct image_mark *mark; /* of the running program */
    uint32_t received;             /* bytes taken of card->images.intake, not all of them sure yet */
};

/* Goes on where the card says that the last transfer stopped. Both are borrowed. */
void intake_init(struct intake *in, struct card *card, const struct image_mark *mark);

/* Takes a piece while image `running` runs. *code_out and *why_out (static) are set with INTAKE_REFUSED only.
 */
enum intake_verdict intake_take(struct intake *in, const struct link_firmware *piece, enum image running,
                                uint8_t *code_out, const char **why_out);

#endif

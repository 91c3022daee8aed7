/* The reception of a board's own file over the link: pieces of SETTINGS, checked as a whole, then kept. Pure
 * but for the card. */
#ifndef NODE_FW_CARD_SETTINGS_INTAKE_H
#define NODE_FW_CARD_SETTINGS_INTAKE_H

#include "node-fw/card/card.h"
#include "node-fw/link/message.h"
#include "node-fw/node/settings.h"

enum settings_verdict {
    SETTINGS_TAKEN,  /* the next piece, please */
    SETTINGS_KEPT,   /* the new settings are on the card */
    SETTINGS_REFUSED /* the old ones hold; the answer says why */
};

struct settings_intake {
    struct card *card;
    uint8_t text[SETTINGS_TEXT_MAX];
    uint16_t total, received;
    uint32_t crc32;
};

/* Nothing received. The card is borrowed. */
void settings_intake_init(struct settings_intake *in, struct card *card);

/* Takes a piece; *refuse_out is set with SETTINGS_REFUSED only. */
enum settings_verdict settings_intake_take(struct settings_intake *in, const struct link_board_file *piece,
                                           struct link_refuse *refuse_out);

/* Writes another curve into the kept text; all else in it stays. BB_NOT_FOUND: not enrolled; BB_RANGE: it is
 * not one that settings_parse accepts; BB_FULL, BB_IO. */
BB_MUST_CHECK enum status settings_intake_curve(struct card *card, const struct curve_parameters *parameters);

#endif

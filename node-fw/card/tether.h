/* What a supervisor and its worker say to each other over their socket: packets of a type u8 and a payload.
 * Types 0 … 63 are the link's messages with their payloads, passed on between the supervisor and the host;
 * the others are of the two. An image of one version is started by the supervisor of another: types and
 * payloads stay. */
#ifndef NODE_FW_CARD_TETHER_H
#define NODE_FW_CARD_TETHER_H

#define TETHER_VERSION    1
#define TETHER_PACKET_MAX (8 + 4096)

enum tether_type {
    /* To the worker, once, first: u8 TETHER_VERSION, u16 incarnation, the text of the board's own file; no
     * text: the board is not enrolled. */
    TETHER_START = 64,
    /* From the worker, when a turn of its loop is done, at least once a second: u8 1 when the link is up. */
    TETHER_PROGRESS = 65,
    /* From the worker: u16 the incarnation, after a start afresh within one boot. */
    TETHER_COUNTER = 66
};

#endif

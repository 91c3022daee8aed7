/* The members of struct link: private to node-fw/link, here so that its owner can hold one. */
#ifndef NODE_FW_LINK_SESSION_STATE_H
#define NODE_FW_LINK_SESSION_STATE_H

#include "node-fw/link/frame.h"
#include "node-fw/link/outbox.h"

_Static_assert(OUTBOX_BYTES == LINK_OUTPUT_MAX, "the outbox is the output buffer");

/* A reliable message until it is acknowledged. */
struct link_slot {
    uint8_t type;
    uint8_t size;
    bool repeated; /* its acknowledgement says nothing about the round trip (Karn) */
    uint16_t source;
    struct mono sent; /* when its last byte left */
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
};

struct link {
    struct link_settings settings;
    enum link_state state;
    struct link_counters counters;
    struct mono now; /* of the last call that had one */
    struct mono hello_due, heard, said;
    struct mono proven;         /* when the other side last showed that it hears us */
    bool deaf;                  /* it did not for too long: its HELLO alone does not bring the link up */
    uint32_t peer_session;      /* 0: none seen yet */
    uint16_t peer_board;        /* of its HELLO; a host's is 0 */
    uint8_t tx_first, tx_count; /* window: seqs tx_first … tx_first + tx_count − 1 */
    uint8_t rx_next;            /* the seq expected next */
    bool ack_owed;
    uint32_t rtt_eighths_ms; /* smoothed round trip × 8; 0: not measured yet */
    uint32_t rto_ms;
    struct link_slot window[BB_LINK_WINDOW];
    struct frame_assembler assembler;
    struct outbox outbox;
};

#endif

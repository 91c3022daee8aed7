/* What a peer says about itself in READY or INITIATE: a list of properties, of which two matter here. Pure.
 * Source: ZeroMQ RFC 37 (ZMTP 3.1), "Connection metadata". */
#ifndef BUS_ZMTP_METADATA_H
#define BUS_ZMTP_METADATA_H

#include <busbar/bytes.h>

#define ZMTP_IDENTITY_MAX 255u

/* What becomes of metadata. */
enum zmtp_metadata_verdict {
    ZMTP_METADATA_OK,
    ZMTP_METADATA_MALFORMED, /* no list of properties, or a property twice */
    ZMTP_METADATA_TYPE,      /* no Socket-Type that a router takes: DEALER, REQ, ROUTER */
    ZMTP_METADATA_IDENTITY   /* longer than ZMTP_IDENTITY_MAX */
};

/* Reads properties; *identity_out is borrowed, empty when there is none, and set only with
 * ZMTP_METADATA_OK. Names are compared without regard to case; properties that are not known are skipped. */
enum zmtp_metadata_verdict zmtp_metadata_read(struct bytes list, struct bytes *identity_out);

/* The metadata of a ROUTER without an identity, as READY carries it; static storage. */
struct bytes zmtp_metadata_ours(void);

#endif

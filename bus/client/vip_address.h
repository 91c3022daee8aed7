/* Where the broker is and with which keys: VIP addresses, as VOLTTRON writes them.
 *
 *   tcp://host:port?serverkey=…&publickey=…&secretkey=…      ipc:///home/run/vip.sock?serverkey=…
 *   ipc:///home/run/vip.sock?server=NULL                      no encryption, said aloud
 *
 * Source: VOLTTRON VIP addresses; ZeroMQ RFC 26. */
#ifndef BUS_CLIENT_VIP_ADDRESS_H
#define BUS_CLIENT_VIP_ADDRESS_H

#include "bus/client/keys.h"

#include <busbar/limits.h>
#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdbool.h>

#define VIP_ADDRESS_ENDPOINT_MAX 512
/* Room for an address as text with two keys. */
#define VIP_ADDRESS_TEXT_MAX (VIP_ADDRESS_ENDPOINT_MAX + 256)

struct vip_address {
    char endpoint[VIP_ADDRESS_ENDPOINT_MAX]; /* tcp://… or ipc://… */
    char server_key[KEY_Z85_SIZE];           /* "" when not given */
    struct keys own;                         /* "" when not given */
    bool plain;                              /* ?server=NULL: no CURVE */
};

/* Parses an address; unknown parameters are refused, `#identity` at the end is ignored. BB_RANGE. */
BB_MUST_CHECK enum status vip_address_parse(const char *text, struct vip_address *out,
                                            struct bb_reason *reason);

/* Writes endpoint and server key (or server=NULL), never the own keys. text_out[VIP_ADDRESS_TEXT_MAX]. */
void vip_address_format(const struct vip_address *address, char *text_out);

/* True when `identity` is [A-Za-z0-9_.-]+ of at most BB_IDENTITY_MAX bytes and reads as no number and no
 * literal of JSON, which VOLTTRON's agents would decode. */
bool vip_address_identity_valid(const char *identity);

/* The complete address of a peer: `given`, else $BUSBAR_VIP, else <home>/run/vip.address; missing keys from
 * <home>/keys/busbard.pub and <home>/keys/<identity>.json ("cli.1234" also uses cli.json). An address from
 * run/vip.address without a server key means no encryption, as the broker wrote it. BB_RANGE, BB_NOT_FOUND,
 * and keys_load's. */
BB_MUST_CHECK enum status vip_address_find(const char *given, const char *home, const char *identity,
                                           struct vip_address *out, struct bb_reason *reason);

/* Overwrites the keys with zeros. */
void vip_address_wipe(struct vip_address *address);

#endif

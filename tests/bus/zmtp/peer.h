/* The other side of the session for its tests: what a client of ZMTP 3.1 sends, byte by byte as the RFCs say
 * it, with NULL and with CURVE. */
#ifndef TESTS_BUS_ZMTP_PEER_H
#define TESTS_BUS_ZMTP_PEER_H

#include "bus/zmtp/session.h"

/* What a handshake proves and says. */
struct peer_client {
    struct zmtp_pair pair, fresh; /* C and C' */
    uint8_t server[ZMTP_KEY];     /* S */
    uint8_t fresh_server[ZMTP_KEY];
    uint8_t cookie[96];
    uint64_t nonce;
};

/* A client with fixed keys, made of `seed`, for a server's public key. */
void peer_init(struct peer_client *peer, uint8_t seed, const uint8_t server[ZMTP_KEY]);

/* The greeting, of 64 bytes; `mechanism` "NULL" or "CURVE". */
void peer_greeting(struct writer *w, uint8_t minor, const char *mechanism);

/* A frame: `flags` without ZMTP_LONG. */
void peer_frame(struct writer *w, uint8_t flags, struct bytes body);

/* Metadata: a Socket-Type and an Identity, which may be empty: then it is left out. */
void peer_metadata(struct writer *w, const char *type, struct bytes identity);

/* READY with such metadata, as a command. */
void peer_ready(struct writer *w, const char *type, struct bytes identity);

/* HELLO, as a command. */
void peer_hello(struct peer_client *peer, struct writer *w);

/* Opens WELCOME (the command's body); false when it is none. */
bool peer_welcome(struct peer_client *peer, struct bytes command);

/* INITIATE, as a command. */
void peer_initiate(struct peer_client *peer, struct writer *w, const char *type, struct bytes identity);

/* Opens READY (the command's body): its metadata into plain[≥ size]; their size, −1 when it is none. */
int peer_opened_ready(const struct peer_client *peer, struct bytes command, uint8_t *plain);

/* A frame sealed in MESSAGE; `inner` is the byte of flags within the box. */
void peer_message(struct peer_client *peer, struct writer *w, uint8_t inner, struct bytes data);

/* Opens the body of a MESSAGE of the server: flags and data into plain[≥ size]; their size, −1. */
int peer_opened(const struct peer_client *peer, struct bytes body, uint8_t *plain);

#endif

/* The server's side of CURVE: who connects proves a long-term key, and each side proves fresh ones, which
 * seal everything that follows. Pure: the randomness is the caller's. The secrets of a handshake are wiped
 * when it is over, those of the connection with zmtp_curve_wipe.
 * Source: ZeroMQ RFC 25 (ZMTP-CURVE), RFC 26 (CurveZMQ); the boxes are libsodium's. */
#ifndef BUS_ZMTP_CURVE_H
#define BUS_ZMTP_CURVE_H

#include <busbar/bytes.h>

#define ZMTP_KEY 32
/* Sizes of the commands, name included. */
#define ZMTP_HELLO     200
#define ZMTP_WELCOME   168
#define ZMTP_INITIATE  257 /* and the metadata */
#define ZMTP_READY_BOX 30  /* and the metadata */
/* What a frame's body grows by when it is sealed. */
#define ZMTP_SEAL 33
/* Fresh random bytes that one handshake needs. */
#define ZMTP_RANDOM 96

/* The server's long-term pair. */
struct zmtp_pair {
    uint8_t public_key[ZMTP_KEY], secret_key[ZMTP_KEY];
};

struct zmtp_curve {
    uint64_t in, out;            /* the last short nonce of each side */
    uint8_t shared[ZMTP_KEY];    /* of both fresh pairs, precomputed */
    uint8_t client[ZMTP_KEY];    /* C', until the handshake is over */
    uint8_t random[ZMTP_RANDOM]; /* s', the cookie's key and two nonces; until then, too */
};

/* Chooses the fastest code for this processor; before anything else here. False: there is no CURVE. */
bool zmtp_curve_start(void);

/* The pair of a secret key. */
void zmtp_curve_pair(const uint8_t secret_key[ZMTP_KEY], struct zmtp_pair *out);

/* Overwrites the secret key. */
void zmtp_curve_forget(struct zmtp_pair *pair);

/* A connection of which nothing came yet; random[ZMTP_RANDOM] bytes that nobody can guess, used once. */
void zmtp_curve_init(struct zmtp_curve *curve, const uint8_t *random);

/* Takes HELLO and makes WELCOME. False: it is none, or not for this server's key. */
bool zmtp_curve_hello(struct zmtp_curve *curve, const struct zmtp_pair *server, struct bytes command,
                      uint8_t welcome[ZMTP_WELCOME]);

/* Takes INITIATE, opened where it is (`command` of `size` bytes): the key that was proven and the metadata,
 * borrowed from the command. False: it is none, or it proves nothing. */
bool zmtp_curve_initiate(struct zmtp_curve *curve, const struct zmtp_pair *server, uint8_t *command,
                         size_t size, uint8_t key_out[ZMTP_KEY], struct bytes *metadata_out);

/* Makes READY with `metadata` into to[ZMTP_READY_BOX + metadata.size]; its size. */
size_t zmtp_curve_ready(struct zmtp_curve *curve, struct bytes metadata, uint8_t *to);

/* Opens the body of a MESSAGE where it is: its flags (ZMTP_MORE or ZMTP_COMMAND) and what it holds, borrowed.
 * False: it is none, it came before, or it was changed on its way. */
bool zmtp_curve_open(struct zmtp_curve *curve, uint8_t *body, size_t size, uint8_t *flags_out,
                     struct bytes *data_out);

/* The size of the frame that `size` bytes are sealed in, header included. */
size_t zmtp_curve_sealed(size_t size);

/* Writes the frame that seals `data`, which must not overlap; its size, which is zmtp_curve_sealed. */
size_t zmtp_curve_seal(struct zmtp_curve *curve, uint8_t flags, struct bytes data, uint8_t *to);

/* Overwrites all secrets. */
void zmtp_curve_wipe(struct zmtp_curve *curve);

#endif

/* One connection of a server that speaks ZMTP 3.1 as a ROUTER does, without its socket: bytes that came in,
 * what they mean out, and bytes to send. Security is NULL or CURVE, and what the server was told it has is
 * what a client must have. Older peers (ZMTP 1.0 and 2.0), other mechanisms and other socket types are
 * refused. Pure: memory, randomness and time are the caller's.
 *
 * A message is read where it is, from the caller's buffer. As long as it is not all there, what came of it
 * stays in that buffer, and struct zmtp_parts remembers how far it was read.
 * Source: ZeroMQ RFC 37 (ZMTP 3.1), RFC 23 (ZMTP 3.0), RFC 25 and 26 (CURVE); codes of ERROR: RFC 27. */
#ifndef BUS_ZMTP_SESSION_H
#define BUS_ZMTP_SESSION_H

#include "bus/zmtp/curve.h"

#include <busbar/limits.h>

#define ZMTP_GREETING 64
/* The body of a command: READY with an identity and a few properties is a tenth of that. */
#define ZMTP_COMMAND_MAX 4096
/* The longest that is sent back at once: WELCOME and its header. */
#define ZMTP_REPLY_MAX 192

/* Why a connection is refused. */
#define ZMTP_REASONS(X)                                                                                      \
    X(ZMTP_FINE, "nothing is wrong")                                                                         \
    X(ZMTP_OLD, "it speaks no ZMTP, or a version before 3.0")                                                \
    X(ZMTP_MECHANISM, "it asks for another security mechanism")                                              \
    X(ZMTP_MALFORMED, "its bytes do not follow ZMTP")                                                        \
    X(ZMTP_UNEXPECTED, "its handshake is out of order")                                                      \
    X(ZMTP_CRYPTO,                                                                                           \
      "its CURVE boxes do not open: another server's key, or bytes that were changed or repeated")           \
    X(ZMTP_METADATA, "its metadata are no list of properties")                                               \
    X(ZMTP_SOCKET_TYPE, "its socket is no DEALER, REQ or ROUTER")                                            \
    X(ZMTP_IDENTITY, "its routing id is longer than 255 bytes")                                              \
    X(ZMTP_TOO_LARGE, "it sends a frame or a message beyond the limits")                                     \
    X(ZMTP_DENIED, "the caller refused it")

enum zmtp_reason {
#define ZMTP_X(name, text) name,
    ZMTP_REASONS(ZMTP_X)
#undef ZMTP_X
};

enum zmtp_event {
    ZMTP_NEED,    /* nothing more before `want` bytes are there */
    ZMTP_REPLY,   /* only something to send */
    ZMTP_ASK,     /* who it is is known: zmtp_admit or zmtp_refuse decides, before the next step */
    ZMTP_MESSAGE, /* a message is whole: the frames in zmtp_parts */
    ZMTP_EXCESS,  /* a message of more than BB_FRAMES_MAX frames has ended; nothing is kept of it */
    ZMTP_REFUSED  /* for good: why says why */
};

enum zmtp_state {
    ZMTP_AT_GREETING,
    ZMTP_AT_HELLO,
    ZMTP_AT_INITIATE,
    ZMTP_AT_READY,
    ZMTP_ASKED,
    ZMTP_OPEN,
    ZMTP_SHUT
};

struct zmtp {
    const struct zmtp_pair *server; /* borrowed; NULL: mechanism NULL */
    uint8_t state;                  /* enum zmtp_state */
    uint8_t why;                    /* enum zmtp_reason */
    uint8_t minor;                  /* of the version both speak: 0 or 1 */
    bool skipping;                  /* the rest of a message that has too many frames */
    struct zmtp_curve curve;
};

/* How far the message at the beginning of the data was read. All zero: not begun. */
struct zmtp_parts {
    uint32_t count;
    size_t scanned; /* bytes that were read */
    struct {
        uint32_t at, size; /* of each frame's body, from the beginning of the data */
    } frames[BB_FRAMES_MAX];
};

/* What one step gives. */
struct zmtp_step {
    size_t used; /* bytes at the beginning of the data that are done with: the next step begins behind them */
    size_t from; /* ZMTP_MESSAGE: where it begins in the data: its frames' places count from there */
    size_t want; /* ZMTP_NEED: bytes from there that the next thing takes, as far as is known; at most
                    BB_MESSAGE_MAX */
    struct bytes identity; /* ZMTP_ASK: borrowed from the data; may be empty */
    uint8_t key[ZMTP_KEY]; /* ZMTP_ASK: the client's long-term key; zeros with NULL */
    size_t reply_size;     /* bytes to send, with any event */
    uint8_t reply[ZMTP_REPLY_MAX];
};

/* A connection that was just accepted; the reply in *step is the greeting, to be sent at once. `server` NULL:
 * mechanism NULL, and `random` may be NULL; otherwise random[ZMTP_RANDOM] fresh bytes. */
void zmtp_init(struct zmtp *zmtp, const struct zmtp_pair *server, const uint8_t *random,
               struct zmtp_step *step);

/* Takes the next step on the `size` bytes that came and are not used yet, which it may decrypt in place.
 * After ZMTP_MESSAGE the caller clears *parts when it is done with the frames. Every step is to be told of
 * step->used, also with ZMTP_NEED. */
enum zmtp_event zmtp_next(struct zmtp *zmtp, uint8_t *data, size_t size, struct zmtp_parts *parts,
                          struct zmtp_step *step);

/* After ZMTP_ASK: lets it in; the reply is to be sent. */
void zmtp_admit(struct zmtp *zmtp, struct zmtp_step *step);

/* After ZMTP_ASK: refuses it with a code of three digits, "300", "400" or "500", which the client is told. */
void zmtp_refuse(struct zmtp *zmtp, const char *code, struct zmtp_step *step);

/* A PING into the reply; none for a peer of ZMTP 3.0 (reply_size 0). */
void zmtp_ping(struct zmtp *zmtp, struct zmtp_step *step);

/* Overwrites its secrets. */
void zmtp_close(struct zmtp *zmtp);

/* A reason in a sentence's end; static storage. */
const char *zmtp_reason_text(enum zmtp_reason reason);

#endif

#include "bus/zmtp/session.h"
#include "bus/zmtp/frame.h"
#include "bus/zmtp/metadata.h"

#include <busbar/check.h>

#define MECHANISM_SIZE 20
/* Places in the greeting. */
enum { AT_TAIL = 9, AT_MAJOR = 10, AT_MINOR = 11, AT_MECHANISM = 12, AT_AS_SERVER = 32 };

#define PING_CONTEXT_MAX 16
/* Tenths of a second after which the peer may give up when it hears nothing. */
#define PING_TTL 0

const char *zmtp_reason_text(enum zmtp_reason reason)
{
    static const char *const TEXTS[] = {
#define ZMTP_X(name, text) text,
        ZMTP_REASONS(ZMTP_X)
#undef ZMTP_X
    };
    return TEXTS[reason];
}

static enum zmtp_event fail(struct zmtp *z, enum zmtp_reason why)
{
    z->state = ZMTP_SHUT;
    z->why = (uint8_t)why;
    zmtp_curve_wipe(&z->curve);
    return ZMTP_REFUSED;
}

static void mechanism_name(const struct zmtp *z, uint8_t name[MECHANISM_SIZE])
{
    memset(name, 0, MECHANISM_SIZE);
    memcpy(name, z->server != NULL ? "CURVE" : "NULL", z->server != NULL ? 5 : 4);
}

void zmtp_init(struct zmtp *z, const struct zmtp_pair *server, const uint8_t *random, struct zmtp_step *step)
{
    *z = (struct zmtp){.server = server, .state = ZMTP_AT_GREETING};
    if (server != NULL)
        zmtp_curve_init(&z->curve, random);
    memset(step, 0, sizeof *step);
    step->reply_size = ZMTP_GREETING;
    step->reply[0] = 0xff;
    step->reply[AT_TAIL] = 0x7f;
    step->reply[AT_MAJOR] = 3;
    step->reply[AT_MINOR] = 1;
    mechanism_name(z, step->reply + AT_MECHANISM);
    step->reply[AT_AS_SERVER] = server != NULL;
}

/* As soon as the first bytes say that it is another protocol, it is refused: such a peer waits for more. */
static enum zmtp_event take_greeting(struct zmtp *z, const uint8_t *data, size_t size, struct zmtp_step *step)
{
    uint8_t mechanism[MECHANISM_SIZE];
    if ((size > 0 && data[0] != 0xff) || (size > AT_TAIL && (data[AT_TAIL] & 1) == 0) ||
        (size > AT_MAJOR && data[AT_MAJOR] < 3))
        return fail(z, ZMTP_OLD);
    step->want = ZMTP_GREETING;
    if (size < ZMTP_GREETING)
        return ZMTP_NEED;
    mechanism_name(z, mechanism);
    if (memcmp(data + AT_MECHANISM, mechanism, MECHANISM_SIZE) != 0)
        return fail(z, ZMTP_MECHANISM);
    if (data[AT_AS_SERVER] != 0)
        return fail(z, ZMTP_UNEXPECTED);
    z->minor = data[AT_MAJOR] > 3 || data[AT_MINOR] > 0;
    z->state = z->server != NULL ? ZMTP_AT_HELLO : ZMTP_AT_READY;
    step->used = ZMTP_GREETING;
    return ZMTP_REPLY;
}

static void reply_command(struct zmtp_step *step, const void *name, size_t name_size, struct bytes rest)
{
    size_t header = zmtp_header_write(step->reply, ZMTP_COMMAND, name_size + rest.size);
    CHECK(header + name_size + rest.size <= sizeof step->reply);
    memcpy(step->reply + header, name, name_size);
    if (rest.size > 0)
        memcpy(step->reply + header + name_size, rest.data, rest.size);
    step->reply_size = header + name_size + rest.size;
}

/* What READY and INITIATE say about the peer. */
static enum zmtp_event ask(struct zmtp *z, struct bytes metadata, struct zmtp_step *step)
{
    static const enum zmtp_reason WHY[] = {[ZMTP_METADATA_OK] = ZMTP_FINE,
                                           [ZMTP_METADATA_MALFORMED] = ZMTP_METADATA,
                                           [ZMTP_METADATA_TYPE] = ZMTP_SOCKET_TYPE,
                                           [ZMTP_METADATA_IDENTITY] = ZMTP_IDENTITY};
    enum zmtp_reason why = WHY[zmtp_metadata_read(metadata, &step->identity)];
    if (why != ZMTP_FINE)
        return fail(z, why);
    z->state = ZMTP_ASKED;
    return ZMTP_ASK;
}

static enum zmtp_event take_ready(struct zmtp *z, uint8_t *body, size_t size, struct zmtp_step *step)
{
    if (size < 6 || memcmp(body, "\x05READY", 6) != 0)
        return fail(z, ZMTP_UNEXPECTED);
    return ask(z, (struct bytes){body + 6, size - 6}, step);
}

static enum zmtp_event take_hello(struct zmtp *z, uint8_t *body, size_t size, struct zmtp_step *step)
{
    uint8_t welcome[ZMTP_WELCOME];
    if (size < 6 || memcmp(body, "\x05HELLO", 6) != 0)
        return fail(z, ZMTP_UNEXPECTED);
    if (!zmtp_curve_hello(&z->curve, z->server, (struct bytes){body, size}, welcome))
        return fail(z, ZMTP_CRYPTO);
    reply_command(step, welcome, sizeof welcome, (struct bytes){NULL, 0});
    z->state = ZMTP_AT_INITIATE;
    return ZMTP_REPLY;
}

static enum zmtp_event take_initiate(struct zmtp *z, uint8_t *body, size_t size, struct zmtp_step *step)
{
    struct bytes metadata;
    if (size < 9 || memcmp(body, "\x08INITIATE", 9) != 0)
        return fail(z, ZMTP_UNEXPECTED);
    if (!zmtp_curve_initiate(&z->curve, z->server, body, size, step->key, &metadata))
        return fail(z, ZMTP_CRYPTO);
    return ask(z, metadata, step);
}

static enum zmtp_event take_handshake(struct zmtp *z, uint8_t *data, size_t size, struct zmtp_step *step)
{
    static enum zmtp_event (*const TAKE[])(struct zmtp *, uint8_t *, size_t, struct zmtp_step *) = {
        [ZMTP_AT_HELLO] = take_hello, [ZMTP_AT_INITIATE] = take_initiate, [ZMTP_AT_READY] = take_ready};
    struct zmtp_header header;
    step->want = 2;
    if (size > 0 && (data[0] & ~ZMTP_LONG) != ZMTP_COMMAND)
        return fail(z, ZMTP_UNEXPECTED);
    size_t at = zmtp_header_read(data, size, &header);
    if (at == 0) {
        step->want = size > 0 ? header.size : 2;
        return ZMTP_NEED;
    }
    if (header.body > ZMTP_COMMAND_MAX)
        return fail(z, ZMTP_TOO_LARGE);
    step->want = at + (size_t)header.body;
    if (size < step->want)
        return ZMTP_NEED;
    step->used = step->want;
    return TAKE[z->state](z, data + at, (size_t)header.body, step);
}

void zmtp_admit(struct zmtp *z, struct zmtp_step *step)
{
    CHECK(z->state == ZMTP_ASKED);
    uint8_t ready[ZMTP_REPLY_MAX];
    z->state = ZMTP_OPEN;
    if (z->server == NULL) {
        reply_command(step, "\x05READY", 6, zmtp_metadata_ours());
        return;
    }
    size_t size = zmtp_curve_ready(&z->curve, zmtp_metadata_ours(), ready);
    reply_command(step, ready, size, (struct bytes){NULL, 0});
}

void zmtp_refuse(struct zmtp *z, const char *code, struct zmtp_step *step)
{
    CHECK(z->state == ZMTP_ASKED && strlen(code) == 3);
    reply_command(step,
                  "\x05"
                  "ERROR\x03",
                  7, bytes_of(code));
    (void)fail(z, ZMTP_DENIED);
}

/* A command of an open connection, as the connection's security has it. */
static void send_command(struct zmtp *z, struct bytes command, struct zmtp_step *step)
{
    if (z->server == NULL)
        reply_command(step, command.data, command.size, (struct bytes){NULL, 0});
    else
        step->reply_size = zmtp_curve_seal(&z->curve, ZMTP_COMMAND, command, step->reply);
}

void zmtp_ping(struct zmtp *z, struct zmtp_step *step)
{
    static const uint8_t PING[] = {4, 'P', 'I', 'N', 'G', PING_TTL, PING_TTL};
    CHECK(z->state == ZMTP_OPEN);
    step->reply_size = 0;
    if (z->minor > 0)
        send_command(z, (struct bytes){PING, sizeof PING}, step);
}

/* PING: its name, a time to live (2), up to 16 bytes that PONG repeats. Other commands are no router's. */
static enum zmtp_event take_command(struct zmtp *z, struct bytes command, struct zmtp_step *step)
{
    static const uint8_t PING[] = "\x04PING";
    uint8_t pong[5 + PING_CONTEXT_MAX] = "\x04PONG";
    if (command.size == 0 || command.data[0] == 0 || command.data[0] > command.size - 1)
        return fail(z, ZMTP_MALFORMED);
    if (command.size < 5 || memcmp(command.data, PING, 5) != 0)
        return ZMTP_NEED;
    if (command.size < 7)
        return fail(z, ZMTP_MALFORMED);
    size_t context = command.size - 7 < PING_CONTEXT_MAX ? command.size - 7 : PING_CONTEXT_MAX;
    memcpy(pong + 5, command.data + 7, context);
    send_command(z, (struct bytes){pong, 5 + context}, step);
    return ZMTP_REPLY;
}

/* What was read and is not part of a message that is kept is done with. */
static void let_go(struct zmtp_parts *parts, struct zmtp_step *step)
{
    if (parts->count > 0)
        return;
    step->used += parts->scanned;
    step->want -= parts->scanned < step->want ? parts->scanned : step->want;
    parts->scanned = 0;
}

/* A frame that is all there: ZMTP_NEED when the next one is to be read. */
static enum zmtp_event take_frame(struct zmtp *z, uint8_t flags, size_t at, size_t size,
                                  struct zmtp_parts *parts)
{
    bool last = (flags & ZMTP_MORE) == 0;
    if (!z->skipping && parts->count == BB_FRAMES_MAX) {
        z->skipping = true;
        parts->count = 0;
    }
    if (z->skipping) {
        z->skipping = !last;
        return last ? ZMTP_EXCESS : ZMTP_NEED;
    }
    parts->frames[parts->count].at = (uint32_t)at;
    parts->frames[parts->count++].size = (uint32_t)size;
    return last ? ZMTP_MESSAGE : ZMTP_NEED;
}

/* Opens a frame's body and takes it. */
static enum zmtp_event take_body(struct zmtp *z, uint8_t *data, size_t at, const struct zmtp_header *header,
                                 struct zmtp_parts *parts, struct zmtp_step *step)
{
    uint8_t flags = header->flags;
    struct bytes body = {data + at, (size_t)header->body};
    if (z->server != NULL && !zmtp_curve_open(&z->curve, data + at, body.size, &flags, &body))
        return fail(z, ZMTP_CRYPTO);
    if ((flags & ZMTP_COMMAND) != 0)
        return body.size > ZMTP_COMMAND_MAX ? fail(z, ZMTP_TOO_LARGE) : take_command(z, body, step);
    return take_frame(z, flags, (size_t)(body.data - data), body.size, parts);
}

static enum zmtp_event take_traffic(struct zmtp *z, uint8_t *data, size_t size, struct zmtp_parts *parts,
                                    struct zmtp_step *step)
{
    struct zmtp_header header = {.size = 2};
    const size_t largest = BB_FRAME_MAX + (z->server != NULL ? ZMTP_SEAL : 0);
    enum zmtp_event event = ZMTP_NEED;
    while (event == ZMTP_NEED) {
        size_t left = size - parts->scanned;
        size_t at = zmtp_header_read(data + parts->scanned, left, &header);
        if (left > 0 && !zmtp_flags_valid(header.flags))
            return fail(z, ZMTP_MALFORMED);
        step->want = parts->scanned + (left > 0 ? header.size : 2);
        if (at == 0)
            break;
        if (header.body > largest || step->want + header.body > BB_MESSAGE_MAX)
            return fail(z, ZMTP_TOO_LARGE);
        step->want += (size_t)header.body;
        if (size < step->want)
            break;
        at += parts->scanned;
        parts->scanned = step->want;
        event = take_body(z, data, at, &header, parts, step);
        if (event == ZMTP_NEED && parts->count == 0) {
            data += parts->scanned;
            size -= parts->scanned;
            let_go(parts, step);
        }
    }
    step->from = step->used;
    if (event == ZMTP_MESSAGE)
        step->used += parts->scanned;
    else
        let_go(parts, step);
    return event;
}

enum zmtp_event zmtp_next(struct zmtp *z, uint8_t *data, size_t size, struct zmtp_parts *parts,
                          struct zmtp_step *step)
{
    step->used = step->want = step->reply_size = 0;
    CHECK(z->state != ZMTP_ASKED);
    if (z->state == ZMTP_SHUT)
        return ZMTP_REFUSED;
    if (z->state == ZMTP_OPEN)
        return take_traffic(z, data, size, parts, step);
    if (z->state == ZMTP_AT_GREETING)
        return take_greeting(z, data, size, step);
    return take_handshake(z, data, size, step);
}

void zmtp_close(struct zmtp *z)
{
    zmtp_curve_wipe(&z->curve);
    z->state = ZMTP_SHUT;
}

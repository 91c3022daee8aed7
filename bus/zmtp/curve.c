#include "bus/zmtp/curve.h"
#include "bus/zmtp/frame.h"

#include <sodium.h>

#define MAC         crypto_box_MACBYTES
#define LONG_NONCE  16
#define SHORT_NONCE 8
/* Box [C' + s'](t). */
#define COOKIE (2 * ZMTP_KEY + crypto_secretbox_MACBYTES)
/* Box [C' + S](C -> S'). */
#define VOUCH (2 * ZMTP_KEY + MAC)

/* Where the parts of the randomness are. */
enum { AT_SECRET = 0, AT_COOKIE_KEY = 32, AT_COOKIE_NONCE = 64, AT_WELCOME_NONCE = 80 };

static const uint8_t HELLO[] = "\x05HELLO", WELCOME[] = "\x07WELCOME", INITIATE[] = "\x08INITIATE",
                     READY[] = "\x05READY", MESSAGE[] = "\x07MESSAGE";

static bool begins(struct bytes command, const uint8_t *name, size_t size)
{
    return command.size >= size && memcmp(command.data, name, size) == 0;
}

static uint64_t read_nonce(const uint8_t *from)
{
    uint64_t value = 0;
    for (size_t i = 0; i < SHORT_NONCE; i++)
        value = value << 8 | from[i];
    return value;
}

/* A nonce of a fixed text and what the sender chose: 16 and 8 bytes, or 8 and 16. */
static void make_nonce(uint8_t nonce[crypto_box_NONCEBYTES], const char *text, const uint8_t *chosen)
{
    size_t size = strlen(text);
    memcpy(nonce, text, size);
    memcpy(nonce + size, chosen, crypto_box_NONCEBYTES - size);
}

static void next_nonce(struct zmtp_curve *curve, uint8_t to[SHORT_NONCE])
{
    uint64_t value = ++curve->out;
    for (size_t i = SHORT_NONCE; i > 0; i--) {
        to[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

/* True when the nonce is above all before it, which it is the last of then. */
static bool take_nonce(struct zmtp_curve *curve, const uint8_t *from)
{
    uint64_t value = read_nonce(from);
    if (value <= curve->in)
        return false;
    curve->in = value;
    return true;
}

bool zmtp_curve_start(void)
{
    return sodium_init() >= 0;
}

void zmtp_curve_pair(const uint8_t secret_key[ZMTP_KEY], struct zmtp_pair *out)
{
    memcpy(out->secret_key, secret_key, ZMTP_KEY);
    crypto_scalarmult_base(out->public_key, secret_key);
}

void zmtp_curve_forget(struct zmtp_pair *pair)
{
    sodium_memzero(pair->secret_key, ZMTP_KEY);
}

void zmtp_curve_init(struct zmtp_curve *curve, const uint8_t *random)
{
    memset(curve, 0, sizeof *curve);
    memcpy(curve->random, random, ZMTP_RANDOM);
}

static void make_cookie(const struct zmtp_curve *curve, uint8_t cookie[COOKIE])
{
    uint8_t plain[2 * ZMTP_KEY], nonce[crypto_secretbox_NONCEBYTES];
    memcpy(plain, curve->client, ZMTP_KEY);
    memcpy(plain + ZMTP_KEY, curve->random + AT_SECRET, ZMTP_KEY);
    make_nonce(nonce, "COOKIE--", curve->random + AT_COOKIE_NONCE);
    crypto_secretbox_easy(cookie, plain, sizeof plain, nonce, curve->random + AT_COOKIE_KEY);
    sodium_memzero(plain, sizeof plain);
}

/* HELLO: name (6), version (2), padding (72), C' (32), short nonce (8), Box [64 zeros](C' -> S) (80).
 * WELCOME: name (8), nonce (16), Box [S' + cookie](S -> C') (144). */
bool zmtp_curve_hello(struct zmtp_curve *curve, const struct zmtp_pair *server, struct bytes command,
                      uint8_t welcome[ZMTP_WELCOME])
{
    static const uint8_t ZEROS[2 * ZMTP_KEY];
    uint8_t nonce[crypto_box_NONCEBYTES], shared[ZMTP_KEY], opened[sizeof ZEROS];
    uint8_t plain[ZMTP_KEY + LONG_NONCE + COOKIE];
    if (command.size != ZMTP_HELLO || !begins(command, HELLO, sizeof HELLO - 1) || command.data[6] != 1 ||
        command.data[7] != 0 || !take_nonce(curve, command.data + 112))
        return false;
    memcpy(curve->client, command.data + 80, ZMTP_KEY);
    make_nonce(nonce, "CurveZMQHELLO---", command.data + 112);
    if (crypto_box_beforenm(shared, curve->client, server->secret_key) != 0)
        return false;
    bool done =
        crypto_box_open_easy_afternm(opened, command.data + 120, sizeof ZEROS + MAC, nonce, shared) == 0 &&
        sodium_memcmp(opened, ZEROS, sizeof ZEROS) == 0 &&
        crypto_box_beforenm(curve->shared, curve->client, curve->random + AT_SECRET) == 0;
    if (done) {
        crypto_scalarmult_base(plain, curve->random + AT_SECRET);
        memcpy(plain + ZMTP_KEY, curve->random + AT_COOKIE_NONCE, LONG_NONCE);
        make_cookie(curve, plain + ZMTP_KEY + LONG_NONCE);
        memcpy(welcome, WELCOME, sizeof WELCOME - 1);
        memcpy(welcome + 8, curve->random + AT_WELCOME_NONCE, LONG_NONCE);
        make_nonce(nonce, "WELCOME-", curve->random + AT_WELCOME_NONCE);
        crypto_box_easy_afternm(welcome + 24, plain, sizeof plain, nonce, shared);
    }
    sodium_memzero(shared, sizeof shared);
    return done;
}

/* The cookie that came back must be the one of this connection: nonce (16), box (80). */
static bool check_cookie(const struct zmtp_curve *curve, const uint8_t *from)
{
    uint8_t cookie[COOKIE];
    make_cookie(curve, cookie);
    return sodium_memcmp(from, curve->random + AT_COOKIE_NONCE, LONG_NONCE) == 0 &&
           sodium_memcmp(from + LONG_NONCE, cookie, COOKIE) == 0;
}

/* The vouch: whoever has the long-term key wants to use C' with this server. Nonce (16), box (80). */
static bool check_vouch(const struct zmtp_curve *curve, const struct zmtp_pair *server, const uint8_t *key,
                        const uint8_t *vouch)
{
    uint8_t nonce[crypto_box_NONCEBYTES], plain[2 * ZMTP_KEY];
    make_nonce(nonce, "VOUCH---", vouch);
    return crypto_box_open_easy(plain, vouch + LONG_NONCE, VOUCH, nonce, key, curve->random + AT_SECRET) ==
               0 &&
           sodium_memcmp(plain, curve->client, ZMTP_KEY) == 0 &&
           sodium_memcmp(plain + ZMTP_KEY, server->public_key, ZMTP_KEY) == 0;
}

/* INITIATE: name (9), cookie (96), short nonce (8), Box [C + vouch + metadata](C' -> S'). */
bool zmtp_curve_initiate(struct zmtp_curve *curve, const struct zmtp_pair *server, uint8_t *command,
                         size_t size, uint8_t key_out[ZMTP_KEY], struct bytes *metadata_out)
{
    uint8_t nonce[crypto_box_NONCEBYTES];
    uint8_t *box = command + 113;
    const size_t fixed = ZMTP_KEY + LONG_NONCE + VOUCH;
    if (size < ZMTP_INITIATE || !begins((struct bytes){command, size}, INITIATE, sizeof INITIATE - 1) ||
        !check_cookie(curve, command + 9) || !take_nonce(curve, command + 105))
        return false;
    make_nonce(nonce, "CurveZMQINITIATE", command + 105);
    if (crypto_box_open_easy_afternm(box, box, size - 113, nonce, curve->shared) != 0 ||
        !check_vouch(curve, server, box, box + ZMTP_KEY))
        return false;
    memcpy(key_out, box, ZMTP_KEY);
    *metadata_out = (struct bytes){box + fixed, size - 113 - MAC - fixed};
    sodium_memzero(curve->client, sizeof curve->client);
    sodium_memzero(curve->random, sizeof curve->random);
    return true;
}

/* READY: name (6), short nonce (8), Box [metadata](S' -> C'). */
size_t zmtp_curve_ready(struct zmtp_curve *curve, struct bytes metadata, uint8_t *to)
{
    uint8_t nonce[crypto_box_NONCEBYTES];
    memcpy(to, READY, sizeof READY - 1);
    next_nonce(curve, to + 6);
    make_nonce(nonce, "CurveZMQREADY---", to + 6);
    crypto_box_easy_afternm(to + 14, metadata.data, metadata.size, nonce, curve->shared);
    return ZMTP_READY_BOX + metadata.size;
}

/* MESSAGE: name (8), short nonce (8), Box [flags (1) + data]. */
bool zmtp_curve_open(struct zmtp_curve *curve, uint8_t *body, size_t size, uint8_t *flags_out,
                     struct bytes *data_out)
{
    uint8_t nonce[crypto_box_NONCEBYTES];
    uint8_t *box = body + 16;
    if (size < ZMTP_SEAL || !begins((struct bytes){body, size}, MESSAGE, sizeof MESSAGE - 1) ||
        !take_nonce(curve, body + 8))
        return false;
    make_nonce(nonce, "CurveZMQMESSAGEC", body + 8);
    /* Opened in place: the code (16 bytes) stands before what it covers. */
    if (crypto_box_open_detached_afternm(box + MAC, box + MAC, box, size - 16 - MAC, nonce, curve->shared) !=
        0)
        return false;
    /* Within the box a command is bit 1. */
    uint8_t flags = box[MAC];
    if (flags > 2)
        return false;
    *flags_out = flags == 2 ? ZMTP_COMMAND : flags;
    *data_out = (struct bytes){box + MAC + 1, size - ZMTP_SEAL};
    return true;
}

size_t zmtp_curve_sealed(size_t size)
{
    return zmtp_header_size(size + ZMTP_SEAL) + size + ZMTP_SEAL;
}

size_t zmtp_curve_seal(struct zmtp_curve *curve, uint8_t flags, struct bytes data, uint8_t *to)
{
    uint8_t nonce[crypto_box_NONCEBYTES];
    size_t header = zmtp_header_write(to, 0, data.size + ZMTP_SEAL);
    uint8_t *body = to + header, *box = body + 16;
    memcpy(body, MESSAGE, sizeof MESSAGE - 1);
    next_nonce(curve, body + 8);
    make_nonce(nonce, "CurveZMQMESSAGES", body + 8);
    box[MAC] = (flags & ZMTP_COMMAND) != 0 ? 2 : flags & ZMTP_MORE;
    if (data.size > 0)
        memcpy(box + MAC + 1, data.data, data.size);
    crypto_box_detached_afternm(box + MAC, box, box + MAC, data.size + 1, nonce, curve->shared);
    return header + ZMTP_SEAL + data.size;
}

void zmtp_curve_wipe(struct zmtp_curve *curve)
{
    sodium_memzero(curve, sizeof *curve);
}

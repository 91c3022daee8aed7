#include "tests/bus/zmtp/peer.h"
#include "bus/zmtp/frame.h"

#include <sodium.h>

static void write_big(struct writer *w, uint64_t value, size_t size)
{
    for (size_t i = size; i > 0; i--)
        write_u8(w, (uint8_t)(value >> (8 * (i - 1))));
}

static void nonce_of(uint8_t nonce[24], const char *text, const uint8_t *rest)
{
    memcpy(nonce, text, strlen(text));
    memcpy(nonce + strlen(text), rest, 24 - strlen(text));
}

static void next_nonce(struct peer_client *peer, uint8_t to[8])
{
    struct writer w = writer_at(to, 8);
    write_big(&w, ++peer->nonce, 8);
}

void peer_init(struct peer_client *peer, uint8_t seed, const uint8_t server[ZMTP_KEY])
{
    uint8_t secret[ZMTP_KEY];
    memset(peer, 0, sizeof *peer);
    memset(secret, seed, sizeof secret);
    zmtp_curve_pair(secret, &peer->pair);
    secret[5] ^= 0xff;
    zmtp_curve_pair(secret, &peer->fresh);
    memcpy(peer->server, server, ZMTP_KEY);
}

void peer_greeting(struct writer *w, uint8_t minor, const char *mechanism)
{
    uint8_t greeting[ZMTP_GREETING] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, minor};
    memcpy(greeting + 12, mechanism, strlen(mechanism));
    write_bytes(w, (struct bytes){greeting, sizeof greeting});
}

void peer_frame(struct writer *w, uint8_t flags, struct bytes body)
{
    bool longer = body.size > 255;
    write_u8(w, (uint8_t)(flags | (longer ? 2 : 0)));
    write_big(w, body.size, longer ? 8 : 1);
    write_bytes(w, body);
}

static void property(struct writer *w, const char *name, struct bytes value)
{
    write_u8(w, (uint8_t)strlen(name));
    write_bytes(w, bytes_of(name));
    write_big(w, value.size, 4);
    write_bytes(w, value);
}

void peer_metadata(struct writer *w, const char *type, struct bytes identity)
{
    property(w, "Socket-Type", bytes_of(type));
    if (identity.size > 0)
        property(w, "Identity", identity);
}

void peer_ready(struct writer *w, const char *type, struct bytes identity)
{
    uint8_t body[1024];
    struct writer inner = writer_at(body, sizeof body);
    write_bytes(&inner, bytes_of("\x05READY"));
    peer_metadata(&inner, type, identity);
    peer_frame(w, ZMTP_COMMAND, written(&inner));
}

void peer_hello(struct peer_client *peer, struct writer *w)
{
    static const uint8_t ZEROS[72];
    uint8_t body[200] = "\x05HELLO\x01", nonce[24];
    memcpy(body + 80, peer->fresh.public_key, ZMTP_KEY);
    next_nonce(peer, body + 112);
    nonce_of(nonce, "CurveZMQHELLO---", body + 112);
    (void)!crypto_box_easy(body + 120, ZEROS, 64, nonce, peer->server, peer->fresh.secret_key);
    peer_frame(w, ZMTP_COMMAND, (struct bytes){body, sizeof body});
}

bool peer_welcome(struct peer_client *peer, struct bytes command)
{
    uint8_t nonce[24], plain[128];
    if (command.size != 168 || memcmp(command.data, "\x07WELCOME", 8) != 0)
        return false;
    nonce_of(nonce, "WELCOME-", command.data + 8);
    if (crypto_box_open_easy(plain, command.data + 24, 144, nonce, peer->server, peer->fresh.secret_key) != 0)
        return false;
    memcpy(peer->fresh_server, plain, ZMTP_KEY);
    memcpy(peer->cookie, plain + ZMTP_KEY, sizeof peer->cookie);
    return true;
}

void peer_initiate(struct peer_client *peer, struct writer *w, const char *type, struct bytes identity)
{
    uint8_t plain[1024], vouch[64], nonce[24], body[2048] = "\x08INITIATE";
    struct writer inner = writer_at(plain, sizeof plain);
    memcpy(vouch, peer->fresh.public_key, ZMTP_KEY);
    memcpy(vouch + ZMTP_KEY, peer->server, ZMTP_KEY);
    write_bytes(&inner, (struct bytes){peer->pair.public_key, ZMTP_KEY});
    write_bytes(&inner, bytes_of("sixteen bytes..."));
    nonce_of(nonce, "VOUCH---", plain + ZMTP_KEY);
    (void)!crypto_box_easy(plain + inner.size, vouch, sizeof vouch, nonce, peer->fresh_server,
                           peer->pair.secret_key);
    inner.size += 80;
    peer_metadata(&inner, type, identity);
    memcpy(body + 9, peer->cookie, sizeof peer->cookie);
    next_nonce(peer, body + 105);
    nonce_of(nonce, "CurveZMQINITIATE", body + 105);
    (void)!crypto_box_easy(body + 113, plain, inner.size, nonce, peer->fresh_server, peer->fresh.secret_key);
    peer_frame(w, ZMTP_COMMAND, (struct bytes){body, 113 + 16 + inner.size});
}

int peer_opened_ready(const struct peer_client *peer, struct bytes command, uint8_t *plain)
{
    uint8_t nonce[24];
    if (command.size < 30 || memcmp(command.data, "\x05READY", 6) != 0)
        return -1;
    nonce_of(nonce, "CurveZMQREADY---", command.data + 6);
    if (crypto_box_open_easy(plain, command.data + 14, command.size - 14, nonce, peer->fresh_server,
                             peer->fresh.secret_key) != 0)
        return -1;
    return (int)command.size - 30;
}

void peer_message(struct peer_client *peer, struct writer *w, uint8_t inner, struct bytes data)
{
    static uint8_t plain[1 << 16], body[(1 << 16) + 64];
    uint8_t nonce[24];
    plain[0] = inner;
    if (data.size > 0)
        memcpy(plain + 1, data.data, data.size);
    memcpy(body, "\x07MESSAGE", 8);
    next_nonce(peer, body + 8);
    nonce_of(nonce, "CurveZMQMESSAGEC", body + 8);
    (void)!crypto_box_easy(body + 16, plain, data.size + 1, nonce, peer->fresh_server,
                           peer->fresh.secret_key);
    peer_frame(w, 0, (struct bytes){body, 33 + data.size});
}

int peer_opened(const struct peer_client *peer, struct bytes body, uint8_t *plain)
{
    uint8_t nonce[24];
    if (body.size < 33 || memcmp(body.data, "\x07MESSAGE", 8) != 0)
        return -1;
    nonce_of(nonce, "CurveZMQMESSAGES", body.data + 8);
    if (crypto_box_open_easy(plain, body.data + 16, body.size - 16, nonce, peer->fresh_server,
                             peer->fresh.secret_key) != 0)
        return -1;
    return (int)body.size - 32;
}

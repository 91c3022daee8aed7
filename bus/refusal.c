#include "bus/refusal.h"

#include "bus/client/log.h"

#include <busbar/check.h>
#include <time.h>

/* Lines in the log between two of vip_tidy's checks. */
#define LOGGED_MAX 10

static int64_t wall_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell(const struct pending_asked *asked)
{
    static const char *const EVENTS[ACCESS_KINDS] = {[ACCESS_IDENTITY] = "identity-refused",
                                                     [ACCESS_PUBLISH] = "publish-refused",
                                                     [ACCESS_SUBSCRIBE] = "subscription-refused",
                                                     [ACCESS_CAPABILITY] = "capability-refused"};
    static const char *const NAMES[ACCESS_KINDS] = {"identity", "topic", "topic", "capability"};
    static const char *const DOORS[DOOR_COUNT] = {"", "vip", "sub", "pub"};
    char z85[KEY_Z85_SIZE], fingerprint[KEY_FINGERPRINT_SIZE] = "", text[128] = "";
    if (keys_from_text(asked->key, z85) == BB_OK)
        (void)!keys_fingerprint(z85, fingerprint);
    /* Latin-1 off the wire; the log is UTF-8. */
    for (size_t i = 0; i < asked->text.size && i + 1 < sizeof text; i++) {
        bool plain = asked->text.data[i] >= ' ' && asked->text.data[i] < 0x7f;
        text[i] = plain ? (char)asked->text.data[i] : '?';
    }
    if (asked->unknown)
        log_warning("key-refused", LOG_TEXT("fingerprint", fingerprint), LOG_TEXT("key", asked->key),
                    LOG_TEXT("address", asked->address), LOG_TEXT("door", DOORS[asked->door]),
                    LOG_TEXT("hint", "to admit it: busbar access approve"));
    else
        log_warning(EVENTS[asked->kind], LOG_TEXT(NAMES[asked->kind], text),
                    LOG_TEXT("fingerprint", fingerprint), LOG_TEXT("key", asked->key),
                    LOG_TEXT("address", asked->address), LOG_TEXT("door", DOORS[asked->door]),
                    LOG_TEXT("hint", "to grant it: busbar access grant"));
}

static bool is_hosted(const struct broker *b, struct bytes identity)
{
    for (uint32_t i = 0; i < b->router->hosted_count; i++)
        if (bytes_equal(b->router->hosted[i], identity))
            return true;
    return false;
}

void refusal_note(struct broker *b, const struct pending_asked *asked)
{
    /* What can never be granted is not kept for approval. */
    bool grantable = asked->unknown || asked->kind != ACCESS_IDENTITY ||
                     (access_is_identity(asked->text) && !is_hosted(b, asked->text));
    if (grantable && b->secure && !pending_note(&b->pending, asked, wall_ms()))
        return;
    if (b->refusals_logged++ < LOGGED_MAX)
        tell(asked);
}

void refusal_note_out(struct broker *b, const char *key, const char *address)
{
    for (uint32_t i = 0; i < b->out->refusal_count; i++) {
        const struct pending_asked asked = {.key = key == NULL ? "" : key,
                                            .kind = b->out->refusals[i].kind,
                                            .text = b->out->refusals[i].text,
                                            .address = address,
                                            .door = DOOR_VIP};
        refusal_note(b, &asked);
    }
}

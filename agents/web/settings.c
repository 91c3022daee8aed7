#include "agents/web/settings.h"

#include "agents/web/gate.h"
#include "bus/client/bus_settings.h"

#include <busbar/limits.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) .offset = offsetof(struct settings, member)

static const char *const viewers[] = {"open", "token", NULL};

static const struct setting table[] = {
    BUS_SETTING_IDENTITY(struct settings, 64, "web"),
    BUS_SETTING_ADDRESS(struct settings),
    BUS_SETTING_HOME(struct settings),
    BUS_SETTING_HEARTBEAT(struct settings),
    {.key = "listen",
     .kind = SETTING_TEXT,
     AT(listen),
     .low = 1,
     .high = 260,
     .preset = "127.0.0.1:8087",
     .help = "address and port of the pages; [::1]:8087 for IPv6; port 0: any"},
    {.key = "listen_tries",
     .kind = SETTING_INTEGER,
     AT(listen_tries),
     .low = 1,
     .high = 1000,
     .preset = "1",
     .help = "ports that are tried, one after the other, when the first is taken"},
    {.key = "viewer",
     .kind = SETTING_WORD,
     AT(viewer),
     .words = viewers,
     .preset = "open",
     .help = "who may look: open, everybody on this machine; token, who has one, as any other listen wants "
             "it. To act "
             "always takes one"},
    {.key = "tokens",
     .kind = SETTING_TEXT,
     AT(tokens),
     .low = 1,
     .high = 4000,
     .preset = "web-tokens.json",
     .help = "the file of busbar web token; relative paths are below the home"},
    {.key = "hosts",
     .kind = SETTING_LIST,
     AT(hosts),
     .high = 64,
     .help = "names under which browsers know the server, besides localhost and addresses"},
    {.key = "certificate",
     .kind = SETTING_TEXT,
     AT(certificate),
     .high = 4000,
     .help = "of the server (PEM, with those that signed it): HTTPS; empty: HTTP"},
    {.key = "private_key",
     .kind = SETTING_TEXT,
     AT(private_key),
     .high = 4000,
     .help = "of the certificate (PEM, not encrypted, mode 0600)"},
    {.key = "connections",
     .kind = SETTING_INTEGER,
     AT(connections),
     .low = 8,
     .high = 4096,
     .preset = "512",
     .help = "at one time; further ones wait or are refused"},
    {.key = "connections_per_address",
     .kind = SETTING_INTEGER,
     AT(connections_per_address),
     .low = 4,
     .high = 4096,
     .preset = "256",
     .help = "at one time; further ones are refused"},
    {.key = "header_ms",
     .kind = SETTING_INTEGER,
     AT(header_ms),
     .low = 100,
     .high = 600000,
     .unit = "ms",
     .preset = "10000",
     .help = "for a request's headers, and again for its body; who is slower is cut"},
    {.key = "idle_ms",
     .kind = SETTING_INTEGER,
     AT(idle_ms),
     .low = 1000,
     .high = 600000,
     .unit = "ms",
     .preset = "20000",
     .help = "a connection over which nothing goes is closed"},
    {.key = "posts_per_s",
     .kind = SETTING_INTEGER,
     AT(posts_per_s),
     .low = 1,
     .high = 10000,
     .unit = "1/s",
     .preset = "20",
     .help = "actions of one address, on average; bursts of five seconds' are taken"},
};

const struct config settings_config = {"busbar-webd",
                                       "the dashboard: pages, an API and live streams over HTTP.", table,
                                       sizeof table / sizeof *table};

static bool read_port(const char *text, uint16_t *out)
{
    char *end;
    size_t size = strlen(text);
    unsigned long port = strtoul(text, &end, 10);
    if (size == 0 || size > 5 || strspn(text, "0123456789") != size || port > 65535)
        return false;
    *out = (uint16_t)port;
    return true;
}

/* "host:port", "[v6]:port". */
static bool read_door(const char *text, struct settings_door *out)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || !read_port(colon + 1, &out->port))
        return false;
    size_t size = (size_t)(colon - text);
    if (size > 1 && text[0] == '[' && text[size - 1] == ']') {
        text++;
        size -= 2;
    } else if (memchr(text, ':', size) != NULL) {
        return false;
    }
    if (size == 0 || size >= sizeof out->host)
        return false;
    memcpy(out->host, text, size);
    out->host[size] = '\0';
    return true;
}

static const char *discord(const struct settings *s, const struct settings_door *door)
{
    if ((s->certificate[0] == '\0') != (s->private_key[0] == '\0'))
        return "certificate and private_key go together";
    if (s->viewer == SETTINGS_VIEWER_OPEN && !gate_is_loopback(door->host))
        return "viewer: \"open\" is for this machine alone; with such a listen it is to be \"token\"";
    if (s->connections_per_address > s->connections)
        return "connections_per_address is more than connections";
    return NULL;
}

enum status settings_check(struct settings *settings, struct settings_door *door_out,
                           struct bb_reason *reason)
{
    char **const paths[] = {&settings->tokens, &settings->certificate, &settings->private_key};
    enum status status = BB_OK;
    if (!read_door(settings->listen, door_out)) {
        bb_reason_say(reason, "listen: \"%.200s\" is not of the form 127.0.0.1:8087 or [::1]:8087",
                      settings->listen);
        return BB_MALFORMED;
    }
    const char *fault = discord(settings, door_out);
    if (fault != NULL) {
        bb_reason_say(reason, "%s", fault);
        return BB_RANGE;
    }
    for (size_t i = 0; i < sizeof paths / sizeof *paths && status == BB_OK; i++)
        status = config_place(settings->home, paths[i], reason);
    return status;
}

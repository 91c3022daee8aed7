#include "agents/mqtt/settings.h"

#include "agents/mqtt/payload.h"
#include "bus/client/bus_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT(member)   .offset = offsetof(struct settings, member)
#define PASSWORD_MAX 1000

static const char *const protocols[] = {"5", "3.1.1", NULL};

static const struct setting table[] = {
    BUS_SETTING_IDENTITY(struct settings, 64, "mqtt-agent"),
    BUS_SETTING_ADDRESS(struct settings),
    BUS_SETTING_HOME(struct settings),
    BUS_SETTING_HEARTBEAT(struct settings),
    {.key = "host",
     .kind = SETTING_TEXT,
     AT(host),
     .low = 1,
     .high = 255,
     .preset = "localhost",
     .help = "of the MQTT broker"},
    {.key = "port",
     .kind = SETTING_INTEGER,
     AT(port),
     .low = 1,
     .high = 65535,
     .preset = "1883",
     .help = "of the MQTT broker; 8883 is usual with TLS"},
    {.key = "protocol",
     .kind = SETTING_WORD,
     AT(protocol),
     .words = protocols,
     .help = "of MQTT: 5, or 3.1.1 for brokers that know no other"},
    {.key = "client_id",
     .kind = SETTING_TEXT,
     AT(client_id),
     .high = 200,
     .help = "its name at the MQTT broker; empty: identity and origin"},
    {.key = "origin",
     .kind = SETTING_TEXT,
     AT(origin),
     .high = 200,
     .help = "what marks messages of this bus on MQTT; empty: the bus's public key, or its name"},
    {.key = "username",
     .kind = SETTING_TEXT,
     AT(username),
     .high = 1000,
     .help = "at the MQTT broker; empty: none"},
    {.key = "password_file",
     .kind = SETTING_TEXT,
     AT(password_file),
     .help = "its first line is the password; mode 0600; relative paths are below the home"},
    {.key = "tls", .kind = SETTING_SWITCH, AT(tls), .help = "encrypt, and check the broker's certificate"},
    {.key = "ca_file",
     .kind = SETTING_TEXT,
     AT(ca_file),
     .help = "certificates (PEM) that may sign the broker's; empty: the system's"},
    {.key = "certificate", .kind = SETTING_TEXT, AT(certificate), .help = "of this agent (PEM); empty: none"},
    {.key = "private_key",
     .kind = SETTING_TEXT,
     AT(private_key),
     .help = "of the certificate (PEM, not encrypted)"},
    {.key = "keepalive_s",
     .kind = SETTING_INTEGER,
     AT(keepalive_s),
     .low = 5,
     .high = 3600,
     .unit = "s",
     .preset = "30",
     .help = "silence after which each side looks whether the other is there"},
    {.key = "session_s",
     .kind = SETTING_INTEGER,
     AT(session_s),
     .low = 0,
     .high = 4294967294.0,
     .unit = "s",
     .preset = "86400",
     .help = "how long the MQTT broker keeps QoS 1 messages for the absent agent; 0: not at all"},
    {.key = "retry_min_ms",
     .kind = SETTING_INTEGER,
     AT(retry_min_ms),
     .low = 50,
     .high = 60000,
     .unit = "ms",
     .preset = "500",
     .help = "the first pause before connecting again; it doubles"},
    {.key = "retry_max_ms",
     .kind = SETTING_INTEGER,
     AT(retry_max_ms),
     .low = 50,
     .high = 3600000,
     .unit = "ms",
     .preset = "30000",
     .help = "the longest pause before connecting again"},
    {.key = "queue_messages",
     .kind = SETTING_INTEGER,
     AT(queue_messages),
     .low = 200,
     .high = 1000000,
     .preset = "10000",
     .help = "messages that wait for the MQTT broker, for each QoS; beyond, the oldest go"},
    {.key = "queue_bytes",
     .kind = SETTING_INTEGER,
     AT(queue_bytes),
     .low = 4194304,
     .high = 4294967296.0,
     .unit = "bytes",
     .preset = "67108864",
     .help = "of those messages, for each QoS"},
    {.key = "payload_max",
     .kind = SETTING_INTEGER,
     AT(payload_max),
     .low = 1,
     .high = PAYLOAD_MAX,
     .unit = "bytes",
     .preset = "1048576",
     .help = "the largest MQTT payload, either way; larger ones are refused"},
    {.key = "to_mqtt",
     .kind = SETTING_LIST,
     AT(to_mqtt),
     .high = MAPS_MAX,
     .help = "maps from the bus to MQTT: \"Data/ => home/grid/ qos1 retain\""},
    {.key = "to_bus",
     .kind = SETTING_LIST,
     AT(to_bus),
     .high = MAPS_MAX,
     .help = "maps from MQTT to the bus: \"home/meters/ => devices/home/ qos1\""},
};

const struct config settings_config = {"mqtt-agent",
                                       "carries chosen topics between the bus and an MQTT broker.", table,
                                       sizeof table / sizeof *table};

static enum status read_maps(enum map_way way, const struct setting_list *lines, struct map *maps,
                             size_t *count_out, struct bb_reason *reason)
{
    for (size_t i = 0; i < lines->count; i++) {
        struct bb_reason why = {""};
        enum status status = map_parse(way, lines->items[i], &why, &maps[i]);
        if (status != BB_OK) {
            bb_reason_say(reason, "%s: %.400s", way == MAP_TO_MQTT ? "to_mqtt" : "to_bus", why.text);
            return status;
        }
        for (size_t k = 0; k < i; k++)
            if (strcmp(maps[k].from, maps[i].from) == 0 && maps[k].exact == maps[i].exact) {
                bb_reason_say(reason, "\"%.200s\": there is a map for these topics already", lines->items[i]);
                return BB_MALFORMED;
            }
    }
    *count_out = lines->count;
    return BB_OK;
}

/* With MQTT 5 every message is marked. Without marks nothing may come back that went out. */
static enum status check_circles(const struct settings *s, const struct bridge_maps *maps,
                                 struct bb_reason *reason)
{
    for (size_t i = 0; i < maps->to_mqtt_count && s->protocol == SETTINGS_MQTT_311; i++)
        for (size_t k = 0; k < maps->to_bus_count; k++)
            if (map_meet(&maps->to_mqtt[i], &maps->to_bus[k])) {
                bb_reason_say(
                    reason,
                    "what \"%.150s\" sends to MQTT comes back by \"%.150s\": MQTT 3.1.1 cannot mark "
                    "messages; use protocol 5 or topics that do not meet",
                    s->to_mqtt.items[i], s->to_bus.items[k]);
                return BB_RANGE;
            }
    return BB_OK;
}

static enum status check_files(struct settings *s, struct bb_reason *reason)
{
    char **const paths[] = {&s->password_file, &s->ca_file, &s->certificate, &s->private_key};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        enum status status = config_place(s->home, paths[i], reason);
        if (status != BB_OK)
            return status;
        if (**paths[i] != '\0' && access(*paths[i], R_OK) != 0) {
            bb_reason_say(reason, "%.300s: %s", *paths[i], strerror(errno));
            return BB_NOT_FOUND;
        }
    }
    return BB_OK;
}

static const char *discord(const struct settings *s)
{
    if (s->to_mqtt.count + s->to_bus.count == 0)
        return "nothing to carry: give to_mqtt or to_bus a map";
    if ((s->certificate[0] == '\0') != (s->private_key[0] == '\0'))
        return "certificate and private_key go together";
    if (!s->tls && (s->ca_file[0] != '\0' || s->certificate[0] != '\0'))
        return "ca_file and certificate want tls";
    if (s->password_file[0] != '\0' && s->username[0] == '\0')
        return "password_file wants a username";
    if (s->retry_max_ms < s->retry_min_ms)
        return "retry_max_ms is less than retry_min_ms";
    return NULL;
}

enum status settings_check(struct settings *settings, struct bridge_maps *maps_out, struct bb_reason *reason)
{
    const char *fault = discord(settings);
    if (fault != NULL) {
        bb_reason_say(reason, "%s", fault);
        return BB_RANGE;
    }
    enum status status =
        read_maps(MAP_TO_MQTT, &settings->to_mqtt, maps_out->to_mqtt, &maps_out->to_mqtt_count, reason);
    if (status == BB_OK)
        status = read_maps(MAP_TO_BUS, &settings->to_bus, maps_out->to_bus, &maps_out->to_bus_count, reason);
    if (status == BB_OK)
        status = check_circles(settings, maps_out, reason);
    return status == BB_OK ? check_files(settings, reason) : status;
}

static enum status read_secret(int fd, const char *path, struct bb_reason *reason, char **out)
{
    struct stat about;
    char text[PASSWORD_MAX + 2];
    if (fstat(fd, &about) != 0 || (about.st_mode & 077) != 0) {
        bb_reason_say(reason, "%.300s: others can read it; chmod 600 it", path);
        return BB_DENIED;
    }
    ssize_t size = read(fd, text, sizeof text - 1);
    if (size < 0) {
        bb_reason_say(reason, "%.300s: %s", path, strerror(errno));
        return BB_IO;
    }
    text[size] = '\0';
    size_t length = strcspn(text, "\r\n");
    text[length] = '\0';
    if (length == 0 || length > PASSWORD_MAX) {
        bb_reason_say(reason, "%.300s: its first line is to be a password of 1 to %d bytes", path,
                      PASSWORD_MAX);
        return BB_RANGE;
    }
    *out = strdup(text);
    explicit_bzero(text, sizeof text);
    return *out == NULL ? BB_FULL : BB_OK;
}

enum status settings_password(const struct settings *settings, struct bb_reason *reason, char **out)
{
    const char *path = settings->password_file;
    if (path[0] == '\0') {
        *out = strdup("");
        return *out == NULL ? BB_FULL : BB_OK;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        bb_reason_say(reason, "%.300s: %s", path, strerror(errno));
        return BB_NOT_FOUND;
    }
    enum status status = read_secret(fd, path, reason, out);
    close(fd);
    return status;
}

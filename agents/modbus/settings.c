#include "agents/modbus/settings.h"

#include "bus/client/json_line.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

/* A file on its way into the settings. */
struct reading {
    struct json_text text;
    struct settings *out;
    struct bb_reason *reason;
    size_t device; /* which one is read: how often its keys came before */
};

struct number {
    const char *key;
    size_t offset;
    int64_t low, high, preset;
};

#define DEVICE(member) offsetof(struct settings_device, member)
static const struct number device_numbers[] = {
    {"unit", DEVICE(unit), 0, 255, 1},
    {"interval_ms", DEVICE(interval_ms), 50, 86400000, 1000},
    {"timeout_ms", DEVICE(timeout_ms), 10, 10000, 1000},
    {"retries", DEVICE(retries), 0, 10, 1},
    {"gap", DEVICE(gap), 0, READ_MAX, 8},
    {"seed", DEVICE(seed), 0, INT32_MAX, 1},
};
static const struct number numbers[] = {
    {"retry_max_ms", offsetof(struct settings, retry_max_ms), 100, 3600000, 60000},
    {"announce_ms", offsetof(struct settings, announce_ms), 100, 3600000, 30000},
    {"grace_ms", offsetof(struct settings, grace_ms), 0, 3600000, 60000},
    {"leave_ms", offsetof(struct settings, leave_ms), 0, 3600000, 5000},
};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static enum status wrong(const struct reading *r, const char *key, const char *what)
{
    bb_reason_say(r->reason, "%s:%d: \"%s\" %s", r->text.file, json_line_of(&r->text, key, r->device), key,
                  what);
    return BB_MALFORMED;
}

static enum status read_number(const struct reading *r, const struct number *list, size_t count,
                               const char *key, const json_t *value, void *target)
{
    for (size_t i = 0; i < count; i++) {
        int64_t number = json_integer_value(value);
        if (strcmp(key, list[i].key) != 0)
            continue;
        if (!json_is_integer(value) || number < list[i].low || number > list[i].high) {
            char text[96];
            snprintf(text, sizeof text, "is to be a whole number from %lld to %lld", (long long)list[i].low,
                     (long long)list[i].high);
            return wrong(r, key, text);
        }
        memcpy((char *)target + list[i].offset, &number, sizeof number);
        return BB_OK;
    }
    return wrong(r, key, "is unknown here");
}

static enum status read_switch(const struct reading *r, const char *key, const json_t *value, bool *out)
{
    if (!json_is_boolean(value))
        return wrong(r, key, "is to be true or false");
    *out = json_is_true(value);
    return BB_OK;
}

static void preset(const struct number *list, size_t count, void *target)
{
    for (size_t i = 0; i < count; i++)
        memcpy((char *)target + list[i].offset, &list[i].preset, sizeof list[i].preset);
}

/* -- a device ---------------------------------------------------------------------------------------------
 */

/* A path below devices/: parts of printable ASCII, none of them empty. */
static bool is_path(const char *text)
{
    size_t size = strlen(text);
    if (size == 0 || size >= SETTINGS_PATH_MAX || text[0] == '/' || text[size - 1] == '/' ||
        strstr(text, "//") != NULL)
        return false;
    for (; *text != '\0'; text++)
        if (*text <= 0x20 || *text > 0x7e || *text == '"' || *text == '\\')
            return false;
    return true;
}

static enum status read_name(const struct reading *r, const json_t *value, struct settings_device *d)
{
    const char *name = json_string_value(value);
    if (name != NULL && strncmp(name, "devices/", 8) == 0)
        name += 8;
    if (name == NULL || !is_path(name) || strncmp(name, "actuators/", 10) == 0)
        return wrong(r, "name", "is to be a path like campus/building/meter1");
    for (size_t i = 0; i + 1 < r->out->count; i++)
        if (strcmp(r->out->devices[i].name, name) == 0)
            return wrong(r, "name", "is another device's already");
    snprintf(d->name, sizeof d->name, "%s", name);
    return BB_OK;
}

enum status settings_tcp(const char *text, struct port_place *out)
{
    struct port_place place = {.kind = PORT_TCP, .service = "502"};
    const char *colon = strrchr(text, ':'), *end = strrchr(text, ']');
    if (colon != NULL && (text[0] == '[' ? colon != end + 1 : strchr(text, ':') != colon))
        colon = NULL;
    size_t size = colon != NULL ? (size_t)(colon - text) : strlen(text);
    if (text[0] == '[' && end != NULL && size >= 2 && text + size == end + 1) {
        text++;
        size -= 2;
    }
    if (size == 0 || size >= sizeof place.target || strcspn(text, " /?[]") < size)
        return BB_MALFORMED;
    memcpy(place.target, text, size);
    if (colon != NULL) {
        char *rest = NULL;
        long port = strtol(colon + 1, &rest, 10);
        if (colon[1] < '0' || colon[1] > '9' || *rest != '\0' || port < 1 || port > 65535)
            return BB_MALFORMED;
        snprintf(place.service, sizeof place.service, "%ld", port);
    }
    *out = place;
    return BB_OK;
}

static enum status read_rtu(const struct reading *r, const json_t *value, struct settings_device *d)
{
    static const int64_t rates[] = {1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400};
    struct port_place place = {.kind = PORT_RTU, .baud = 9600, .parity = 'E', .stop = 1};
    const char *key;
    json_t *item;
    json_object_foreach((json_t *)value, key, item)
    {
        const char *text = json_string_value(item);
        int64_t number = json_integer_value(item);
        bool fine = false;
        if (strcmp(key, "port") == 0 && text != NULL && text[0] == '/' && strlen(text) < sizeof place.target)
            fine = snprintf(place.target, sizeof place.target, "%s", text) > 0;
        else if (strcmp(key, "baud") == 0)
            for (size_t i = 0; i < COUNT(rates) && !fine; i++)
                fine = rates[i] == number;
        else if (strcmp(key, "parity") == 0 && text != NULL && strlen(text) == 1)
            fine = strchr("NEO", text[0]) != NULL;
        else if (strcmp(key, "stop") == 0)
            fine = number == 1 || number == 2;
        if (!fine)
            return wrong(r, key,
                         "is no part of \"rtu\", or has a wrong value: port (a path), baud "
                         "(1200 to 230400), parity (N, E or O), stop (1 or 2)");
        place.baud = strcmp(key, "baud") == 0 ? (int)number : place.baud;
        place.stop = strcmp(key, "stop") == 0 ? (int)number : place.stop;
        place.parity = strcmp(key, "parity") == 0 ? text[0] : place.parity;
    }
    if (place.target[0] == '\0')
        return wrong(r, "rtu", "is to be an object with \"port\"");
    d->place = place;
    return BB_OK;
}

/* A registry's path, relative to the folder of the settings. */
static enum status read_registry(const struct reading *r, const json_t *value, struct settings_device *d)
{
    const char *text = json_string_value(value), *slash = strrchr(r->text.file, '/');
    if (text == NULL || text[0] == '\0' || strlen(text) > 1000)
        return wrong(r, "registry", "is to be the path of a file");
    int folder = text[0] == '/' || slash == NULL ? 0 : (int)(slash - r->text.file) + 1;
    int size = asprintf(&d->registry, "%.*s%s", folder, r->text.file, text);
    CHECK(size > 0);
    return BB_OK;
}

static enum status read_member(const struct reading *r, const char *key, const json_t *value,
                               struct settings_device *d)
{
    if (strcmp(key, "name") == 0)
        return read_name(r, value, d);
    if ((strcmp(key, "tcp") == 0 || strcmp(key, "rtu") == 0) && d->place.kind != PORT_NONE)
        return wrong(r, key, "stands beside another line: tcp or rtu");
    if (strcmp(key, "tcp") == 0)
        return json_is_string(value) && settings_tcp(json_string_value(value), &d->place) == BB_OK
                   ? BB_OK
                   : wrong(r, key, "is to be HOST:PORT");
    if (strcmp(key, "rtu") == 0)
        return read_rtu(r, value, d);
    if (strcmp(key, "registry") == 0)
        return read_registry(r, value, d);
    if (strcmp(key, "sunspec") == 0)
        return read_switch(r, key, value, &d->sunspec);
    if (strcmp(key, "fake") == 0)
        return read_switch(r, key, value, &d->fake);
    if (strcmp(key, "points") == 0 || strcmp(key, "publish_depth_first") == 0) /* VOLTTRON's name for it */
        return read_switch(r, key, value, &d->points);
    return read_number(r, device_numbers, COUNT(device_numbers), key, value, d);
}

static enum status read_device(struct reading *r, const json_t *object)
{
    struct settings_device *d = &r->out->devices[r->out->count++];
    enum status status = BB_OK;
    const char *key;
    json_t *value;
    preset(device_numbers, COUNT(device_numbers), d);
    json_object_foreach((json_t *)object, key, value)
    {
        if (status == BB_OK)
            status = read_member(r, key, value, d);
    }
    if (status != BB_OK)
        return status;
    if (d->name[0] == '\0')
        return wrong(r, "devices", "holds a device without \"name\"");
    if (d->fake == (d->place.kind != PORT_NONE))
        return wrong(r, "name", "is of a device that needs one of \"tcp\", \"rtu\" and \"fake\"");
    if (d->sunspec == (d->registry != NULL))
        return wrong(r, "name", "is of a device that needs one of \"registry\" and \"sunspec\"");
    if (d->place.kind == PORT_RTU && d->unit > 247)
        return wrong(r, "unit", "is at most 247 on a serial line");
    return BB_OK;
}

/* -- all of it --------------------------------------------------------------------------------------------
 */

static enum status read_devices(struct reading *r, const json_t *value)
{
    enum status status = BB_OK;
    json_t *item;
    size_t i;
    if (!json_is_array(value) || json_array_size(value) > SETTINGS_DEVICES_MAX)
        return wrong(r, "devices", "is to be a list of at most 256 objects");
    r->out->devices = calloc(json_array_size(value) + 1, sizeof *r->out->devices);
    CHECK(r->out->devices != NULL);
    json_array_foreach(value, i, item)
    {
        if (!json_is_object(item))
            return wrong(r, "devices", "is to be a list of objects");
        r->device = i;
        status = read_device(r, item);
        if (status != BB_OK)
            return status;
    }
    r->device = 0;
    return BB_OK;
}

static enum status read_all(struct reading *r, const json_t *root)
{
    enum status status = json_is_object(root) ? BB_OK : wrong(r, "{", "is missing: an object is expected");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)root, key, value)
    {
        if (status != BB_OK)
            break;
        if (strcmp(key, "devices") == 0)
            status = read_devices(r, value);
        else if (strcmp(key, "free_writes") == 0)
            status = read_switch(r, key, value, &r->out->free_writes);
        else if (strcmp(key, "timezone") == 0 && json_is_string(value) &&
                 json_string_length(value) < sizeof r->out->timezone)
            snprintf(r->out->timezone, sizeof r->out->timezone, "%s", json_string_value(value));
        else
            status = read_number(r, numbers, COUNT(numbers), key, value, r->out);
    }
    if (status == BB_OK && r->out->count == 0)
        status = wrong(r, "devices", "is missing or empty: there is nothing to do");
    return status;
}

/* Two lines of one serial port are to be the same in all. */
static enum status check_lines(const struct settings *s, const char *path, struct bb_reason *reason)
{
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < i; k++) {
            const struct port_place *a = &s->devices[i].place, *b = &s->devices[k].place;
            if (a->kind != PORT_RTU || b->kind != PORT_RTU || strcmp(a->target, b->target) != 0 ||
                port_same(a, b))
                continue;
            bb_reason_say(reason, "%s: \"%.100s\" and \"%.100s\" are on one port, with different settings",
                          path, s->devices[k].name, s->devices[i].name);
            return BB_MALFORMED;
        }
    return BB_OK;
}

enum status settings_load(const char *path, struct settings *out, struct bb_reason *reason)
{
    struct reading r = {.out = out, .reason = reason};
    json_t *root = NULL;
    *out = (struct settings){.timezone = "UTC"};
    preset(numbers, COUNT(numbers), out);
    enum status status = json_text_load(path, &r.text, &root, reason);
    if (status != BB_OK)
        return status;
    status = read_all(&r, root);
    json_decref(root);
    json_text_free(&r.text);
    return status == BB_OK ? check_lines(out, path, reason) : status;
}

void settings_free(struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++)
        free(settings->devices[i].registry);
    free(settings->devices);
    *settings = (struct settings){NULL, 0, "", false, 0, 0, 0, 0};
}

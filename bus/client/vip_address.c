#include "bus/client/vip_address.h"

#include "bus/client/config.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void vip_address_wipe(struct vip_address *address)
{
    explicit_bzero(address, sizeof *address);
}

bool vip_address_identity_valid(const char *identity)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t length = strlen(identity);
    if (length == 0 || length > BB_IDENTITY_MAX || strspn(identity, allowed) != length)
        return false;
    json_t *value = json_loads(identity, JSON_DECODE_ANY, NULL);
    json_decref(value);
    return value == NULL && strcmp(identity, "NaN") != 0 && strcmp(identity, "Infinity") != 0;
}

static bool percent_decode(const char *from, size_t length, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        char c = from[i];
        if (c == '%') {
            if (i + 2 >= length || !isxdigit((unsigned char)from[i + 1]) ||
                !isxdigit((unsigned char)from[i + 2]))
                return false;
            char hex[3] = {from[i + 1], from[i + 2], '\0'};
            c = (char)strtoul(hex, NULL, 16);
            i += 2;
        }
        if (c == '\0' || used + 1 >= size)
            return false;
        out[used++] = c;
    }
    out[used] = '\0';
    return true;
}

static enum status take_parameter(const char *name, const char *value, struct vip_address *a,
                                  struct bb_reason *reason)
{
    const struct {
        const char *name;
        char *key;
    } keys[] = {
        {"serverkey", a->server_key}, {"publickey", a->own.public_key}, {"secretkey", a->own.secret_key}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(name, keys[i].name) == 0) {
            if (keys_from_text(value, keys[i].key) == BB_OK)
                return BB_OK;
            bb_reason_say(reason, "the address's %s is no key (base64url of 43 characters, Z85 or hex)",
                          name);
            return BB_RANGE;
        }
    if (strcmp(name, "server") == 0 && (strcmp(value, "NULL") == 0 || strcmp(value, "CURVE") == 0)) {
        a->plain = value[0] == 'N';
        return BB_OK;
    }
    if (strcmp(name, "domain") == 0 || strcmp(name, "ipv6") == 0)
        return BB_OK;
    bb_reason_say(reason, "the address has an unknown parameter \"%.32s\"", name);
    return BB_RANGE;
}

static enum status take_parameters(const char *text, size_t length, struct vip_address *a,
                                   struct bb_reason *reason)
{
    while (length > 0) {
        char name[32], value[160];
        const char *end = memchr(text, '&', length);
        size_t size = end != NULL ? (size_t)(end - text) : length;
        const char *equals = memchr(text, '=', size);
        if (equals == NULL || !percent_decode(text, (size_t)(equals - text), name, sizeof name) ||
            !percent_decode(equals + 1, size - (size_t)(equals - text) - 1, value, sizeof value)) {
            bb_reason_say(reason, "the address's parameters do not read name=value&…");
            return BB_RANGE;
        }
        enum status status = take_parameter(name, value, a, reason);
        explicit_bzero(value, sizeof value);
        if (status != BB_OK)
            return status;
        size += end != NULL;
        text += size;
        length -= size;
    }
    return BB_OK;
}

static enum status check(const struct vip_address *a, struct bb_reason *reason)
{
    const char *path = strncmp(a->endpoint, "ipc://", 6) == 0 ? a->endpoint + 6 : NULL;
    const char *host = strncmp(a->endpoint, "tcp://", 6) == 0 ? a->endpoint + 6 : NULL;
    const char *port = host != NULL ? strrchr(host, ':') : NULL;
    if (path == NULL && (port == NULL || port == host || strspn(port + 1, "0123456789") != strlen(port + 1) ||
                         port[1] == '\0' || strtol(port + 1, NULL, 10) > 65535)) {
        bb_reason_say(reason, "the address must be tcp://host:port or ipc://path");
        return BB_RANGE;
    }
    if (path != NULL && (path[0] == '\0' || strlen(path) > 107)) {
        bb_reason_say(reason, "the path of an ipc address has 1 to 107 bytes; this one has %zu",
                      strlen(path));
        return BB_RANGE;
    }
    if ((a->own.public_key[0] == '\0') != (a->own.secret_key[0] == '\0')) {
        bb_reason_say(reason, "the address has only one of publickey and secretkey");
        return BB_RANGE;
    }
    return BB_OK;
}

enum status vip_address_parse(const char *text, struct vip_address *out, struct bb_reason *reason)
{
    struct vip_address a = {.plain = false};
    size_t length = strcspn(text, "?#");
    if (length >= sizeof a.endpoint) {
        bb_reason_say(reason, "the address is too long");
        return BB_RANGE;
    }
    memcpy(a.endpoint, text, length);
    const char *parameters = text[length] == '?' ? text + length + 1 : "";
    enum status status = take_parameters(parameters, strcspn(parameters, "#"), &a, reason);
    if (status == BB_OK)
        status = check(&a, reason);
    if (status == BB_OK)
        *out = a;
    vip_address_wipe(&a);
    return status;
}

void vip_address_format(const struct vip_address *address, char *text_out)
{
    char key[KEY_BASE64_SIZE];
    if (keys_to_base64(address->server_key, key) == BB_OK)
        snprintf(text_out, VIP_ADDRESS_TEXT_MAX, "%s?serverkey=%s", address->endpoint, key);
    else
        snprintf(text_out, VIP_ADDRESS_TEXT_MAX, "%s%s", address->endpoint,
                 address->plain ? "?server=NULL" : "");
}

static enum status read_line(const char *path, char *line, size_t size, struct bb_reason *reason)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        bb_reason_say(reason, "no broker address: %s: %s; start busbard, or give an address (BUSBAR_VIP)",
                      path, strerror(errno));
        return BB_NOT_FOUND;
    }
    bool got = fgets(line, (int)size, file) != NULL;
    fclose(file);
    if (!got) {
        bb_reason_say(reason, "%s: is empty; restart busbard", path);
        return BB_NOT_FOUND;
    }
    line[strcspn(line, " \t\r\n")] = '\0';
    return BB_OK;
}

/* The address without the keys that are not in it. */
static enum status locate(const char *given, const char *home, struct vip_address *out,
                          struct bb_reason *reason)
{
    char path[BB_PATH_MAX], line[VIP_ADDRESS_TEXT_MAX];
    const char *text = given != NULL && given[0] != '\0' ? given : getenv("BUSBAR_VIP");
    if (text != NULL && text[0] != '\0')
        return vip_address_parse(text, out, reason);
    if (config_home(home, "run/vip.address", path, sizeof path) != BB_OK) {
        bb_reason_say(reason, "no home: set BUSBAR_HOME");
        return BB_NOT_FOUND;
    }
    enum status status = read_line(path, line, sizeof line, reason);
    if (status == BB_OK)
        status = vip_address_parse(line, out, reason);
    if (status == BB_OK && out->server_key[0] == '\0')
        out->plain = true;
    return status;
}

static enum status find_own_keys(const char *home, const char *identity, struct keys *out,
                                 struct bb_reason *reason)
{
    char below[BB_IDENTITY_MAX + 16], path[BB_PATH_MAX];
    const char *dot = strrchr(identity, '.');
    bool numbered =
        dot != NULL && dot != identity && dot[1] != '\0' && strspn(dot + 1, "0123456789") == strlen(dot + 1);
    snprintf(below, sizeof below, "keys/%s.json", identity);
    enum status status = config_home(home, below, path, sizeof path);
    if (status == BB_OK && numbered && access(path, F_OK) != 0) {
        snprintf(below, sizeof below, "keys/%.*s.json", (int)(dot - identity), identity);
        status = config_home(home, below, path, sizeof path);
    }
    if (status == BB_OK)
        status = keys_load(path, out, reason);
    if (status == BB_NOT_FOUND)
        bb_reason_say(
            reason, "no key for %s: %s is missing; `busbar init` makes those of the agents that come with it",
            identity, path);
    return status;
}

enum status vip_address_find(const char *given, const char *home, const char *identity,
                             struct vip_address *out, struct bb_reason *reason)
{
    struct vip_address a;
    char path[BB_PATH_MAX];
    enum status status = locate(given, home, &a, reason);
    if (status == BB_OK && !a.plain && a.server_key[0] == '\0') {
        status = config_home(home, "keys/busbard.pub", path, sizeof path);
        if (status == BB_OK)
            status = keys_load_public(path, a.server_key, reason);
        if (status == BB_NOT_FOUND)
            bb_reason_say(reason,
                          "the address has no serverkey and %s is missing; add ?serverkey=… (or ?server=NULL "
                          "for a broker without encryption)",
                          path);
    }
    if (status == BB_OK && !a.plain && a.own.secret_key[0] == '\0')
        status = find_own_keys(home, identity, &a.own, reason);
    if (status == BB_OK)
        *out = a;
    vip_address_wipe(&a);
    return status;
}

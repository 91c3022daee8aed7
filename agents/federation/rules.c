#include "agents/federation/rules.h"

#include "bus/core/access.h"

#include <stdint.h>
#include <string.h>

bool rules_is_platform(const char *name)
{
    return strlen(name) < RULES_NAME_SIZE && access_is_identity(bytes_of(name));
}

bool rules_covers(const struct rules_list *prefixes, const char *topic)
{
    for (size_t i = 0; i < prefixes->count; i++)
        if (strncmp(topic, prefixes->items[i], strlen(prefixes->items[i])) == 0)
            return true;
    return false;
}

static bool matches(const char *rule, size_t size, const char *name)
{
    if (size > 0 && rule[size - 1] == '*')
        return strncmp(rule, name, size - 1) == 0;
    return strlen(name) == size && memcmp(rule, name, size) == 0;
}

bool rules_may_call(const struct rules_list *calls, const char *peer, const char *method)
{
    for (size_t i = 0; i < calls->count; i++) {
        const char *rule = calls->items[i], *slash = strchr(rule, '/');
        if (slash != NULL && matches(rule, (size_t)(slash - rule), peer) &&
            matches(slash + 1, strlen(slash + 1), method))
            return true;
    }
    return false;
}

bool rules_is_call(const char *text)
{
    const char *slash = strchr(text, '/');
    return slash != NULL && slash != text && slash[1] != '\0' && strchr(slash + 1, '/') == NULL;
}

bool rules_passed(const struct rules_way *way, const char *platform)
{
    for (size_t i = 0; i < way->count; i++)
        if (strcmp(way->names[i], platform) == 0)
            return true;
    return false;
}

bool rules_pass(struct rules_way *way, const char *platform, size_t hops)
{
    if (way->count >= hops || way->count >= RULES_HOPS_MAX || !rules_is_platform(platform) ||
        rules_passed(way, platform))
        return false;
    memcpy(way->names[way->count++], platform, strlen(platform) + 1);
    return true;
}

bool rules_split(const char *name, char *peer_out, size_t peer_size, char *platform_out)
{
    const char *at = strchr(name, '@');
    size_t size = at == NULL ? 0 : (size_t)(at - name);
    if (size == 0 || size >= peer_size || !access_is_identity((struct bytes){(const uint8_t *)name, size}) ||
        !rules_is_platform(at + 1))
        return false;
    memcpy(peer_out, name, size);
    peer_out[size] = '\0';
    memcpy(platform_out, at + 1, strlen(at + 1) + 1);
    return true;
}

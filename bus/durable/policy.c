#include "bus/durable/policy.h"

#include <jansson.h>

#define DAY_MS   (24.0 * 3600 * 1000)
#define DAYS_MAX 36500

static bool begins(struct bytes text, struct bytes prefix)
{
    return text.size >= prefix.size && (prefix.size == 0 || memcmp(text.data, prefix.data, prefix.size) == 0);
}

static struct bytes prefix_of(const struct durable_policy *policy)
{
    return (struct bytes){policy->prefix, policy->size};
}

/* A text in UTF-8 as topics are on the wire. */
static enum status read_prefix(const char *text, struct durable_policy *policy, struct bb_reason *reason)
{
    policy->size = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        unsigned char c = *at;
        bool wide = c >= 0x80;
        if ((wide && (c > 0xc3 || (at[1] & 0xc0) != 0x80)) || policy->size == sizeof policy->prefix) {
            bb_reason_say(reason, "durable: a prefix has at most %d characters up to U+00FF", BB_TOPIC_MAX);
            return BB_RANGE;
        }
        if (wide)
            c = (unsigned char)(c << 6 | (*++at & 0x3f));
        policy->prefix[policy->size++] = c;
    }
    return BB_OK;
}

static enum status read_object(const json_t *object, struct durable_policy *policy, struct bb_reason *reason)
{
    const json_t *days = json_object_get(object, "keep_days"), *bytes = json_object_get(object, "keep_bytes");
    const char *prefix = json_string_value(json_object_get(object, "prefix"));
    size_t known = (prefix != NULL) + (days != NULL) + (bytes != NULL);
    if (prefix == NULL || json_object_size(object) != known ||
        (days != NULL &&
         (!json_is_number(days) || !(json_number_value(days) > 0) || json_number_value(days) > DAYS_MAX)) ||
        (bytes != NULL && (!json_is_integer(bytes) || json_integer_value(bytes) <= 0))) {
        bb_reason_say(reason, "durable: expected a prefix, or {\"prefix\":\"…\",\"keep_days\":7,"
                              "\"keep_bytes\":268435456} with numbers above 0");
        return BB_MALFORMED;
    }
    if (days != NULL)
        policy->keep_ms = (int64_t)(json_number_value(days) * DAY_MS);
    if (bytes != NULL)
        policy->keep_bytes = json_integer_value(bytes);
    return read_prefix(prefix, policy, reason);
}

enum status durable_policy_read(const char *text, struct durable_policy *out, struct bb_reason *reason)
{
    struct durable_policy policy = {.keep_ms = (int64_t)(DURABLE_DAYS * DAY_MS), .keep_bytes = DURABLE_BYTES};
    enum status status;
    if (*text != '{') {
        status = read_prefix(text, &policy, reason);
    } else {
        json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        status = read_object(object, &policy, reason);
        json_decref(object);
    }
    if (status == BB_OK)
        *out = policy;
    return status;
}

int durable_policy_of(const struct durable_policy *policies, size_t count, struct bytes topic)
{
    int found = -1;
    for (size_t i = 0; i < count; i++)
        if (begins(topic, prefix_of(&policies[i])) && (found < 0 || policies[i].size > policies[found].size))
            found = (int)i;
    return found;
}

bool durable_policy_meets(const struct durable_policy *policies, size_t count, struct bytes prefix)
{
    for (size_t i = 0; i < count; i++)
        if (begins(prefix, prefix_of(&policies[i])) || begins(prefix_of(&policies[i]), prefix))
            return true;
    return false;
}

bool durable_is_name(struct bytes text)
{
    if (text.size == 0 || text.size > DURABLE_NAME_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool letter = (uint8_t)((c | 0x20) - 'a') < 26;
        if (!letter && (uint8_t)(c - '0') > 9 && c != '_' && c != '.' && c != '-')
            return false;
    }
    return true;
}

enum status durable_prefixes_add(struct durable_prefixes *prefixes, struct bytes prefix)
{
    struct writer w = writer_at(prefixes->text, sizeof prefixes->text);
    w.size = prefixes->size;
    if (prefixes->count == DURABLE_PREFIXES_MAX || prefix.size > BB_TOPIC_MAX)
        return BB_FULL;
    write_u16(&w, (uint16_t)prefix.size);
    write_bytes(&w, prefix);
    if (!w.ok)
        return BB_FULL;
    prefixes->size = w.size;
    prefixes->count++;
    return BB_OK;
}

enum status durable_prefixes_load(struct durable_prefixes *prefixes, struct bytes stored)
{
    struct durable_prefixes fresh = {.count = 0};
    struct reader r = reader_at(stored);
    while (r.left.size > 0) {
        struct bytes prefix = read_bytes(&r, read_u16(&r));
        if (!r.ok || durable_prefixes_add(&fresh, prefix) != BB_OK)
            return BB_MALFORMED;
    }
    *prefixes = fresh;
    return BB_OK;
}

bool durable_prefixes_next(const struct durable_prefixes *prefixes, size_t *at, struct bytes *prefix_out)
{
    struct reader r = reader_at((struct bytes){prefixes->text + *at, prefixes->size - *at});
    struct bytes prefix = read_bytes(&r, read_u16(&r));
    if (!r.ok)
        return false;
    *at += 2 + prefix.size;
    *prefix_out = prefix;
    return true;
}

bool durable_prefixes_match(const struct durable_prefixes *prefixes, struct bytes topic)
{
    struct bytes prefix;
    size_t at = 0;
    while (durable_prefixes_next(prefixes, &at, &prefix))
        if (begins(topic, prefix))
            return true;
    return false;
}

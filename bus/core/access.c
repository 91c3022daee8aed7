#include "bus/core/access.h"

#include "bus/core/scan.h"

#include <busbar/check.h>
#include <busbar/limits.h>

void access_init(struct access *access)
{
    access->entry_count = access->grant_count = 0;
    pool_init(&access->texts, access->memory, sizeof access->memory);
}

enum status access_add(struct access *access, struct bytes key, uint32_t *entry_out)
{
    uint32_t found;
    if (key.size != ACCESS_KEY_SIZE)
        return BB_RANGE;
    if (access_find(access, key, &found) == BB_OK)
        return BB_EXISTS;
    if (access->entry_count == ACCESS_ENTRIES_MAX)
        return BB_FULL;
    struct access_entry *entry = &access->entries[access->entry_count];
    *entry = (struct access_entry){.key = ""};
    memcpy(entry->key, key.data, key.size);
    *entry_out = access->entry_count++;
    return BB_OK;
}

/* Takes the `*` off an identity pattern; false if what is left cannot begin an identity. */
static bool read_pattern(struct bytes *text, bool *prefix)
{
    *prefix = text->size > 0 && text->data[text->size - 1] == '*';
    if (!*prefix)
        return access_is_identity(*text);
    text->size--;
    if (text->size == 0)
        return true;
    for (size_t i = 0; i < text->size; i++)
        if (!access_is_identity((struct bytes){(const uint8_t[]){'a', text->data[i]}, 2}))
            return false;
    return text->size <= BB_IDENTITY_MAX;
}

/* A capability's name, and behind it `=` and parameters or nothing. */
static bool is_capability(struct bytes text)
{
    size_t size = 0;
    while (size < text.size && text.data[size] > ' ' && text.data[size] < 0x7f && text.data[size] != '=')
        size++;
    return size > 0 && (size == text.size || (text.data[size] == '=' && size + 1 < text.size));
}

static bool read_grant(enum access_kind kind, struct bytes *text, bool *prefix)
{
    *prefix = kind == ACCESS_PUBLISH || kind == ACCESS_SUBSCRIBE;
    if (kind == ACCESS_IDENTITY)
        return read_pattern(text, prefix);
    return text->size <= BB_TOPIC_MAX && (kind != ACCESS_CAPABILITY || is_capability(*text));
}

enum status access_grant(struct access *access, uint32_t entry, enum access_kind kind, struct bytes text)
{
    bool prefix;
    uint32_t handle;
    CHECK(entry < access->entry_count);
    if (!read_grant(kind, &text, &prefix))
        return BB_RANGE;
    if (access->grant_count == ACCESS_GRANTS_MAX)
        return BB_FULL;
    enum status status = pool_put(&access->texts, text, &handle);
    if (status != BB_OK)
        return status;
    uint32_t *link = &access->entries[entry].first[kind];
    while (*link != 0)
        link = &access->grants[*link].next;
    *link = ++access->grant_count;
    access->grants[*link] = (struct access_grant){handle, 0, (uint16_t)text.size, prefix};
    return BB_OK;
}

enum status access_find(const struct access *access, struct bytes key, uint32_t *entry_out)
{
    if (key.size != ACCESS_KEY_SIZE)
        return BB_NOT_FOUND;
    for (uint32_t i = 0; i < access->entry_count; i++) {
        if (memcmp(access->entries[i].key, key.data, key.size) == 0) {
            *entry_out = i;
            return BB_OK;
        }
    }
    return BB_NOT_FOUND;
}

bool access_allows(const struct access *access, uint32_t entry, enum access_kind kind, struct bytes text)
{
    if (entry == ACCESS_OPEN)
        return true;
    CHECK(entry < access->entry_count);
    for (uint32_t at = access->entries[entry].first[kind]; at != 0; at = access->grants[at].next) {
        const struct access_grant *grant = &access->grants[at];
        if (grant->prefix ? text.size < grant->size : text.size != grant->size)
            continue;
        if (grant->size == 0 || memcmp(access->texts.memory + grant->text, text.data, grant->size) == 0)
            return true;
    }
    return false;
}

bool access_next(const struct access *access, uint32_t entry, enum access_kind kind, uint32_t *at,
                 struct bytes *text_out)
{
    if (entry == ACCESS_OPEN)
        return false;
    CHECK(entry < access->entry_count);
    *at = *at == 0 ? access->entries[entry].first[kind] : access->grants[*at].next;
    if (*at == 0)
        return false;
    *text_out = pool_text(&access->texts, access->grants[*at].text, access->grants[*at].size);
    return true;
}

bool access_covers(const struct access *access, uint32_t entry, const struct access *other,
                   uint32_t other_entry, enum access_kind kind)
{
    uint32_t at = 0;
    struct bytes text;
    while (access_next(other, other_entry, kind, &at, &text))
        if (!access_allows(access, entry, kind, text))
            return false;
    return true;
}

struct bytes access_name(const struct access *access, uint32_t entry)
{
    struct bytes name = {NULL, 0};
    if (entry != ACCESS_OPEN && access->entries[entry].first[ACCESS_IDENTITY] != 0) {
        const struct access_grant *grant = &access->grants[access->entries[entry].first[ACCESS_IDENTITY]];
        name = pool_text(&access->texts, grant->text, grant->size);
        if (grant->prefix && name.size > 0 && name.data[name.size - 1] == '.')
            name.size--;
    }
    return access_is_identity(name) ? name : bytes_of("anonymous");
}

bool access_is_identity(struct bytes text)
{
    if (text.size == 0 || text.size > BB_IDENTITY_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool letter = (uint8_t)((c | 0x20) - 'a') < 26;
        if (!letter && (uint8_t)(c - '0') > 9 && c != '_' && c != '.' && c != '-')
            return false;
    }
    return !scan_is_number_or_literal(text);
}

#include "agents/cli/verb.h"

#include <stdio.h>
#include <string.h>

/* True when the verb's name is the first words of words[count]; how many. */
static size_t words_of(const char *name, const char *const *words, size_t count)
{
    size_t used = 0;
    for (const char *at = name;;) {
        size_t length = strcspn(at, " ");
        if (used == count || strlen(words[used]) != length || strncmp(words[used], at, length) != 0)
            return 0;
        used++;
        if (at[length] == '\0')
            return used;
        at += length + 1;
    }
}

const struct verb *verb_find(const char *const *words, size_t count, size_t *used_out)
{
    size_t verbs;
    const struct verb *table = verb_table(&verbs);
    for (size_t i = 0; i < verbs; i++) {
        size_t used = words_of(table[i].name, words, count);
        if (used > 0) {
            *used_out = used;
            return &table[i];
        }
    }
    return NULL;
}

bool verb_in_group(const struct verb *verb, const char *group)
{
    size_t length = strlen(group);
    return strncmp(verb->name, group, length) == 0 && verb->name[length] == ' ';
}

/* How many whole words of `name`, without its last, are the first of words[count]. */
static size_t group_of(const char *name, const char *const *words, size_t count)
{
    size_t used = 0;
    for (const char *at = name; used < count; used++) {
        size_t length = strcspn(at, " ");
        if (at[length] == '\0' || strlen(words[used]) != length || strncmp(words[used], at, length) != 0)
            break;
        at += length + 1;
    }
    return used;
}

size_t verb_group(const char *const *words, size_t count)
{
    size_t verbs, best = 0;
    const struct verb *table = verb_table(&verbs);
    for (size_t i = 0; i < verbs; i++) {
        size_t used = group_of(table[i].name, words, count);
        best = used > best ? used : best;
    }
    return best;
}

char *verb_join(const char *const *words, size_t count, char *text, size_t size)
{
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i == 0 ? "" : " ", words[i]);
    return text;
}

#include "agents/cli/verb.h"

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

bool verb_is_noun(const char *word)
{
    size_t verbs, length = strlen(word);
    const struct verb *table = verb_table(&verbs);
    for (size_t i = 0; i < verbs; i++)
        if (strncmp(table[i].name, word, length) == 0 && table[i].name[length] == ' ')
            return true;
    return false;
}

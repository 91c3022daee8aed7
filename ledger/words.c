#include "ledger/words.h"

#include <stddef.h>

const char *const words_roles[] = {"operator", "distribution", "prosumer", "consumer", "meter", NULL};
const char *const words_modes[] = {"none", "limit", "penalty", NULL};
const char *const words_recipients[] = {"distribution", "seller", NULL};
const char *const words_states[] = {"open", "halted", NULL};

const char *words_of(const char *const *list, unsigned number)
{
    for (; *list != NULL && number > 0; number--)
        list++;
    return *list != NULL ? *list : "unknown";
}

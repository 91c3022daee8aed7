#include "ledger/core/refusal.h"

const char *refusal_word(enum refusal refusal)
{
    static const char *const words[] = {
#define LEDGER_X(name, word, text) word,
        LEDGER_REFUSALS(LEDGER_X)
#undef LEDGER_X
    };
    return (unsigned)refusal < REFUSAL_COUNT ? words[refusal] : "unknown";
}

const char *refusal_text(enum refusal refusal)
{
    static const char *const texts[] = {
#define LEDGER_X(name, word, text) text,
        LEDGER_REFUSALS(LEDGER_X)
#undef LEDGER_X
    };
    return (unsigned)refusal < REFUSAL_COUNT ? texts[refusal] : "unknown";
}

#include "market/verdict.h"

const char *verdict_word(enum verdict verdict)
{
    static const char *const words[] = {
#define MARKET_X(name, number, word, text) [number] = word,
        MARKET_VERDICTS(MARKET_X)
#undef MARKET_X
    };
    return (unsigned)verdict < VERDICT_COUNT ? words[verdict] : "unknown";
}

const char *verdict_text(enum verdict verdict)
{
    static const char *const texts[] = {
#define MARKET_X(name, number, word, text) [number] = text,
        MARKET_VERDICTS(MARKET_X)
#undef MARKET_X
    };
    return (unsigned)verdict < VERDICT_COUNT ? texts[verdict] : "unknown";
}

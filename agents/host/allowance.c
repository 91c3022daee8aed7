#include "agents/host/allowance.h"

void allowance_init(struct allowance *allowance, double per_s, double burst, int64_t now_ms)
{
    *allowance = (struct allowance){.tokens = burst, .per_s = per_s, .burst = burst, .at_ms = now_ms};
}

bool allowance_take(struct allowance *allowance, double tokens, int64_t now_ms)
{
    if (now_ms > allowance->at_ms) {
        allowance->tokens += allowance->per_s * (double)(now_ms - allowance->at_ms) / 1000.0;
        if (allowance->tokens > allowance->burst)
            allowance->tokens = allowance->burst;
        allowance->at_ms = now_ms;
    }
    if (allowance->tokens < tokens) {
        allowance->refused++;
        return false;
    }
    allowance->tokens -= tokens;
    return true;
}

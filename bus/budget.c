#include "bus/budget.h"

bool budget_allows(struct budget *budget, int64_t now_ms)
{
    return budget_allows_row(budget, now_ms, BUDGET_MAX);
}

bool budget_allows_row(struct budget *budget, int64_t now_ms, int64_t row)
{
    int64_t passed_ms = now_ms - budget->at_ms;
    if (passed_ms > 0) {
        budget->at_ms = now_ms;
        bool all = passed_ms > INT64_MAX / BUDGET_PER_MS || budget->spent <= passed_ms * BUDGET_PER_MS;
        budget->spent = all ? 0 : budget->spent - passed_ms * BUDGET_PER_MS;
    }
    return budget->spent < row;
}

void budget_spend(struct budget *budget, int64_t microseconds)
{
    if (microseconds > 0)
        budget->spent += microseconds;
}

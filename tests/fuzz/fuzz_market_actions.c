/* Hostile lines of actions: each is refused with a reason or applied, and after each one all money and all
 * energy are where the sums say. */
#include "agents/cli/whatif.h"

#include <busbar/check.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const struct whatif_answer *answer)
{
    CHECK((unsigned)answer->verdict < VERDICT_COUNT && answer->trade_count <= MARKET_TRADES_MAX);
    CHECK(answer->verdict == VERDICT_OK || answer->trade_count == 0);
    for (uint32_t i = 0; answer->acted && i < answer->trade_count; i++) {
        const struct trade *trade = &answer->trades[i];
        CHECK(trade->energy.wh > 0 && trade->price.micro_per_kwh >= 0 && trade->buyer != trade->seller);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct whatif *whatif;
    CHECK(whatif_open(&whatif) == BB_OK);
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t length = end == NULL ? size : (size_t)(end - data);
        struct bb_reason reason = {""};
        struct whatif_answer answer = {.acted = false};
        enum status status = whatif_line(whatif, (struct bytes){data, length}, &reason, &answer);
        CHECK(status == BB_OK || reason.text[0] != '\0');
        check_answer(&answer);
        CHECK(market_audit(whatif_market(whatif)));
        length += end != NULL;
        data += length;
        size -= length;
    }
    whatif_close(whatif);
    return 0;
}

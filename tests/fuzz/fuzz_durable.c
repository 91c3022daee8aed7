/* Hostile settings of durable topics, stored prefixes and names: refused, or within their bounds and the same
 * when they are put together again. */
#include "bus/durable/policy.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_policy(const char *text)
{
    struct bb_reason reason = {""};
    struct durable_policy policy, untouched;
    memset(&policy, 0xa5, sizeof policy);
    memset(&untouched, 0xa5, sizeof untouched);
    if (durable_policy_read(text, &policy, &reason) != BB_OK) {
        CHECK(reason.text[0] != '\0');
        CHECK(memcmp(&policy, &untouched, sizeof policy) == 0);
        return;
    }
    struct bytes prefix = {policy.prefix, policy.size};
    CHECK(policy.size <= BB_TOPIC_MAX && policy.keep_ms >= 0 && policy.keep_bytes > 0);
    CHECK(durable_policy_of(&policy, 1, prefix) == 0);
    CHECK(durable_policy_meets(&policy, 1, prefix) && durable_policy_meets(&policy, 1, bytes_of("")));
    CHECK(policy.size == 0 ||
          durable_policy_of(&policy, 1, (struct bytes){prefix.data, prefix.size - 1}) < 0);
}

static void check_prefixes(struct bytes stored)
{
    struct durable_prefixes prefixes = {.count = 0}, again = {.count = 0};
    struct bytes prefix;
    size_t at = 0;
    uint32_t count = 0;
    if (durable_prefixes_load(&prefixes, stored) != BB_OK)
        return;
    for (; durable_prefixes_next(&prefixes, &at, &prefix); count++) {
        CHECK(durable_prefixes_match(&prefixes, prefix));
        CHECK(durable_prefixes_add(&again, prefix) == BB_OK);
    }
    CHECK(count == prefixes.count && count <= DURABLE_PREFIXES_MAX);
    CHECK(again.size == stored.size && (again.size == 0 || memcmp(again.text, stored.data, again.size) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes all = {data, size};
    char *text = malloc(size + 1);
    CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_policy(text);
    check_prefixes(all);
    CHECK(!durable_is_name(all) || (size >= 1 && size <= DURABLE_NAME_MAX && strlen(text) == size));
    free(text);
    return 0;
}

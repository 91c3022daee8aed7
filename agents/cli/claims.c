#include "agents/cli/claims.h"

#include "agents/cli/blob.h"
#include "agents/cli/founding.h"
#include "agents/cli/listing.h"
#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"

#include <stdlib.h>

enum exit_code claims_address(const struct call *call, const json_t *object, const char *member,
                              struct address *out)
{
    const char *text = json_string_value(json_object_get(object, member));
    if (text == NULL || address_parse(text, out) != BB_OK)
        return call_fail(call, EXIT_FAILED, "the ledger's answer has no address as its %s", member);
    return EXIT_DONE;
}

enum exit_code claims_hash(const struct call *call, const json_t *object, const char *member,
                           struct hash *out)
{
    const char *text = json_string_value(json_object_get(object, member));
    if (text == NULL || hex_parse(text, out->bytes, sizeof out->bytes) != BB_OK)
        return call_fail(call, EXIT_FAILED, "the ledger's answer has no hash as its %s", member);
    return EXIT_DONE;
}

enum exit_code claims_check(const struct call *call, const char *home, const struct hash *genesis)
{
    struct bb_reason reason;
    struct hash known;
    uint8_t *data = NULL;
    size_t size = 0;
    if (founding_known(home, &reason, &data, &size, &known) != BB_OK)
        return EXIT_DONE;
    free(data);
    if (hash_equal(&known, genesis))
        return EXIT_DONE;
    return call_fail(
        call, EXIT_INTEGRITY,
        "this is another chain than the home's: %s/ledger/genesis has another hash. If genesis.json was "
        "edited before the first start, renew it: busbar chain genesis --output %s/ledger/genesis",
        home, home);
}

enum exit_code claims_domain(struct inquiry *inquiry, json_t **parameters_out, struct eip712_domain *out)
{
    const struct call *call = inquiry->call;
    struct eip712_domain domain = {.name = "Bit-Energy", .version = "1"};
    enum exit_code code = inquiry_ask(inquiry, "parameters", NULL, parameters_out);
    if (code == EXIT_DONE)
        code = claims_hash(call, *parameters_out, "genesis", &domain.salt);
    if (code == EXIT_DONE)
        code = claims_check(call, inquiry->session.home, &domain.salt);
    if (code == EXIT_DONE)
        code = claims_address(call, *parameters_out, "contract", &domain.contract);
    if (code == EXIT_DONE &&
        (!listing_uint(*parameters_out, "chain_id", &domain.chain_id) || domain.chain_id > INT64_MAX))
        code = call_fail(call, EXIT_FAILED, "the ledger does not say what its chain id is");
    if (code == EXIT_DONE)
        *out = domain;
    return code;
}

enum exit_code claims_genesis(struct inquiry *inquiry, const json_t *parameters, uint8_t **data_out,
                              size_t *size_out)
{
    struct bb_reason reason;
    struct hash claimed, known;
    enum exit_code code = claims_hash(inquiry->call, parameters, "genesis", &claimed);
    if (code == EXIT_DONE)
        code = claims_check(inquiry->call, inquiry->session.home, &claimed);
    if (code != EXIT_DONE ||
        founding_known(inquiry->session.home, &reason, data_out, size_out, &known) == BB_OK)
        return code;
    if (blob_of_json(json_object_get(parameters, "genesis_bytes"), data_out, size_out) != BB_OK)
        return call_fail(inquiry->call, EXIT_FAILED, "the ledger does not give its genesis");
    known = genesis_hash((struct bytes){*data_out, *size_out});
    if (!hash_equal(&known, &claimed))
        return call_fail(inquiry->call, EXIT_INTEGRITY, "the ledger's genesis has not the hash that it says");
    return EXIT_DONE;
}

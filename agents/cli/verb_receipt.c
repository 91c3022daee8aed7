/* busbar chain verify-receipt: a proof checked without trusting the ledger. */
#include "agents/cli/blob.h"
#include "agents/cli/home.h"
#include "agents/cli/inquiry.h"
#include "agents/cli/listing.h"
#include "agents/cli/verbs.h"
#include "ledger/core/proof.h"
#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What a receipt is checked against: the genesis file of --genesis-file or of the home. */
static enum status trust_of_file(const char *path, struct bb_reason *reason, struct proof_trust *out)
{
    uint8_t *data = NULL;
    size_t size = 0;
    enum status status = blob_read(path, BLOB_GENESIS_MAX, reason, &data, &size);
    if (status != BB_OK)
        return status;
    status = proof_trust_genesis((struct bytes){data, size}, out);
    if (status != BB_OK)
        call_reason(reason, BB_MALFORMED, "%s: these are not the bytes of a genesis", path);
    free(data);
    return status == BB_OK ? BB_OK : BB_MALFORMED;
}

static enum exit_code trust_of_home(const struct call *call, struct proof_trust *out)
{
    struct bb_reason reason;
    char home[512], path[600];
    const char *file = call_value(call, "genesis-file");
    enum status status = BB_OK;
    if (file == NULL) {
        status = home_find(call_value(call, "home"), &reason, home, sizeof home);
        snprintf(path, sizeof path, "%s/ledger/genesis", home);
    }
    if (status == BB_OK)
        status = trust_of_file(file == NULL ? path : file, &reason, out);
    if (status == BB_OK)
        return EXIT_DONE;
    call_fail(call, exit_of(status), "%s", reason.text);
    fputs("What is it to be checked against? Give --genesis-file FILE (busbar chain genesis --output FILE, "
          "and compare its\n"
          "hash with what the operator tells), or --genesis HASH.\n",
          stderr);
    return exit_of(status);
}

/* With --genesis the other two fields of the domain are the presets, or given. */
static enum exit_code find_trust(const struct call *call, struct proof_trust *out)
{
    static const struct address contract = {{[17] = 0x0b, [18] = 0x17, [19] = 0xe9}};
    const char *hash = call_value(call, "genesis"), *given = call_value(call, "contract");
    struct bb_reason reason;
    int64_t chain_id;
    if (hash == NULL)
        return trust_of_home(call, out);
    if (call_integer(call, "chain-id", 1, (INT64_C(1) << 53) - 1, 1337, &reason, &chain_id) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    *out = (struct proof_trust){.chain_id = (uint64_t)chain_id, .contract = contract};
    if (hex_parse(hash, out->genesis.bytes, sizeof out->genesis.bytes) != BB_OK)
        return call_fail(call, EXIT_USAGE, "--genesis: %s is no hash: 0x and 64 hexadecimal digits", hash);
    if (given != NULL && address_parse(given, &out->contract) != BB_OK)
        return call_fail(call, EXIT_USAGE, "--contract: %s is no address", given);
    return EXIT_DONE;
}

static json_t *hash_json(const struct hash *hash)
{
    return blob_to_json((struct bytes){hash->bytes, sizeof hash->bytes});
}

static json_t *address_json(const struct address *address)
{
    char text[ADDRESS_TEXT];
    address_format(address, text);
    return json_string(text);
}

static json_t *trades_json(const struct receipt *receipt)
{
    json_t *trades = json_array();
    for (uint32_t i = 0; i < receipt->trade_count; i++) {
        struct receipt_trade trade;
        receipt_trade(receipt, i, &trade);
        json_array_append_new(
            trades,
            json_pack("{s:o, s:o, s:I, s:I, s:I}", "buyer", address_json(&trade.buyer), "seller",
                      address_json(&trade.seller), "energy", (json_int_t)trade.energy.wh, "price",
                      (json_int_t)trade.price.micro_per_kwh, "fee", (json_int_t)trade.fee.micro_per_kwh));
    }
    return trades;
}

/* What the receipt proves, as JSON; it has been verified. */
static json_t *proven(const struct proof *proof)
{
    struct receipt receipt;
    struct block_header header;
    struct transaction transaction;
    if (receipt_decode(proof->receipt, &receipt) != BB_OK ||
        block_header_decode(proof->header, &header) != BB_OK ||
        transaction_decode(proof->transaction, &transaction) != BB_OK)
        return NULL;
    struct action action;
    uint64_t nonce, deadline;
    transaction_action(&transaction, &action, &nonce, &deadline);
    struct hash block = block_hash(proof->header);
    return json_pack("{s:b, s:o, s:s, s:o, s:s, s:s, s:I, s:I, s:o, s:I, s:o, s:o, s:o}", "valid", 1, "id",
                     hash_json(&receipt.id), "type", transaction_type(transaction.type)->name, "by",
                     address_json(&action.actor), "verdict", verdict_word(receipt.verdict), "text",
                     verdict_text(receipt.verdict), "height", (json_int_t)header.height, "index",
                     (json_int_t)proof->index, "block", hash_json(&block), "time_ms",
                     (json_int_t)header.time.ms, "sealer", address_json(&header.sealer), "genesis",
                     hash_json(&proof->genesis), "trades", trades_json(&receipt));
}

static void print_proven(const json_t *facts)
{
    static const char *const members[][2] = {
        {"transaction", "id"}, {"signed", "type"},      {"by", "by"},        {"verdict", "verdict"},
        {"block", "block"},    {"sealed by", "sealer"}, {"chain", "genesis"}};
    char time[LISTING_TEXT_MAX];
    puts("The receipt holds: the transaction was signed by its actor, and stands in the chain with what the "
         "contract said.\n");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        inquiry_fact(members[i][0], "%s", json_string_value(json_object_get(facts, members[i][1])));
    inquiry_fact("height", "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(facts, "height")));
    inquiry_fact("time", "%s", listing_text(facts, "time_ms", LISTING_TIME_MS, FORMAT_PEOPLE, time));
    const json_t *trades = json_object_get(facts, "trades");
    for (size_t i = 0; i < json_array_size(trades); i++) {
        const json_t *trade = json_array_get(trades, i);
        char kwh[LISTING_TEXT_MAX], price[LISTING_TEXT_MAX], fee[LISTING_TEXT_MAX];
        bool more = json_integer_value(json_object_get(trade, "fee")) != 0;
        listing_text(trade, "fee", LISTING_CENTS_PER_KWH, FORMAT_PEOPLE, fee);
        inquiry_fact(i == 0 ? "trades" : "", "%s kWh at %s%s%s cent/kWh from %s to %s",
                     listing_text(trade, "energy", LISTING_KWH, FORMAT_PEOPLE, kwh),
                     listing_text(trade, "price", LISTING_CENTS_PER_KWH, FORMAT_PEOPLE, price),
                     more ? " + " : "", more ? fee : "", json_string_value(json_object_get(trade, "seller")),
                     json_string_value(json_object_get(trade, "buyer")));
    }
}

static enum exit_code tell_proof(const struct call *call, const struct proof *proof)
{
    json_t *facts = proven(proof);
    if (facts == NULL)
        return call_fail(call, EXIT_INTEGRITY, "%s: what it proves cannot be read", call->args[0]);
    if (call_flag(call, "json")) {
        inquiry_print(facts);
        return EXIT_DONE;
    }
    print_proven(facts);
    json_decref(facts);
    return EXIT_DONE;
}

enum exit_code verb_chain_verify_receipt(const struct call *call)
{
    struct proof_trust trust;
    struct bb_reason reason;
    struct signer *signer;
    struct proof proof;
    uint8_t *data = NULL;
    size_t size = 0;
    enum exit_code code = find_trust(call, &trust);
    const char *given = call_value(call, "sealer");
    if (code == EXIT_DONE && given != NULL && address_parse(given, &trust.sealer) != BB_OK)
        code = call_fail(call, EXIT_USAGE, "--sealer: %s is no address", given);
    if (code != EXIT_DONE)
        return code;
    enum status status = blob_read(call->args[0], PROOF_BYTES_MAX, &reason, &data, &size);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "%s", reason.text);
    if (signer_open(&signer) != BB_OK) {
        free(data);
        return call_fail(call, EXIT_FAILED, "no memory");
    }
    enum proof_fault fault = proof_verify(signer, (struct bytes){data, size}, &trust, &proof);
    signer_close(signer);
    if (fault == PROOF_GOOD)
        code = tell_proof(call, &proof);
    else
        code = call_fail(call, EXIT_INTEGRITY, "%s proves nothing: %s", call->args[0], proof_text(fault));
    if (fault == PROOF_SEALER && given == NULL)
        fputs("If the operator has changed the sealer since the genesis, give the one in force: --sealer "
              "ADDRESS\n",
              stderr);
    free(data);
    return code;
}

#include "agents/cli/signing.h"

#include "agents/cli/advice.h"
#include "agents/cli/blob.h"
#include "agents/cli/claims.h"
#include "agents/cli/listing.h"
#include "agents/cli/typed_data.h"
#include "ledger/crypto/hex.h"
#include "ledger/crypto/secret.h"

#include <busbar/check.h>
#include <busbar/loop.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Seconds for which a signed order is good, without --deadline. */
#define DEADLINE_S 300
/* How often a transaction is signed anew when its nonce is taken. */
#define TRIES 4

enum exit_code signing_account(struct signing *s, const char *text, struct address *out)
{
    json_t *result = NULL;
    if (strncmp(text, "0x", 2) == 0)
        return owner_address(s->inquiry.call, text, out);
    enum exit_code code = inquiry_ask(&s->inquiry, "account", json_pack("{s:s}", "account", text), &result);
    if (code == EXIT_DONE)
        code = claims_address(s->inquiry.call, json_object_get(result, "account"), "address", out);
    json_decref(result);
    return code;
}

static enum exit_code learn_account(struct signing *s)
{
    const struct call *call = s->inquiry.call;
    const char *text = s->owner.text;
    json_t *result = NULL;
    enum exit_code code = inquiry_ask(&s->inquiry, "account", json_pack("{s:s}", "account", text), &result);
    if (code == EXIT_MISSING)
        fprintf(stderr,
                "The key \"%s\" is %s; the operator admits it with: busbar account admit NAME %s "
                "--role ROLE\n",
                s->owner.key, text, text);
    const json_t *account = json_object_get(result, "account");
    if (code == EXIT_DONE && !listing_uint(account, "nonce", &s->nonce))
        code = call_fail(call, EXIT_FAILED, "the ledger does not say the account's nonce");
    const char *name = json_string_value(json_object_get(account, "name"));
    snprintf(s->name, sizeof s->name, "%s", name == NULL ? text : name);
    json_decref(result);
    return code;
}

/* --nonce and --deadline; the deadline counts from the ledger's time, which may be ahead of this clock. */
static enum exit_code take_envelope(struct signing *s)
{
    const struct call *call = s->inquiry.call;
    struct bb_reason reason;
    int64_t nonce, seconds, time_ms = 0;
    json_t *status = NULL;
    if (call_integer(call, "nonce", 0, INT64_MAX, (int64_t)s->nonce, &reason, &nonce) != BB_OK ||
        call_integer(call, "deadline", 0, INT32_MAX, DEADLINE_S, &reason, &seconds) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    enum exit_code code = inquiry_ask(&s->inquiry, "status", NULL, &status);
    if (code == EXIT_DONE && !listing_int(status, "time_ms", &time_ms))
        code = call_fail(call, EXIT_FAILED, "the ledger does not say its time");
    json_decref(status);
    int64_t now_ms = bb_loop_wall_ms();
    now_ms = time_ms > now_ms ? time_ms : now_ms;
    s->nonce = (uint64_t)nonce;
    s->deadline = seconds == 0 ? 0 : (uint64_t)(now_ms / 1000 + seconds);
    return code;
}

static enum exit_code make(const struct signing *s, const struct action *action, struct transaction *out)
{
    if (transaction_make(action, s->nonce, s->deadline, out) != BB_OK)
        return call_fail(s->inquiry.call, EXIT_USAGE, "a name has at most %d bytes, a reason at most %d",
                         MARKET_NAME_MAX, MARKET_REASON_MAX);
    return EXIT_DONE;
}

/* --dry-run: the document for a wallet, and the digest that it would sign. */
static enum exit_code show(const struct signing *s, const struct action *action)
{
    struct transaction transaction;
    enum exit_code code = make(s, action, &transaction);
    if (code != EXIT_DONE)
        return code;
    char digest[HEX_HASH];
    struct hash id = transaction_id(&transaction, &s->separator);
    hex_format((struct bytes){id.bytes, sizeof id.bytes}, digest);
    json_t *data = typed_data(&transaction, &s->domain);
    if (s->inquiry.format == FORMAT_JSON) {
        inquiry_print(json_pack("{s:s, s:o}", "id", digest, "typed_data", data));
        return EXIT_DONE;
    }
    if (json_dumpf(data, stdout, JSON_INDENT(2)) == 0)
        printf("\n\nNothing has been signed or sent. The digest, which is the transaction's id: %s\n",
               digest);
    json_decref(data);
    return EXIT_DONE;
}

/* Signs and submits once; *entry_out is the ledger's answer to it. */
static enum exit_code submit(struct signing *s, struct signer *signer, const struct secret *secret,
                             const struct action *action, json_t **entry_out)
{
    struct transaction transaction;
    uint8_t bytes[TRANSACTION_BYTES_MAX];
    char text[2 * TRANSACTION_BYTES_MAX + 3], digest[HEX_HASH];
    json_t *result = NULL;
    enum exit_code code = make(s, action, &transaction);
    if (code != EXIT_DONE)
        return code;
    struct hash id = transaction_id(&transaction, &s->separator);
    signer_sign(signer, secret, &id, transaction.signature);
    hex_format((struct bytes){bytes, transaction_encode(&transaction, bytes)}, text);
    code = inquiry_ask(&s->inquiry, "submit", json_pack("{s:[s]}", "transactions", text), &result);
    hex_format((struct bytes){id.bytes, sizeof id.bytes}, digest);
    if (code == EXIT_TIMEOUT)
        fprintf(stderr, "It may still be executed; this tells: busbar chain tx %s\n", digest);
    json_t *entry = json_array_get(json_object_get(result, "results"), 0);
    if (code == EXIT_DONE && entry == NULL)
        code = call_fail(s->inquiry.call, EXIT_FAILED, "the ledger did not answer to the transaction %s",
                         digest);
    if (code == EXIT_DONE)
        *entry_out = json_incref(entry);
    json_decref(result);
    return code;
}

/* True when somebody else uses the same key at this moment: the ledger wants another nonce, or it has just
 * had the very same transaction from the other hand. */
static bool wants_nonce(const struct signing *s, const json_t *entry, uint64_t *out)
{
    const char *refused = json_string_value(json_object_get(entry, "refused"));
    if (call_value(s->inquiry.call, "nonce") != NULL)
        return false;
    if (json_is_true(json_object_get(entry, "again"))) {
        *out = s->nonce + 1;
        return true;
    }
    return refused != NULL && strcmp(refused, "wrong-nonce") == 0 &&
           listing_uint(entry, "expected_nonce", out);
}

/* Submits, and again while the nonce is taken by others. */
static enum exit_code submit_in_turn(struct signing *s, struct signer *signer, const struct secret *secret,
                                     const struct action *action, json_t **entry_out)
{
    enum exit_code code = submit(s, signer, secret, action, entry_out);
    for (int more = TRIES - 1; more > 0 && code == EXIT_DONE && wants_nonce(s, *entry_out, &s->nonce);
         more--) {
        json_decref(*entry_out);
        *entry_out = NULL;
        code = submit(s, signer, secret, action, entry_out);
    }
    return code;
}

static enum exit_code send(struct signing *s, const struct action *action, json_t **entry_out)
{
    struct signer *signer;
    struct secret secret;
    struct address address;
    enum exit_code code = wallet_open(s->inquiry.call, s->owner.key, &secret, &address);
    if (code != EXIT_DONE)
        return code;
    if (memcmp(&address, &s->owner.address, sizeof address) != 0) {
        code = call_fail(s->inquiry.call, EXIT_INTEGRITY,
                         "the key \"%s\" is of another address than its file says", s->owner.key);
    } else if (signer_open(&signer) != BB_OK) {
        code = call_fail(s->inquiry.call, EXIT_FAILED, "no memory to sign with");
    } else {
        code = submit_in_turn(s, signer, &secret, action, entry_out);
        signer_close(signer);
    }
    secret_wipe(&secret);
    return code;
}

/* --receipt: what is in the chain, whatever the verdict, can be proved. */
static enum exit_code save_receipt(struct signing *s, const json_t *entry)
{
    const char *path = call_value(s->inquiry.call, "receipt");
    const json_t *id = json_object_get(entry, "id");
    json_t *result = NULL;
    uint8_t *data = NULL;
    size_t size = 0;
    if (path == NULL || json_object_get(entry, "verdict") == NULL)
        return EXIT_DONE;
    enum exit_code code = inquiry_ask(&s->inquiry, "receipt", json_pack("{s:O}", "id", id), &result);
    if (code == EXIT_DONE && blob_of_json(json_object_get(result, "receipt"), &data, &size) != BB_OK)
        code = call_fail(s->inquiry.call, EXIT_FAILED, "the ledger's answer has no receipt");
    if (code == EXIT_DONE)
        code = blob_write(s->inquiry.call, path, (struct bytes){data, size});
    if (code != EXIT_DONE)
        fputs("Only the proof is missing: the transaction itself is in the chain.\n", stderr);
    free(data);
    json_decref(result);
    return code;
}

static enum exit_code learn(struct signing *s)
{
    enum exit_code code = owner_choose(s->inquiry.call, &s->owner);
    if (code == EXIT_DONE)
        code = claims_domain(&s->inquiry, &s->parameters, &s->domain);
    if (code != EXIT_DONE)
        return code;
    s->separator = eip712_separator(&s->domain);
    code = learn_account(s);
    return code == EXIT_DONE ? take_envelope(s) : code;
}

enum exit_code signing_run(const struct call *call, struct action *action, signing_complete *complete)
{
    struct signing s = {.parameters = NULL};
    json_t *entry = NULL;
    enum exit_code code = inquiry_open(call, &s.inquiry);
    if (code != EXIT_DONE)
        return code;
    code = learn(&s);
    action->actor = s.owner.address;
    if (code == EXIT_DONE && complete != NULL)
        code = complete(&s, action);
    if (code == EXIT_DONE && call_value(call, "receipt") != NULL && !call_flag(call, "dry-run"))
        code = blob_writable(call, call_value(call, "receipt"));
    if (code == EXIT_DONE && call_flag(call, "dry-run"))
        code = show(&s, action);
    else if (code == EXIT_DONE)
        code = send(&s, action, &entry);
    if (entry != NULL) {
        enum exit_code saved = save_receipt(&s, entry);
        const char *proof = saved == EXIT_DONE ? call_value(call, "receipt") : NULL;
        code = advice_tell(call, s.inquiry.format, s.name, proof, entry);
        code = code == EXIT_DONE ? saved : code;
    }
    inquiry_close(&s.inquiry);
    json_decref(s.parameters);
    return code;
}

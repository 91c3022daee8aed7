#include "ledger/opening.h"

#include "ledger/crypto/address.h"
#include "ledger/crypto/secret.h"
#include "ledger/genesis_file.h"
#include "ledger/reading.h"
#include "ledger/sealer_key.h"
#include "ledger/service_state.h"

#include "bus/client/log.h"

#include <busbar/limits.h>
#include <stdlib.h>

/* The path of a file below the home; a home that is too long was refused before. */
static enum status below(const struct service_settings *settings, const char *name, char path[BB_PATH_MAX],
                         struct bb_reason *reason)
{
    enum status status = config_home(settings->home, name, path, BB_PATH_MAX);
    if (status != BB_OK)
        bb_reason_say(reason, "there is no home folder: give --home DIR or set BUSBAR_HOME");
    return status;
}

static enum status same_genesis(struct service *s, const char *file, struct bytes given,
                                struct bb_reason *reason)
{
    if (given.size == 0 || bytes_equal(given, store_genesis(s->store)))
        return BB_OK;
    bb_reason_say(
        reason,
        "%.300s is not the genesis that this chain began with: put that one back, or begin another chain "
        "in another home",
        file);
    return BB_RANGE;
}

/* A database that cannot be written answers reads: the pipeline refuses what would be written, and says why.
 */
static enum status open_to_read(struct service *s, const char *path, enum status why,
                                struct bb_reason *reason)
{
    struct bb_reason inner = {""};
    if (store_open(path, STORE_READ, (struct bytes){NULL, 0}, &inner, &s->store) != BB_OK)
        return why;
    log_warning("read-only", LOG_TEXT("reason", reason->text));
    s->read_only = *reason;
    return BB_OK;
}

/* The chain that is there, or a new one. */
static enum status open_or_make(struct service *s, const char *file, struct bytes given,
                                struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    enum status status = below(s->settings, "ledger/chain.db", path, reason);
    if (status == BB_OK)
        status = store_open(path, STORE_WRITE, (struct bytes){NULL, 0}, reason, &s->store);
    if (status == BB_NOT_FOUND && given.size > 0)
        return store_open(path, STORE_WRITE, given, reason, &s->store);
    if (status == BB_DENIED || status == BB_FULL || status == BB_IO)
        status = open_to_read(s, path, status, reason);
    if (status == BB_OK)
        status = same_genesis(s, file, given, reason);
    if (status == BB_NOT_FOUND)
        bb_reason_say(reason, "%.300s is not there, and no chain either: `busbar chain init` makes a ledger",
                      file);
    return status;
}

enum status opening_store(struct service *s, struct bb_reason *reason)
{
    char file[BB_PATH_MAX];
    uint8_t *genesis = NULL;
    size_t size = 0;
    enum status status = below(s->settings, "ledger/genesis.json", file, reason);
    if (status != BB_OK)
        return status;
    status = genesis_file_load(file, reason, &genesis, &size);
    if (status == BB_MALFORMED) /* it is the file that does not hold, not the chain */
        status = BB_RANGE;
    if (status == BB_OK || status == BB_NOT_FOUND)
        status = open_or_make(s, file, (struct bytes){genesis, size}, reason);
    free(genesis);
    return status;
}

/* A key that does not fit would be noticed at the first block only. */
static enum status check_sealer(struct service *s, const struct secret *secret, struct bb_reason *reason)
{
    struct parameters parameters;
    struct address own = signer_address(s->signer, secret);
    market_parameters(chain_market(s->chain), &parameters);
    if (address_equal(&own, &parameters.sealer))
        return BB_OK;
    char have[ADDRESS_TEXT], want[ADDRESS_TEXT];
    address_format(&own, have);
    address_format(&parameters.sealer, want);
    bb_reason_say(
        reason,
        "ledger/sealer.key is the key of %s, but blocks are sealed by %s: put that one's key there, "
        "or let the operator name this one (SetSealer) where the chain is sealed now",
        have, want);
    return BB_DENIED;
}

enum status opening_chain(struct service *s, struct bb_reason *reason)
{
    const struct service_settings *settings = s->settings;
    const struct pipeline_options options = {.threads = (uint32_t)settings->threads,
                                             .block_ms = (uint32_t)settings->block_ms,
                                             .block_max = (uint32_t)settings->block_max,
                                             .checkpoint = (uint64_t)settings->checkpoint};
    struct secret secret;
    char path[BB_PATH_MAX];
    enum status status = below(settings, "ledger/sealer.key", path, reason);
    if (status == BB_OK)
        status = sealer_key_load(path, s->signer, reason, &secret);
    if (status != BB_OK)
        return status == BB_MALFORMED ? BB_RANGE : status;
    bool reading = s->read_only.text[0] != '\0';
    status = pipeline_open(s->loop, s->store, &secret, &options, reading ? reading_sequencer : NULL,
                           s->read_only.text, reason, &s->pipeline);
    if (status == BB_OK) {
        s->chain = pipeline_chain(s->pipeline);
        status = check_sealer(s, &secret, reason);
    }
    secret_wipe(&secret);
    return status;
}

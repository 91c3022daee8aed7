/* The service's start and end: the chain out of its store, the bus, what is served and published. */
#include "ledger/service.h"

#include "ledger/json_writer.h"
#include "ledger/method.h"
#include "ledger/offline.h"
#include "ledger/opening.h"
#include "ledger/service_state.h"

#include "bus/client/log.h"
#include "bus/client/notify.h"

#include <busbar/check.h>
#include <busbar/directory.h>
#include <busbar/limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define ADDRESS_AGAIN_MS 200

void service_stamp(const struct service *service, struct json_writer *w)
{
    struct chain_head head;
    chain_head(service->chain, &head);
    json_writer_uint(w, "height", head.height);
    json_writer_hex(w, "block", (struct bytes){head.hash.bytes, sizeof head.hash.bytes});
    json_writer_hex(w, "state", (struct bytes){head.changes.bytes, sizeof head.changes.bytes});
}

/* Who watches the log alone must hear of a full disk too: once, and once when it is over. */
static void note_stall(struct service *s, bool stalled)
{
    struct pipeline_stats stats;
    if (stalled == s->stalled)
        return;
    s->stalled = stalled;
    pipeline_stats(s->pipeline, &stats);
    if (stalled)
        log_warning("refusing-transactions", LOG_TEXT("reason", stats.trouble));
    else
        log_info("taking-transactions", LOG_TEXT("reason", "blocks are written again"));
}

static void answered(void *context, const struct answer *answer)
{
    if (answer->refusal == REFUSAL_READ_ONLY)
        note_stall(context, true);
    submit_answer(context, answer);
}

static void sealed(void *context, uint64_t height, struct bytes block)
{
    note_stall(context, false);
    publisher_block(context, height, block);
}

/* True when the broker's address is to be read from a file that its first start writes. */
static bool address_missing(const struct service_settings *settings, char path[BB_PATH_MAX])
{
    const char *given = getenv("BUSBAR_VIP");
    if (settings->address[0] != '\0' || (given != NULL && given[0] != '\0'))
        return false;
    return config_home(settings->home, "run/vip.address", path, BB_PATH_MAX) == BB_OK &&
           access(path, F_OK) != 0;
}

static void look_again(void *context)
{
    bb_loop_stop(context);
}

/* BB_INTERRUPTED: the end was asked for meanwhile. */
static enum status wait_for_address(struct service *s, struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    enum status status = BB_OK;
    int timer;
    if (address_missing(s->settings, path))
        log_warning("waiting-for-broker", LOG_TEXT("reason", "no broker has started in this home yet"),
                    LOG_TEXT("path", path));
    while (status == BB_OK && address_missing(s->settings, path)) {
        bb_reason_say(reason, "the event loop takes no timer");
        status = bb_loop_after(s->loop, ADDRESS_AGAIN_MS, look_again, s->loop, &timer);
        if (status == BB_OK)
            status = bb_loop_run(s->loop);
    }
    return status;
}

/* The ledger starts before or after its broker; only a refusal ends the wait. */
static enum status open_bus(struct service *s, struct bb_reason *reason)
{
    struct bb_client_options options = {.identity = s->settings->identity,
                                        .address = s->settings->address,
                                        .home = s->settings->home,
                                        .heartbeat_ms = (uint32_t)s->settings->heartbeat_ms,
                                        .reason = reason};
    enum status status = wait_for_address(s, reason);
    if (status != BB_OK)
        return status;
    while ((status = bb_client_open(s->loop, &options, &s->client)) == BB_UNREACHABLE)
        log_warning("broker-unreachable", LOG_TEXT("reason", reason->text));
    if (status == BB_OK)
        status = bb_serve_later(s->client, "submit", submit_call, s);
    if (status == BB_OK)
        status = method_serve_all(s);
    return status == BB_OK ? bb_offer_served(s->client, "ledger", "[\"market/\"]") : status;
}

static void close_all(struct service *s)
{
    pipeline_close(s->pipeline); /* answers what it has taken */
    submit_forget(&s->submits);
    bb_client_close(s->client);
    history_close(s->history);
    store_close(s->store);
    if (s->signer != NULL)
        signer_close(s->signer);
    bb_loop_close(s->loop);
    free(s);
}

static enum status open_all(struct service *s, struct bb_reason *reason)
{
    bb_reason_say(reason, "the event loop cannot be made");
    enum status status = bb_loop_open(&s->loop);
    if (status == BB_OK)
        status = signer_open(&s->signer);
    if (status == BB_OK)
        status = opening_store(s, reason);
    if (status == BB_OK)
        status = opening_chain(s, reason);
    if (status != BB_OK)
        return status;
    pipeline_listen(s->pipeline, answered, sealed, s);
    s->history = history_open(s->store);
    return open_bus(s, reason);
}

static void tell_start(const struct service *s)
{
    struct chain_head head;
    struct parameters parameters;
    struct pipeline_stats stats;
    chain_head(s->chain, &head);
    pipeline_stats(s->pipeline, &stats);
    market_parameters(chain_market(s->chain), &parameters);
    log_info("chain-opened", LOG_TEXT("how", stats.opened));
    log_info("started", LOG_TEXT("identity", s->settings->identity), LOG_INT("height", head.height),
             LOG_INT("transactions", head.transactions), LOG_INT("accounts", parameters.accounts),
             LOG_INT("ms", bb_loop_mono_ms() - s->started_ms));
}

enum status service_run(const struct service_settings *settings, struct bb_reason *reason)
{
    if (offline_wanted(settings))
        return offline_run(settings, reason);
    struct service *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    (void)signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is a full disk, and no death */
    s->settings = settings;
    s->started_ms = bb_loop_mono_ms();
    enum status status = open_all(s, reason);
    if (status == BB_OK) {
        tell_start(s);
        notify_start(s->loop, "The ledger takes transactions");
        status = bb_loop_run(s->loop);
        notify_stopping();
        log_info("stopping", LOG_TEXT("status", bb_status_word(status)));
    }
    close_all(s);
    return status;
}

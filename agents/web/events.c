#include "agents/web/events.h"

#include "agents/web/server_state.h"
#include "agents/web/stream_client.h"

#include <busbar/check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Between two flushes: what comes within it goes out together. Half of what a viewer may wait. */
#define FLUSH_MS 20
/* The largest piece given to the library at once. */
#define BLOCK_BYTES 4096

struct events {
    struct bb_loop *loop;
    struct stream_hub *hub;
    int timer;
    int64_t flushed_ms;
};

/* -- the hub's flushes --------------------------------------------------------------------------------------
 */

static void flush(void *context);

static void flush_in(struct events *events, int64_t in_ms)
{
    if (bb_loop_after(events->loop, (uint32_t)(in_ms < 1 ? 1 : in_ms), flush, events, &events->timer) !=
        BB_OK)
        CHECK(!"a loop with room for a timer");
}

static void flush(void *context)
{
    struct events *events = context;
    events->timer = 0;
    events->flushed_ms = bb_loop_mono_ms();
    int64_t again_ms = stream_flush(events->hub, events->flushed_ms);
    if (again_ms > 0)
        flush_in(events, again_ms > FLUSH_MS ? again_ms : FLUSH_MS);
}

static void on_due(void *context)
{
    struct events *events = context;
    if (events->timer == 0)
        flush_in(events, events->flushed_ms + FLUSH_MS - bb_loop_mono_ms());
}

/* -- one stream ---------------------------------------------------------------------------------------------
 */

struct listener {
    struct exchange *exchange;
    struct stream_client *client;
};

static ssize_t read_stream(void *context, uint64_t position, char *buffer, size_t size)
{
    struct listener *listener = context;
    struct exchange *x = listener->exchange;
    (void)position;
    if (x->server->stopping)
        return MHD_CONTENT_READER_END_OF_STREAM;
    size_t filled = stream_read(listener->client, buffer, size);
    if (filled == 0) {
        x->suspended = true;
        MHD_suspend_connection(x->connection);
    }
    return (ssize_t)filled;
}

static void wake(void *context)
{
    struct listener *listener = context;
    struct exchange *x = listener->exchange;
    if (!x->suspended)
        return;
    x->suspended = false;
    MHD_resume_connection(x->connection);
    server_stir(x->server);
}

static void end_stream(void *context)
{
    struct listener *listener = context;
    stream_leave(listener->client);
    free(listener);
}

/* True when the list's names are of channels that there are; otherwise the first that is none in
 * unknown[size]. Names that are too many or too odd are stream_join's to refuse. */
static bool channels_known(const char *channels, char *unknown, size_t size)
{
    static const char *const names[] = {STREAM_CLOCK, "overview", "dispatch", "run", "market",
                                        "chain",      "agents",   "alarms",   "bus"};
    for (const char *at = channels; *at != '\0';) {
        size_t length = strcspn(at, ",");
        bool known = strncmp(at, "log:", 4) == 0;
        for (size_t i = 0; i < sizeof names / sizeof *names && !known; i++)
            known = strlen(names[i]) == length && memcmp(names[i], at, length) == 0;
        if (!known) {
            snprintf(unknown, size, "%.*s", length < 40 ? (int)length : 40, at);
            return false;
        }
        at += length + (at[length] == ',');
    }
    return true;
}

static struct MHD_Response *make_stream(struct events *events, struct exchange *x, enum status *status_out)
{
    const char *channels = exchange_query(x, "channels");
    struct listener *listener = calloc(1, sizeof *listener);
    *status_out = listener == NULL
                      ? BB_FULL
                      : stream_join(events->hub, channels == NULL ? "" : channels,
                                    exchange_query(x, "filter"), wake, listener, &listener->client);
    if (*status_out != BB_OK) {
        free(listener);
        return NULL;
    }
    listener->exchange = x;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, listener, end_stream);
    if (response == NULL)
        end_stream(listener);
    return response;
}

void events_handle(struct events *events, struct exchange *exchange)
{
    enum status status = BB_OK;
    char unknown[41];
    const char *channels = exchange_query(exchange, "channels");
    if (channels != NULL && !channels_known(channels, unknown, sizeof unknown)) {
        exchange_fail(exchange, 400, "channels", "there is no channel \"%s\"", unknown);
        return;
    }
    struct MHD_Response *response = exchange->head
                                        ? MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT)
                                        : make_stream(events, exchange, &status);
    if (status == BB_MALFORMED) {
        exchange_fail(exchange, 400, "channels",
                      "channels is a list of at most %d names, with commas between them", STREAM_WISHES_MAX);
        return;
    }
    exchange->streaming = !exchange->head && response != NULL;
    exchange_header(response, "Content-Type", "text/event-stream");
    exchange_header(response, "X-Accel-Buffering", "no");
    exchange_answer(exchange, 200, response);
}

/* -- its life -----------------------------------------------------------------------------------------------
 */

enum status events_open(struct bb_loop *loop, struct stream_hub *hub, struct events **out)
{
    struct events *events = calloc(1, sizeof *events);
    if (events == NULL)
        return BB_FULL;
    *events = (struct events){.loop = loop, .hub = hub};
    stream_on_due(hub, on_due, events);
    *out = events;
    return BB_OK;
}

void events_close(struct events *events)
{
    if (events == NULL)
        return;
    stream_on_due(events->hub, NULL, NULL);
    if (events->timer != 0)
        bb_loop_cancel(events->loop, events->timer);
    free(events);
}

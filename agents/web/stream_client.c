/* Those who listen to the hub. */
#include "agents/web/stream_state.h"

#include <busbar/check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool stream_client_wants(const struct stream_client *client, const struct stream_passing *passing)
{
    for (size_t i = 0; i < client->wish_count; i++)
        if (client->wishes[i].channel == passing->channel)
            return client->filter == NULL || strcmp(passing->channel->name, STREAM_FILTERED) != 0 ||
                   strncmp(passing->key, client->filter, strlen(client->filter)) == 0;
    return false;
}

static enum status wish(struct stream_client *client, const char *name, size_t size)
{
    struct stream_channel *channel = stream_channel_find(client->hub, name, size);
    for (size_t i = 0; i < client->wish_count; i++)
        if (client->wishes[i].channel == channel)
            return BB_OK;
    if (client->wish_count > STREAM_WISHES_MAX)
        return BB_MALFORMED;
    channel = stream_channel_of(client->hub, name, size);
    if (channel == NULL)
        return BB_MALFORMED;
    client->wishes[client->wish_count++] = (struct stream_wish){channel, 0};
    /* Counted at once, so that its place is not given to another channel. */
    channel->listeners++;
    return BB_OK;
}

static enum status take_wishes(struct stream_client *client, const char *channels)
{
    enum status status = wish(client, STREAM_CLOCK, strlen(STREAM_CLOCK));
    for (const char *at = channels; status == BB_OK && *at != '\0';) {
        size_t size = strcspn(at, ",");
        status = wish(client, at, size);
        at += size + (at[size] == ',');
    }
    return status;
}

static void tell_interest(struct stream_client *client, size_t listeners, bool wanted)
{
    struct stream_hub *hub = client->hub;
    for (size_t i = 0; i < client->wish_count && hub->on_interest != NULL; i++)
        if (client->wishes[i].channel->listeners == listeners)
            hub->on_interest(hub->interest_context, client->wishes[i].channel->name, wanted);
}

static void drop_wishes(struct stream_client *client)
{
    for (size_t i = 0; i < client->wish_count; i++)
        client->wishes[i].channel->listeners--;
}

static void tidy_wishes(struct stream_client *client)
{
    for (size_t i = 0; i < client->wish_count; i++)
        stream_channel_tidy(client->hub, client->wishes[i].channel);
}

/* What every stream begins with: after a break, browsers come back in half a second. */
static struct stream_text *greeting(void)
{
    static const char words[] = "retry: 500\n\n";
    struct stream_text *text = malloc(sizeof *text + sizeof words);
    CHECK(text != NULL);
    text->references = 1;
    text->size = sizeof words - 1;
    memcpy(text->data, words, sizeof words);
    return text;
}

enum status stream_join(struct stream_hub *hub, const char *channels, const char *filter, stream_wake *wake,
                        void *context, struct stream_client **out)
{
    struct stream_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return BB_FULL;
    *client =
        (struct stream_client){.hub = hub, .wake = wake, .context = context, .passed = hub->passing_next - 1};
    enum status status = take_wishes(client, channels);
    if (status == BB_OK && filter != NULL && *filter != '\0') {
        client->filter = strdup(filter);
        CHECK(client->filter != NULL);
    }
    if (status != BB_OK) {
        drop_wishes(client);
        tidy_wishes(client);
        free(client);
        return status;
    }
    client->text = greeting();
    client->next = hub->clients;
    if (client->next != NULL)
        client->next->previous = client;
    hub->clients = client;
    hub->counts.clients++;
    *out = client;
    tell_interest(client, 1, true);
    return BB_OK;
}

void stream_leave(struct stream_client *client)
{
    if (client == NULL)
        return;
    struct stream_hub *hub = client->hub;
    *(client->previous != NULL ? &client->previous->next : &hub->clients) = client->next;
    if (client->next != NULL)
        client->next->previous = client->previous;
    hub->counts.clients--;
    drop_wishes(client);
    tell_interest(client, 0, false);
    tidy_wishes(client);
    stream_text_drop(client->text);
    free(client->filter);
    free(client);
}

/* The channel's oldest entry that the client has not read. */
static struct stream_entry *unread(const struct stream_wish *wish)
{
    struct stream_entry *e = wish->channel->last;
    if (wish->channel->serial <= wish->serial)
        return NULL;
    while (e != NULL && e->previous != NULL && e->previous->serial > wish->serial)
        e = e->previous;
    return e != NULL && e->serial > wish->serial ? e : NULL;
}

static bool within_rate(struct stream_client *client, const struct stream_passing *passing)
{
    int64_t second = client->hub->now_ms / 1000;
    if (strcmp(passing->channel->name, STREAM_FILTERED) != 0)
        return true;
    if (second != client->second) {
        client->second = second;
        client->in_second = 0;
    }
    return ++client->in_second <= STREAM_FILTERED_RATE;
}

static struct stream_text *next_passing(struct stream_client *client)
{
    struct stream_hub *hub = client->hub;
    while (client->passed + 1 < hub->passing_next) {
        const struct stream_passing *p = &hub->passing[++client->passed % STREAM_PASSING_MAX];
        if (!stream_client_wants(client, p))
            continue;
        if (within_rate(client, p)) {
            p->text->references++;
            return p->text;
        }
        client->missed++;
    }
    return NULL;
}

static struct stream_text *next_missed(struct stream_client *client)
{
    struct stream_text *text = malloc(sizeof *text + 96);
    CHECK(text != NULL);
    text->references = 1;
    text->size = (size_t)snprintf(text->data, 96, "event: missed\ndata: {\"count\":%llu}\n\n",
                                  (unsigned long long)client->missed);
    client->hub->counts.missed += client->missed;
    client->missed = 0;
    return text;
}

/* The next thing to be sent, with a reference; NULL: nothing. */
static struct stream_text *next_text(struct stream_client *client)
{
    for (size_t i = 0; i < client->wish_count; i++) {
        struct stream_wish *w = &client->wishes[i];
        struct stream_entry *e = unread(w);
        if (e != NULL) {
            w->serial = e->serial;
            e->text->references++;
            return e->text;
        }
        w->serial = w->channel->serial;
    }
    struct stream_text *text = next_passing(client);
    return text == NULL && client->missed > 0 ? next_missed(client) : text;
}

size_t stream_read(struct stream_client *client, char *buffer, size_t size)
{
    size_t filled = 0;
    while (filled < size) {
        if (client->text == NULL && (client->text = next_text(client)) == NULL)
            break;
        size_t left = client->text->size - client->sent;
        size_t piece = left < size - filled ? left : size - filled;
        memcpy(buffer + filled, client->text->data + client->sent, piece);
        filled += piece;
        client->sent += piece;
        if (client->sent == client->text->size) {
            stream_text_drop(client->text);
            client->text = NULL;
            client->sent = 0;
        }
    }
    client->asleep = filled == 0;
    return filled;
}

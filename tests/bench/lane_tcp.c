/* Lanes through mosquitto and nats-server. The clients are as small as their protocols allow and all work
 * alike: what is due is written at once, what is there is read at once. Sources: MQTT 3.1.1 (OASIS); the NATS
 * client protocol. */
#include "tests/bench/lane.h"
#include "tests/bench/stream.h"

#include <busbar/check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 5000

struct client {
    struct stream *stream;
    int qos;
    uint16_t number; /* of the last MQTT packet that wanted an acknowledgement */
};

struct subscribers {
    uint32_t count;
    struct stream *streams[LANE_SUBSCRIBERS_MAX];
    struct pollfd items[LANE_SUBSCRIBERS_MAX];
};

static pid_t spawn(const struct lane *lane, const char *const *argv)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK(freopen("/dev/null", "w", stderr) != NULL);
        execv(lane->program, (char *const *)argv);
        _exit(127);
    }
    return pid;
}

/* -- MQTT ----------------------------------------------------------------------------------------------- */

static pid_t start_mqtt(const struct lane *lane, struct site *site)
{
    char path[128];
    const char *const argv[] = {"mosquitto", "-c", path, NULL};
    if (access(lane->program, X_OK) != 0)
        return -1;
    site->port = stream_free_port();
    snprintf(path, sizeof path, "%s/mosquitto.conf", site->home);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    /* No limits that would make it drop, nothing on the disk, and no waiting for more to send. */
    fprintf(file,
            "listener %u 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\nuser root\n"
            "set_tcp_nodelay true\nmax_inflight_messages 0\nmax_queued_messages 0\n",
            site->port);
    CHECK(fclose(file) == 0);
    return spawn(lane, argv);
}

/* The next whole packet: its first byte, *body_out and *size_out; 0 when there is none yet. */
static uint8_t next_packet(struct stream *stream, const uint8_t **body_out, size_t *size_out)
{
    size_t size = 0, at = stream->at + 1;
    for (unsigned shift = 0; at < stream->end; shift += 7) {
        uint8_t byte = stream->in[at++];
        size |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (stream->end - at < size)
                return 0;
            uint8_t first = stream->in[stream->at];
            *body_out = stream->in + at;
            *size_out = size;
            stream->at = at + size;
            return first;
        }
    }
    return 0;
}

static void await_packet(struct stream *stream, uint8_t type)
{
    const uint8_t *body;
    size_t size;
    stream_flush(stream);
    for (int i = 0; i < 100; i++) {
        uint8_t first = next_packet(stream, &body, &size);
        if (first != 0) {
            CHECK((first & 0xf0) == type && size >= 2 && body[1] == 0);
            return;
        }
        stream_fill(stream, WAIT_MS);
    }
    CHECK(!"the broker does not answer");
}

static struct stream *connect_mqtt(const struct site *site, const char *name)
{
    /* Protocol level 4, a clean session, no keep-alive. */
    static const uint8_t HEAD[] = {0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0};
    struct stream *stream = stream_open(site->port);
    uint8_t size = (uint8_t)strlen(name);
    const uint8_t first[] = {0x10, (uint8_t)(sizeof HEAD + 1 + size)};
    stream_put(stream, first, sizeof first);
    stream_put(stream, HEAD, sizeof HEAD);
    stream_put(stream, &size, 1);
    stream_put(stream, name, size);
    await_packet(stream, 0x20);
    return stream;
}

static void *open_publisher_mqtt(const struct lane *lane, const struct site *site)
{
    struct client *client = calloc(1, sizeof *client);
    CHECK(client != NULL);
    client->qos = lane->variant;
    client->stream = connect_mqtt(site, "aa");
    return client;
}

static void publish_mqtt(void *opened, const char *payload)
{
    struct client *client = opened;
    size_t topic = strlen(LANE_TOPIC), size = strlen(payload);
    size_t rest = 2 + topic + (client->qos > 0 ? 2 : 0) + size;
    CHECK(rest < 128);
    const uint8_t head[] = {(uint8_t)(0x30 | client->qos << 1), (uint8_t)rest, 0, (uint8_t)topic};
    stream_put(client->stream, head, sizeof head);
    stream_put(client->stream, LANE_TOPIC, topic);
    if (client->qos > 0) {
        client->number = client->number == UINT16_MAX ? 1 : (uint16_t)(client->number + 1);
        const uint8_t number[] = {(uint8_t)(client->number >> 8), (uint8_t)client->number};
        stream_put(client->stream, number, sizeof number);
    }
    stream_put(client->stream, payload, size);
}

static void flush_mqtt(void *opened)
{
    struct client *client = opened;
    const uint8_t *body;
    size_t size;
    stream_flush(client->stream);
    if (client->qos == 0)
        return;
    stream_fill(client->stream, 0);
    while (next_packet(client->stream, &body, &size) != 0)
        ;
}

static void close_publisher(void *opened)
{
    struct client *client = opened;
    stream_close(client->stream);
    free(client);
}

static struct stream *subscribe_mqtt(const struct lane *lane, const struct site *site, uint32_t index)
{
    static const char FILTER[] = "Data/consumer/#";
    const uint8_t head[] = {0x82, sizeof FILTER - 1 + 5, 0, 1, 0, sizeof FILTER - 1};
    const uint8_t qos = (uint8_t)lane->variant;
    const uint8_t *body;
    size_t size;
    char name[32];
    snprintf(name, sizeof name, "bb.%u", index);
    struct stream *stream = connect_mqtt(site, name);
    stream_put(stream, head, sizeof head);
    stream_put(stream, FILTER, sizeof FILTER - 1);
    stream_put(stream, &qos, 1);
    stream_flush(stream);
    while (next_packet(stream, &body, &size) == 0)
        stream_fill(stream, WAIT_MS);
    CHECK(size == 3 && body[2] == qos);
    return stream;
}

static void take_mqtt(struct stream *stream, uint32_t subscriber, const struct lane_sink *sink)
{
    const uint8_t *body;
    size_t size;
    for (uint8_t first = next_packet(stream, &body, &size); first != 0;
         first = next_packet(stream, &body, &size)) {
        if ((first & 0xf0) != 0x30)
            continue;
        size_t head = 2 + ((size_t)body[0] << 8 | body[1]);
        if ((first & 6) != 0) {
            const uint8_t answer[] = {0x40, 2, body[head], body[head + 1]};
            stream_put(stream, answer, sizeof answer);
            head += 2;
        }
        sink->take(sink->context, subscriber, body + head, size - head);
    }
    stream_flush(stream);
}

/* -- NATS ----------------------------------------------------------------------------------------------- */

#define NATS_TOPIC "Data.consumer.consumer1"

static pid_t start_nats(const struct lane *lane, struct site *site)
{
    char port[16];
    const char *const argv[] = {"nats-server", "-a", "127.0.0.1", "-p", port, "-l", "/dev/null", NULL};
    if (access(lane->program, X_OK) != 0)
        return -1;
    site->port = stream_free_port();
    snprintf(port, sizeof port, "%u", site->port);
    return spawn(lane, argv);
}

static void put_text(struct stream *stream, const char *text)
{
    stream_put(stream, text, strlen(text));
}

/* The next whole line, without its end, NUL-terminated in place; NULL when there is none yet. */
static char *next_line(struct stream *stream)
{
    uint8_t *from = stream->in + stream->at;
    uint8_t *end = memchr(from, '\n', stream->end - stream->at);
    if (end == NULL)
        return NULL;
    stream->at += (size_t)(end + 1 - from);
    end[end > from && end[-1] == '\r' ? -1 : 0] = '\0';
    return (char *)from;
}

static void await_pong(struct stream *stream)
{
    put_text(stream, "PING\r\n");
    stream_flush(stream);
    for (int i = 0; i < 100; i++) {
        for (char *line = next_line(stream); line != NULL; line = next_line(stream))
            if (strcmp(line, "PONG") == 0)
                return;
        stream_fill(stream, WAIT_MS);
    }
    CHECK(!"the broker does not answer");
}

static struct stream *connect_nats(const struct site *site)
{
    struct stream *stream = stream_open(site->port);
    put_text(stream, "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":false,\"lang\":\"c\","
                     "\"version\":\"1\",\"protocol\":1}\r\n");
    await_pong(stream);
    return stream;
}

static void *open_publisher_nats(const struct lane *lane, const struct site *site)
{
    struct client *client = calloc(1, sizeof *client);
    CHECK(client != NULL);
    client->qos = lane->variant;
    client->stream = connect_nats(site);
    return client;
}

static void publish_nats(void *opened, const char *payload)
{
    struct client *client = opened;
    char head[64];
    size_t size = strlen(payload);
    int length = snprintf(head, sizeof head, "PUB " NATS_TOPIC " %zu\r\n", size);
    stream_put(client->stream, head, (size_t)length);
    stream_put(client->stream, payload, size);
    stream_put(client->stream, "\r\n", 2);
}

/* Gives the messages to the sink, if there is one, and answers pings. */
static void take_nats(struct stream *stream, uint32_t subscriber, const struct lane_sink *sink)
{
    for (;;) {
        size_t before = stream->at;
        const uint8_t *line = stream->in + before;
        const uint8_t *end = memchr(line, '\n', stream->end - before);
        if (end == NULL)
            break;
        size_t head = (size_t)(end + 1 - line), size = 0;
        if (head > 4 && memcmp(line, "MSG ", 4) == 0) {
            const uint8_t *digit = end;
            while (digit[-1] != ' ')
                digit--;
            size = strtoul((const char *)digit, NULL, 10);
            if (stream->end - before < head + size + 2)
                break;
            sink->take(sink->context, subscriber, end + 1, size);
            size += 2;
        } else if (head >= 4 && memcmp(line, "PING", 4) == 0) {
            put_text(stream, "PONG\r\n");
        }
        stream->at = before + head + size;
    }
    stream_flush(stream);
}

static void flush_nats(void *opened)
{
    struct client *client = opened;
    stream_flush(client->stream);
    stream_fill(client->stream, 0);
    take_nats(client->stream, 0, NULL);
}

static struct stream *subscribe_nats(const struct lane *lane, const struct site *site, uint32_t index)
{
    (void)lane, (void)index;
    struct stream *stream = connect_nats(site);
    put_text(stream, "SUB Data.consumer.> 1\r\n");
    await_pong(stream);
    return stream;
}

/* -- both ----------------------------------------------------------------------------------------------- */

static void *open_all(const struct lane *lane, const struct site *site, uint32_t count,
                      struct stream *(*subscribe)(const struct lane *, const struct site *, uint32_t))
{
    struct subscribers *all = calloc(1, sizeof *all);
    CHECK(all != NULL && count <= LANE_SUBSCRIBERS_MAX);
    for (; all->count < count; all->count++) {
        all->streams[all->count] = subscribe(lane, site, all->count);
        all->items[all->count] = (struct pollfd){all->streams[all->count]->fd, POLLIN, 0};
    }
    return all;
}

static void *open_subscribers_mqtt(const struct lane *lane, const struct site *site, uint32_t count)
{
    return open_all(lane, site, count, subscribe_mqtt);
}

static void *open_subscribers_nats(const struct lane *lane, const struct site *site, uint32_t count)
{
    return open_all(lane, site, count, subscribe_nats);
}

static void receive(struct subscribers *all, int wait_ms, const struct lane_sink *sink,
                    void (*take)(struct stream *, uint32_t, const struct lane_sink *))
{
    if (poll(all->items, all->count, wait_ms) <= 0)
        return;
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->items[i].revents == 0)
            continue;
        stream_fill(all->streams[i], 0);
        take(all->streams[i], i, sink);
    }
}

static void receive_mqtt(void *opened, int wait_ms, const struct lane_sink *sink)
{
    receive(opened, wait_ms, sink, take_mqtt);
}

static void receive_nats(void *opened, int wait_ms, const struct lane_sink *sink)
{
    receive(opened, wait_ms, sink, take_nats);
}

static void close_subscribers(void *opened)
{
    struct subscribers *all = opened;
    for (uint32_t i = 0; i < all->count; i++)
        stream_close(all->streams[i]);
    free(all);
}

const struct lane_kind LANE_MQTT = {start_mqtt,      open_publisher_mqtt,   publish_mqtt, flush_mqtt,
                                    close_publisher, open_subscribers_mqtt, receive_mqtt, close_subscribers};

const struct lane_kind LANE_NATS = {start_nats,      open_publisher_nats,   publish_nats, flush_nats,
                                    close_publisher, open_subscribers_nats, receive_nats, close_subscribers};

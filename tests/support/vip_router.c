/* A tiny VIP1 router for the client's own tests, on bare libzmq: one process, no access rules, no limits. It
 * answers hello, ping, peerlist, query and pubsub, passes on everything else, and refuses topics that start
 * with "forbidden". It stands in for no broker: what must hold with busbard is tested with busbard.
 *
 * usage: vip_router ENDPOINT [SECRET-Z85 ALLOWED-PUBLIC-Z85] */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define FRAMES_MAX 64
#define PEERS_MAX  64
#define SUBS_MAX   1024

static struct {
    char peer[256];
    char prefix[256];
} subs[SUBS_MAX];
static char peers[PEERS_MAX][256];
static int sub_count, peer_count;
static void *router;

struct frames {
    char *data[FRAMES_MAX];
    size_t size[FRAMES_MAX];
    int count;
};

static void receive(void *socket, struct frames *f)
{
    zmq_msg_t msg;
    f->count = 0;
    do {
        zmq_msg_init(&msg);
        if (zmq_msg_recv(&msg, socket, 0) < 0 || f->count == FRAMES_MAX)
            exit(1);
        f->size[f->count] = zmq_msg_size(&msg);
        f->data[f->count] = strndup(zmq_msg_data(&msg), zmq_msg_size(&msg));
        f->count++;
        int more = zmq_msg_more(&msg);
        zmq_msg_close(&msg);
        if (!more)
            return;
    } while (1);
}

static void send_all(const char *to, const struct frames *f)
{
    zmq_send(router, to, strlen(to), ZMQ_SNDMORE);
    for (int i = 0; i < f->count; i++)
        zmq_send(router, f->data[i], f->size[i], i + 1 < f->count ? ZMQ_SNDMORE : 0);
}

static void add(struct frames *f, const char *data, size_t size)
{
    f->data[f->count] = (char *)(size_t)data;
    f->size[f->count++] = size;
}

static void answer(const struct frames *in, const char *subsystem, const char *const *args, int count)
{
    struct frames out = {.count = 0};
    add(&out, "", 0);
    add(&out, "VIP1", 4);
    add(&out, "", 0);
    add(&out, in->data[4], in->size[4]);
    add(&out, subsystem, strlen(subsystem));
    for (int i = 0; i < count; i++)
        add(&out, args[i], strlen(args[i]));
    send_all(in->data[0], &out);
}

static void subscribe(const char *peer, const char *prefix)
{
    if (sub_count < SUBS_MAX) {
        snprintf(subs[sub_count].peer, sizeof subs[0].peer, "%s", peer);
        snprintf(subs[sub_count++].prefix, sizeof subs[0].prefix, "%s", prefix);
    }
}

static void unsubscribe(const char *peer, const char *prefix) /* NULL: all */
{
    for (int i = sub_count; i-- > 0;)
        if (strcmp(subs[i].peer, peer) == 0 && (prefix == NULL || strcmp(subs[i].prefix, prefix) == 0))
            subs[i] = subs[--sub_count];
}

static void publish(const struct frames *in)
{
    char text[70000];
    const char *reached[PEERS_MAX];
    int count = 0;
    size_t size = in->size[8] - 1;
    snprintf(text, sizeof text, "%.*s,\"sender\":\"%s\"}", (int)size, in->data[8], in->data[0]);
    for (int i = 0; i < sub_count; i++) {
        int seen = strncmp(in->data[7], subs[i].prefix, strlen(subs[i].prefix)) != 0;
        for (int j = 0; j < count; j++)
            seen = seen || strcmp(reached[j], subs[i].peer) == 0;
        if (seen)
            continue;
        reached[count++] = subs[i].peer;
        struct frames out = {.count = 0};
        add(&out, "", 0);
        add(&out, "VIP1", 4);
        add(&out, "", 0);
        add(&out, in->data[4], in->size[4]);
        add(&out, "pubsub", 6);
        add(&out, "publish", 7);
        add(&out, in->data[7], in->size[7]);
        add(&out, text, strlen(text));
        send_all(subs[i].peer, &out);
    }
    char acknowledged[4] = {(char)count, 0, 0, 0};
    struct frames out = {.count = 0};
    add(&out, "", 0);
    add(&out, "VIP1", 4);
    add(&out, "", 0);
    add(&out, in->data[4], in->size[4]);
    add(&out, "pubsub", 6);
    add(&out, "request_response", 16);
    add(&out, acknowledged, 4);
    send_all(in->data[0], &out);
}

static void pubsub(const struct frames *in)
{
    const char *operation = in->data[6], *peer = in->data[0];
    json_t *body = in->count > 7 ? json_loads(in->data[7], 0, NULL) : NULL;
    if (strcmp(operation, "publish") == 0 && strncmp(in->data[7], "forbidden", 9) == 0) {
        answer(in, "error", (const char *const[]){"-32001", "topic is not yours", "", "pubsub"}, 4);
    } else if (strcmp(operation, "publish") == 0) {
        publish(in);
    } else if (strcmp(operation, "synchronize") == 0) {
        size_t i;
        json_t *prefix, *all = json_loads(in->data[8], 0, NULL);
        json_t *list =
            json_object_get(json_object_get(json_object_get(all, "subscriptions"), "internal"), "");
        unsubscribe(peer, NULL);
        json_array_foreach(list, i, prefix) subscribe(peer, json_string_value(prefix));
        json_decref(all);
    } else if (strcmp(operation, "subscribe") == 0) {
        subscribe(peer, json_string_value(json_object_get(body, "prefix")));
        answer(in, "pubsub", (const char *const[]){"request_response", "\1"}, 2);
    } else if (strcmp(operation, "unsubscribe") == 0) {
        json_t *list = json_object_get(json_object_get(body, "internal"), "prefix");
        unsubscribe(peer, json_string_value(json_array_get(list, 0)));
        answer(in, "pubsub", (const char *const[]){"request_response", "\1"}, 2);
    }
    json_decref(body);
}

static void forget(const char *peer)
{
    unsubscribe(peer, NULL);
    for (int i = peer_count; i-- > 0;)
        if (strcmp(peers[i], peer) == 0 && i != --peer_count)
            memcpy(peers[i], peers[peer_count], sizeof peers[i]);
}

static int known(const char *peer)
{
    for (int i = 0; i < peer_count; i++)
        if (strcmp(peers[i], peer) == 0)
            return 1;
    return 0;
}

static void forward(struct frames *in)
{
    char *to = in->data[1];
    if (!known(to)) {
        answer(in, "error", (const char *const[]){"113", "No route to host", to, in->data[5]}, 4);
        return;
    }
    struct frames out = {.count = 0};
    add(&out, in->data[0], in->size[0]);
    for (int i = 2; i < in->count; i++)
        add(&out, in->data[i], in->size[i]);
    send_all(to, &out);
}

static void route(struct frames *in)
{
    const char *peer = in->data[0], *subsystem = in->data[5];
    if (strcmp(subsystem, "agentstop") == 0) {
        forget(peer);
        return;
    }
    if (!known(peer) && peer_count < PEERS_MAX)
        snprintf(peers[peer_count++], 256, "%s", peer);
    if (in->data[1][0] != '\0') {
        forward(in);
    } else if (strcmp(subsystem, "hello") == 0) {
        answer(in, "hello", (const char *const[]){"welcome", "1.0", "test-router", peer}, 4);
    } else if (strcmp(subsystem, "peerlist") == 0) {
        const char *args[PEERS_MAX + 1] = {"listing"};
        for (int i = 0; i < peer_count; i++)
            args[i + 1] = peers[i];
        answer(in, "peerlist", args, peer_count + 1);
    } else if (strcmp(subsystem, "query") == 0) {
        int version = strcmp(in->data[6], "platform-version") == 0;
        answer(in, "query", (const char *const[]){"", version ? "9.0.4" : ""}, 2);
    } else if (strcmp(subsystem, "pubsub") == 0) {
        pubsub(in);
    } else {
        answer(in, "error", (const char *const[]){"93", "Protocol not supported", "", subsystem}, 4);
    }
}

/* ZAP: one public key is let in. */
static void authorise(void *zap, const char *allowed)
{
    struct frames in;
    char key[41] = "";
    receive(zap, &in);
    /* version, request, domain, address, identity, mechanism, key: strndup cut the key at a NUL byte, if it
     * has one */
    unsigned char raw[32] = {0};
    memcpy(raw, in.data[6], strlen(in.data[6]) < 32 ? strlen(in.data[6]) : 32);
    zmq_z85_encode(key, raw, 32);
    int good = strcmp(key, allowed) == 0;
    const char *reply[] = {"1.0", in.data[1], good ? "200" : "400", good ? "OK" : "unknown key", "user", ""};
    for (int i = 0; i < 6; i++)
        zmq_send(zap, reply[i], strlen(reply[i]), i < 5 ? ZMQ_SNDMORE : 0);
}

int main(int argc, char **argv)
{
    void *context = zmq_ctx_new(), *zap = zmq_socket(context, ZMQ_REP);
    int yes = 1, many = 6000;
    router = zmq_socket(context, ZMQ_ROUTER);
    if (argc < 2 || zmq_bind(zap, "inproc://zeromq.zap.01") != 0)
        return 2;
    zmq_setsockopt(router, ZMQ_ROUTER_HANDOVER, &yes, sizeof yes);
    zmq_setsockopt(router, ZMQ_SNDHWM, &many, sizeof many);
    zmq_setsockopt(router, ZMQ_RCVHWM, &many, sizeof many);
    if (argc == 4) {
        zmq_setsockopt(router, ZMQ_CURVE_SERVER, &yes, sizeof yes);
        zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, argv[2], 41);
        zmq_setsockopt(router, ZMQ_ZAP_DOMAIN, "vip", 3);
    }
    if (zmq_bind(router, argv[1]) != 0)
        return 1;
    for (;;) {
        zmq_pollitem_t items[] = {{router, 0, ZMQ_POLLIN, 0}, {zap, 0, ZMQ_POLLIN, 0}};
        struct frames in;
        zmq_poll(items, 2, -1);
        if (items[1].revents)
            authorise(zap, argv[3]);
        if (!items[0].revents)
            continue;
        receive(router, &in);
        if (in.count >= 6)
            route(&in);
        for (int i = 0; i < in.count; i++)
            free(in.data[i]);
    }
}

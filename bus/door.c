#include "bus/door.h"

#include <busbar/check.h>
#include <busbar/limits.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A machine that vanished: probed by its kernel, not by ZMTP heartbeats, with which libzmq 4.3.4 aborts the
 * process when a peer goes whose input was stopped by a full queue (stream_engine_base.cpp, out_event). What
 * a peer does not take for SILENCE_MS ends its connection, too. */
#define PROBE_AFTER_S        2
#define PROBE_EVERY_S        2
#define PROBES               3
#define SILENCE_MS           15000
#define HANDSHAKE_TIMEOUT_MS 10000

static const struct {
    const char *name;
    int type;
} KINDS[DOOR_COUNT] = {
    [DOOR_VIP] = {"vip", -1}, [DOOR_SUB] = {"sub", ZMQ_XPUB}, [DOOR_PUB] = {"pub", ZMQ_XSUB}};

static bool set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

bool door_configure(void *socket, enum conns_door kind)
{
    int64_t largest = BB_FRAME_MAX;
    bool done = set(socket, ZMQ_LINGER, 0) && set(socket, ZMQ_SNDHWM, DOOR_HWM) &&
                set(socket, ZMQ_RCVHWM, DOOR_HWM) && set(socket, ZMQ_BACKLOG, 1024) &&
                set(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_TIMEOUT_MS) && set(socket, ZMQ_TCP_KEEPALIVE, 1) &&
                set(socket, ZMQ_TCP_KEEPALIVE_IDLE, PROBE_AFTER_S) &&
                set(socket, ZMQ_TCP_KEEPALIVE_INTVL, PROBE_EVERY_S) &&
                set(socket, ZMQ_TCP_KEEPALIVE_CNT, PROBES) && set(socket, ZMQ_TCP_MAXRT, SILENCE_MS) &&
                zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0;
    if (kind == DOOR_SUB)
        done = done && set(socket, ZMQ_XPUB_MANUAL, 1);
    return done;
}

static bool secure(void *socket, enum conns_door kind, const struct keys *keys)
{
    char domain[32];
    snprintf(domain, sizeof domain, "busbar.%s", KINDS[kind].name);
    return set(socket, ZMQ_CURVE_SERVER, 1) &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, KEY_Z85_SIZE) == 0 &&
           zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) == 0;
}

/* Removes the file of an ipc endpoint: a stale one, or our own. */
static void remove_ipc(const char *endpoint)
{
    if (strncmp(endpoint, "ipc://", 6) == 0 && endpoint[6] != '@')
        (void)unlink(endpoint + 6);
}

static enum status bind_all(struct door *door, const struct setting_list *endpoints, struct bb_reason *reason)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        const char *endpoint = endpoints->items[i];
        remove_ipc(endpoint);
        if (!set(door->socket, ZMQ_IPV6, strncmp(endpoint, "tcp://[", 7) == 0) ||
            zmq_bind(door->socket, endpoint) != 0) {
            int failed = errno;
            bb_reason_say(reason, "cannot open the %s door at %s: %s", KINDS[door->kind].name, endpoint,
                          zmq_strerror(failed));
            return failed == EADDRINUSE                            ? BB_EXISTS
                   : failed == EINVAL || failed == EPROTONOSUPPORT ? BB_RANGE
                                                                   : BB_IO;
        }
        size_t size = sizeof door->endpoint;
        if (i == 0)
            CHECK(zmq_getsockopt(door->socket, ZMQ_LAST_ENDPOINT, door->endpoint, &size) == 0);
    }
    return BB_OK;
}

static enum status watch(void *context, struct door *door)
{
    char name[64];
    size_t size = sizeof door->fd;
    snprintf(name, sizeof name, "inproc://busbard.monitor.%s", KINDS[door->kind].name);
    if (zmq_socket_monitor(door->socket, name, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) != 0)
        return BB_IO;
    door->monitor = zmq_socket(context, ZMQ_PAIR);
    if (door->monitor == NULL || !set(door->monitor, ZMQ_LINGER, 0) || zmq_connect(door->monitor, name) != 0)
        return BB_IO;
    if (zmq_getsockopt(door->socket, ZMQ_FD, &door->fd, &size) != 0 ||
        zmq_getsockopt(door->monitor, ZMQ_FD, &door->monitor_fd, &size) != 0)
        return BB_IO;
    return BB_OK;
}

static enum status address_path(const char *home, enum conns_door kind, char *path, size_t size)
{
    char below[32];
    snprintf(below, sizeof below, "run/%s.address", KINDS[kind].name);
    return config_home(home, below, path, size);
}

/* Written beside and renamed, so that a reader never sees half an address. */
enum status door_write_address(const char *endpoint, const struct door_options *options,
                               struct bb_reason *reason)
{
    char path[BB_PATH_MAX], fresh[BB_PATH_MAX + 8], key[KEY_BASE64_SIZE] = "";
    enum status status = address_path(options->home, options->kind, path, sizeof path);
    if (status == BB_OK && options->keys != NULL)
        status = keys_to_base64(options->keys->public_key, key);
    if (status != BB_OK)
        return status;
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "w");
    bool done = file != NULL && fprintf(file, "%s%s%s\n", endpoint, key[0] ? "?serverkey=" : "", key) > 0;
    done = file != NULL && fclose(file) == 0 && done && rename(fresh, path) == 0;
    if (!done)
        bb_reason_say(reason, "cannot write %s: %s", path, strerror(errno));
    return done ? BB_OK : BB_IO;
}

enum status door_open(void *context, const struct door_options *options, struct door *out,
                      struct bb_reason *reason)
{
    struct door door = {.kind = options->kind,
                        .endpoints = options->endpoints,
                        .socket = zmq_socket(context, KINDS[options->kind].type)};
    enum status status = BB_IO;
    bb_reason_say(reason, "libzmq refuses the %s door: %s", KINDS[options->kind].name, zmq_strerror(errno));
    if (door.socket != NULL && door_configure(door.socket, door.kind) &&
        (options->keys == NULL || secure(door.socket, door.kind, options->keys)))
        status = watch(context, &door);
    if (status == BB_OK)
        status = bind_all(&door, options->endpoints, reason);
    /* A socket for plain publishers wants everything. */
    if (status == BB_OK && door.kind == DOOR_PUB && zmq_send(door.socket, "\1", 1, 0) != 1)
        status = BB_IO;
    if (status == BB_OK)
        status = door_write_address(door.endpoint, options, reason);
    if (status == BB_OK)
        *out = door;
    else
        door_close(&door, options->home);
    return status;
}

void door_remove_address(const char *home, enum conns_door kind)
{
    char path[BB_PATH_MAX];
    if (address_path(home, kind, path, sizeof path) == BB_OK)
        (void)unlink(path);
}

void door_close(struct door *door, const char *home)
{
    if (door->socket == NULL)
        return;
    door_remove_address(home, door->kind);
    if (door->monitor != NULL)
        zmq_close(door->monitor);
    zmq_close(door->socket);
    for (size_t i = 0; i < door->endpoints->count; i++)
        remove_ipc(door->endpoints->items[i]);
    *door = (struct door){.socket = NULL};
}

int door_event(struct door *door, int *fd_out)
{
    zmq_msg_t event, address;
    uint16_t id;
    int32_t value;
    zmq_msg_init(&event);
    if (zmq_msg_recv(&event, door->monitor, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&event);
        return 0;
    }
    CHECK(zmq_msg_size(&event) == sizeof id + sizeof value);
    memcpy(&id, zmq_msg_data(&event), sizeof id);
    memcpy(&value, (char *)zmq_msg_data(&event) + sizeof id, sizeof value);
    if (zmq_msg_more(&event)) {
        zmq_msg_init(&address);
        (void)zmq_msg_recv(&address, door->monitor, ZMQ_DONTWAIT);
        zmq_msg_close(&address);
    }
    zmq_msg_close(&event);
    *fd_out = value;
    return id == ZMQ_EVENT_DISCONNECTED ? -1 : 1;
}

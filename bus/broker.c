#include "bus/broker.h"

#include "bus/client/log.h"
#include "bus/client/notify.h"
#include "bus/durable_service.h"
#include "bus/plain.h"
#include "bus/refusal.h"
#include "bus/reload.h"
#include "bus/vip.h"

#include <busbar/check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Subscriptions of all peers together. */
#define SUBSCRIPTIONS (256 * 1024)
/* Pause between two tries at the lock, while something is soon over, and the longest pause of the loop. */
#define RETRY_MS   5
#define LOCK_TRIES 20
#define SOON_MS    20
#define IDLE_MS    1000
/* A thousand connections of one door need as many descriptors; the usual soft limit is 1024. */
#define DESCRIPTORS CONNS_MAX

static int64_t mono_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Tells what is missing, and how to make it in the very home that was named. */
static void say_init(const struct broker *b, struct bb_reason *reason, const char *what, const char *path)
{
    const char *home = b->settings->home;
    bool named = home != NULL && *home != '\0';
    bb_reason_say(reason, "%s (%s); run: busbar init%s%s", what, path, named ? " --home " : "",
                  named ? home : "");
}

static enum status lock_home(struct broker *b, struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    enum status status = config_home(b->settings->home, "run", path, sizeof path);
    if (status != BB_OK)
        return status;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        say_init(b, reason, errno == ENOENT ? "the home is not there" : strerror(errno), path);
        return BB_IO;
    }
    status = config_home(b->settings->home, "run/busbard.lock", path, sizeof path);
    if (status != BB_OK)
        return status;
    b->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    /* Who asks whether a broker runs holds it for a moment. */
    for (int i = 0; b->lock_fd >= 0 && i < LOCK_TRIES; i++) {
        if (flock(b->lock_fd, LOCK_EX | LOCK_NB) == 0)
            return BB_OK;
        (void)nanosleep(&(struct timespec){0, RETRY_MS * 1000000}, NULL);
    }
    bool held = errno == EWOULDBLOCK;
    bb_reason_say(reason, held ? "another busbard runs on this home (%s is locked)" : "cannot lock %s", path);
    return held ? BB_EXISTS : BB_IO;
}

static enum status load_keys(struct broker *b, struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    enum status status = config_home(b->settings->home, "keys/busbard.json", path, sizeof path);
    if (status != BB_OK)
        return status;
    status = keys_load(path, &b->keys, reason);
    if (status == BB_NOT_FOUND)
        say_init(b, reason, "the broker has no keys", path);
    return status == BB_OK ? keys_to_base64(b->keys.public_key, b->public_key) : status;
}

static enum status load_rules(struct broker *b, struct bb_reason *reason)
{
    enum status status = reload_first(b, reason);
    if (status == BB_NOT_FOUND)
        say_init(b, reason, "there are no access rules", "access.json");
    return status;
}

static void on_key_refused(void *context, const struct pending_asked *asked)
{
    refusal_note(context, asked);
}

static enum status check_security(struct broker *b, struct bb_reason *reason)
{
    const char *open;
    b->secure = b->settings->security == SECURITY_CURVE;
    if (b->secure || settings_is_local(b->settings, &open))
        return BB_OK;
    bb_reason_say(
        reason,
        "security none needs endpoints that only this machine can reach (ipc or loopback), and %s is "
        "not one",
        open);
    return BB_DENIED;
}

/* Two brokers on one machine have homes of their own, but the same ports unless somebody says otherwise. */
static void advise(struct bb_reason *reason)
{
    const struct bb_reason what = *reason;
    bb_reason_say(reason,
                  "%.300s; for another busbard beside this one: --vip, --sub and --pub, or \"vip\", \"sub\" "
                  "and \"pub\" in busbard.json of its home",
                  what.text);
}

static enum status open_doors(struct broker *b, struct bb_reason *reason)
{
    const struct settings *s = b->settings;
    const struct {
        struct door *door;
        struct door_options options;
    } doors[] = {{&b->sub, {DOOR_SUB, &s->sub, b->secure ? &b->keys : NULL, s->home}},
                 {&b->pub, {DOOR_PUB, &s->pub, b->secure ? &b->keys : NULL, s->home}}};
    enum status status = BB_OK;
    if (b->secure)
        status = zap_open(b->context, &b->zap);
    b->zap.on_refused = on_key_refused;
    b->zap.context = b;
    if (status == BB_OK)
        status = vip_open(b, reason);
    for (size_t i = 0; i < sizeof doors / sizeof *doors && status == BB_OK; i++)
        status = door_open(b->context, &doors[i].options, doors[i].door, reason);
    if (status == BB_EXISTS)
        advise(reason);
    return status;
}

static enum status open_signals(struct broker *b)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return BB_IO;
    b->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return b->signal_fd < 0 ? BB_IO : BB_OK;
}

static void raise_limits(struct broker *b)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS) {
        limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    (void)zmq_ctx_set(b->context, ZMQ_MAX_SOCKETS, DESCRIPTORS - 1);
}

/* Zeroed memory whose pages are not there before they are needed. */
static void *reserve(size_t size)
{
    void *memory = calloc(1, size);
    CHECK(memory != NULL);
    return memory;
}

static void build_core(struct broker *b)
{
    uint64_t seed[2];
    CHECK(getrandom(seed, sizeof seed, 0) == sizeof seed);
    char name[ROUTER_NAME_SIZE];
    b->access = reserve(sizeof *b->access);
    b->spare = reserve(sizeof *b->spare);
    b->router = reserve(sizeof *b->router);
    b->out = reserve(sizeof *b->out);
    b->streams = reserve(sizeof *b->streams);
    b->conns = reserve(sizeof *b->conns);
    b->lines = reserve(sizeof *b->lines);
    b->post = reserve(sizeof *b->post);
    b->memory = reserve(router_memory(SUBSCRIPTIONS));
    b->streams->seed = seed[1];
    b->retain = retain_open(&b->settings->retain, (size_t)b->settings->retain_bytes,
                            (size_t)b->settings->retain_message_bytes, seed[1]);
    access_init(b->access);
    snprintf(name, sizeof name, "busbard.%016llx", (unsigned long long)(seed[0] ^ seed[1]));
    router_init(b->router, SUBSCRIPTIONS, b->memory, seed[0], name, b->access);
    b->post->router = b->router;
    b->post->receivers = reserve((BB_PEERS_MAX + 1) * sizeof(struct receiver));
}

enum status broker_open(const struct settings *settings, struct broker **out, struct bb_reason *reason)
{
    struct broker *b = reserve(sizeof *b);
    b->settings = settings;
    b->lock_fd = b->signal_fd = -1;
    b->context = zmq_ctx_new();
    CHECK(b->context != NULL);
    raise_limits(b);
    build_core(b);
    enum status status = check_security(b, reason);
    if (status == BB_OK)
        status = lock_home(b, reason);
    if (status == BB_OK && b->secure)
        status = load_keys(b, reason);
    if (status == BB_OK)
        status = load_rules(b, reason);
    if (status == BB_OK)
        status = open_signals(b);
    if (status == BB_OK)
        b->hosted = hosted_open(b, b->router, b->post);
    if (status == BB_OK)
        status = durable_open(b, &b->durable, reason);
    if (status == BB_OK)
        status = open_doors(b, reason);
    b->started_ms = b->now_ms = b->checked_ms = mono_ms();
    b->opened = status == BB_OK;
    if (status == BB_OK)
        *out = b;
    else
        broker_close(b);
    return status;
}

/* Handles the signals that came; false after one that ends the process. */
static bool take_signals(struct broker *b)
{
    struct signalfd_siginfo info;
    while (read(b->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGHUP) {
            log_info("stopping", LOG_TEXT("signal", strsignal((int)info.ssi_signo)));
            return false;
        }
        notify_reloading();
        reload_now(b);
        notify_ready(NULL);
    }
    return true;
}

/* Descriptors of the loop. A descriptor of libzmq is edge-triggered: whoever sees it readable empties its
 * socket, and whoever sends on a socket looks into it afterwards, because sending can swallow the edge. */
enum {
    ON_SIGNAL,
    ON_VIP,
    ON_SUB,
    ON_PUB,
    ON_SUB_MONITOR,
    ON_PUB_MONITOR,
    ON_ZAP,
    ON_DURABLE,
    DESCRIPTOR_COUNT
};

static int wait_ms(const struct broker *b, bool more)
{
    if (more || b->post->leaving_count > 0)
        return 0;
    if (b->rival_count > 0 || b->lines->doomed > 0 || b->lines->full)
        return SOON_MS;
    if (b->hosted_waits)
        return RETRY_MS;
    int most = b->secure && IDLE_MS > RELOAD_LOOK_MS ? RELOAD_LOOK_MS : IDLE_MS;
    return notify_feed_ms() > 0 && most > notify_feed_ms() ? (int)notify_feed_ms() : most;
}

/* One turn over the doors; true while one may hold more. A plain door is looked into when its descriptor says
 * so, when it was not emptied in the turn before, and after something was sent on it. */
static bool turn(struct broker *b, const struct pollfd *ready, bool all)
{
    uint64_t sent = b->plain_out;
    b->now_ms = mono_ms();
    notify_feed(b->now_ms);
    reload_look(b);
    if (b->secure && ready[ON_ZAP].revents != 0)
        zap_serve(&b->zap, b->access);
    if ((ready[ON_SUB_MONITOR].revents | ready[ON_PUB_MONITOR].revents) != 0)
        plain_watch(b);
    if (ready[ON_DURABLE].revents != 0)
        durable_serve(b->durable);
    int plain = all || ready[ON_PUB].revents != 0 ? plain_serve(b) : 0;
    if (ready[ON_VIP].revents != 0)
        vip_serve(b);
    if (all || ready[ON_SUB].revents != 0 || b->plain_out != sent)
        plain_subscriptions(b);
    b->hosted_waits = hosted_tick(b->hosted, b->now_ms);
    vip_tidy(b);
    return b->reload.asked || plain == BURST;
}

static void tell_ready(const struct broker *b)
{
    char status[BB_PATH_MAX];
    snprintf(status, sizeof status, "The doors are open, the agents' at %s", b->lines->listeners[0].endpoint);
    notify_ready(status);
}

void broker_run(struct broker *b)
{
    struct pollfd polls[DESCRIPTOR_COUNT] = {[ON_SIGNAL] = {b->signal_fd, POLLIN, 0},
                                             [ON_VIP] = {b->lines->epoll, POLLIN, 0},
                                             [ON_SUB] = {b->sub.fd, POLLIN, 0},
                                             [ON_PUB] = {b->pub.fd, POLLIN, 0},
                                             [ON_SUB_MONITOR] = {b->sub.monitor_fd, POLLIN, 0},
                                             [ON_PUB_MONITOR] = {b->pub.monitor_fd, POLLIN, 0},
                                             [ON_ZAP] = {b->secure ? b->zap.fd : -1, POLLIN, 0},
                                             [ON_DURABLE] = {durable_fd(b->durable), POLLIN, 0}};
    log_info("ready", LOG_TEXT("vip", b->lines->listeners[0].endpoint), LOG_TEXT("sub", b->sub.endpoint),
             LOG_TEXT("pub", b->pub.endpoint), LOG_TEXT("security", b->secure ? "curve" : "none"));
    bool more = true;
    /* Only a socket that was found empty once announces what comes later. */
    plain_watch(b);
    if (b->secure)
        zap_serve(&b->zap, b->access);
    tell_ready(b);
    for (;;) {
        (void)poll(polls, DESCRIPTOR_COUNT, wait_ms(b, more));
        if (polls[ON_SIGNAL].revents != 0 && !take_signals(b)) {
            notify_stopping();
            return;
        }
        more = turn(b, polls, more);
    }
}

void broker_close(struct broker *b)
{
    if (b == NULL)
        return;
    const char *home = b->settings->home;
    durable_close(b->durable);
    b->durable = NULL;
    hosted_close(b->hosted);
    for (uint32_t i = 0; i <= BB_PEERS_MAX; i++)
        ring_clear(&b->post->receivers[i].ring);
    vip_close(b);
    door_close(&b->sub, home);
    door_close(&b->pub, home);
    zap_close(&b->zap);
    if (b->lock_fd >= 0 && b->opened)
        reload_close(b);
    zmq_ctx_term(b->context);
    keys_wipe(&b->keys);
    if (b->signal_fd >= 0)
        close(b->signal_fd);
    if (b->lock_fd >= 0)
        close(b->lock_fd);
    free(b->post->scratch);
    free(b->post->receivers);
    free(b->lines);
    free(b->post);
    free(b->conns);
    retain_close(b->retain);
    free(b->streams);
    free(b->out);
    free(b->router);
    free(b->memory);
    free(b->access);
    free(b->spare);
    free(b->answer);
    free(b);
}

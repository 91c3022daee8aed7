#include "bus/client/notify.h"

#include <busbar/check.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 512

static struct {
    bool taken;
    struct sockaddr_un to;
    socklen_t to_size; /* 0: nobody wants to know */
    int64_t feed_ms;   /* 0: no watchdog */
    int64_t fed_ms;    /* 0: never */
    bool stopping;
} manager;

/* The number of an environment variable, 0 when it is none. */
static long long number_of(const char *name)
{
    const char *text = getenv(name);
    char *end = NULL;
    long long value = text == NULL ? 0 : strtoll(text, &end, 10);
    return end == NULL || end == text || *end != '\0' || value < 0 ? 0 : value;
}

/* An absolute path, or @NAME of the abstract namespace. */
static void take_address(const char *path)
{
    size_t size = path == NULL ? 0 : strlen(path);
    if (size < 2 || size >= sizeof manager.to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    manager.to.sun_family = AF_UNIX;
    memcpy(manager.to.sun_path, path, size);
    manager.to_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (path[0] == '/'));
    if (path[0] == '@')
        manager.to.sun_path[0] = '\0';
}

static void take(void)
{
    if (manager.taken)
        return;
    manager.taken = true;
    take_address(getenv("NOTIFY_SOCKET"));
    long long owner = number_of("WATCHDOG_PID"), interval_us = number_of("WATCHDOG_USEC");
    if (manager.to_size > 0 && interval_us > 0 && (owner == 0 || owner == getpid()))
        manager.feed_ms = interval_us < 2000 ? 1 : interval_us / 2000;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

/* A manager that does not listen is none of the program's troubles. */
static void tell(const char *text)
{
    take();
    if (manager.to_size == 0)
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                          (const struct sockaddr *)&manager.to, manager.to_size);
    (void)sent;
    close(fd);
}

/* The line that people read: no line of it may become an assignment of its own. */
static void tell_with(const char *assignment, const char *status)
{
    char text[TEXT_MAX];
    int size = snprintf(text, sizeof text, "%s%sSTATUS=", assignment, assignment[0] != '\0' ? "\n" : "");
    snprintf(text + size, sizeof text - (size_t)size, "%s", status);
    for (char *c = text + size; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    tell(text);
}

void notify_ready(const char *status)
{
    if (status == NULL)
        tell("READY=1");
    else
        tell_with("READY=1", status);
}

void notify_status(const char *status)
{
    tell_with("", status);
}

void notify_reloading(void)
{
    struct timespec now;
    char text[64];
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    tell(text);
}

void notify_stopping(void)
{
    manager.stopping = true;
    tell("STOPPING=1");
}

int64_t notify_feed_ms(void)
{
    take();
    return manager.feed_ms;
}

void notify_feed(int64_t now_ms)
{
    int64_t pause_ms = notify_feed_ms();
    if (pause_ms == 0 || manager.stopping || (manager.fed_ms != 0 && now_ms - manager.fed_ms < pause_ms))
        return;
    manager.fed_ms = now_ms;
    tell("WATCHDOG=1");
}

static void on_feed(void *context)
{
    (void)context;
    if (!manager.stopping)
        tell("WATCHDOG=1");
}

void notify_start(struct bb_loop *loop, const char *status)
{
    int timer;
    if (notify_feed_ms() > 0) {
        int64_t pause_ms = manager.feed_ms < UINT32_MAX ? manager.feed_ms : UINT32_MAX;
        CHECK(bb_loop_every(loop, (uint32_t)pause_ms, on_feed, NULL, &timer) == BB_OK);
    }
    notify_ready(status);
}

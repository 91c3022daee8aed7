#include "bus/lines.h"

#include <busbar/check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

/* What one turn looks at. */
#define EVENTS  64
#define ACCEPTS 64
/* Pause between two looks at the clock's business, and after descriptors ran out. */
#define TICK_MS 200

/* -- opening and closing -------------------------------------------------------------------------------- */

/* The descriptor of a listener is watched while there is room for its connections. */
static void watch_listeners(struct lines *lines, int operation)
{
    for (size_t i = 0; i < lines->listener_count; i++) {
        struct epoll_event event = {.events = lines->full ? 0 : EPOLLIN, .data.ptr = &lines->listeners[i]};
        CHECK(epoll_ctl(lines->epoll, operation, lines->listeners[i].fd, &event) == 0);
    }
}

enum status lines_open(struct lines *lines, const struct setting_list *endpoints,
                       const struct zmtp_pair *pair, const struct lines_owner *owner,
                       struct bb_reason *reason)
{
    lines->owner = *owner;
    lines->pair = pair;
    lines->epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(lines->epoll >= 0 && endpoints->count <= LINES_LISTENERS);
    for (size_t i = 0; i < endpoints->count; i++) {
        struct bb_reason why = {""};
        enum status status = listener_open(endpoints->items[i], &lines->listeners[i], &why);
        if (status != BB_OK) {
            bb_reason_say(reason, "cannot open the vip door at %s: %.300s", endpoints->items[i], why.text);
            return status;
        }
        lines->listener_count++;
    }
    watch_listeners(lines, EPOLL_CTL_ADD);
    return BB_OK;
}

static void free_dead(struct lines *lines)
{
    while (lines->dead != NULL) {
        struct line *line = lines->dead;
        lines->dead = line->next;
        free(line->input);
        free(line);
    }
}

static void closed_silently(void *context, struct line *line)
{
    (void)context, (void)line;
}

void lines_close(struct lines *lines)
{
    if (lines == NULL || lines->owner.closed == NULL)
        return;
    lines->owner.closed = closed_silently;
    while (lines->first != NULL)
        line_close(lines->first);
    lines->dirty_count = 0;
    free_dead(lines);
    for (size_t i = 0; i < lines->listener_count; i++)
        listener_close(&lines->listeners[i]);
    lines->listener_count = 0;
    outbox_pool_clear(&lines->pool);
    close(lines->epoll);
    lines->owner.closed = NULL;
}

/* -- new connections ------------------------------------------------------------------------------------ */

/* Room for another connection: of those that have not spoken, the oldest goes. */
static bool make_room(struct lines *lines)
{
    if (lines->count < LINES_MAX)
        return true;
    struct line *line = lines->first;
    while (line != NULL && line->peer != 0)
        line = line->next;
    if (line == NULL)
        return false;
    lines->evicted++;
    line_close(line);
    return true;
}

static void begin(struct lines *lines, struct line *line)
{
    uint8_t random[ZMTP_RANDOM];
    struct zmtp_step step;
    if (lines->pair != NULL)
        CHECK(getrandom(random, sizeof random, 0) == sizeof random);
    zmtp_init(&line->zmtp, lines->pair, random, &step);
    explicit_bzero(random, sizeof random);
    memcpy(outbox_reserve(&line->outbox, &lines->pool, step.reply_size), step.reply, step.reply_size);
    outbox_add(&line->outbox, &lines->pool, step.reply_size, 0);
    lines_dirty(lines, line, step.reply_size);
}

static void admit(struct lines *lines, int fd, const char *address)
{
    struct line *line = make_room(lines) ? calloc(1, sizeof *line) : NULL;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};
    if (line == NULL || epoll_ctl(lines->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(line);
        close(fd);
        return;
    }
    line->lines = lines;
    line->fd = fd;
    line->events = EPOLLIN;
    line->opened_ms = line->heard_ms = lines->now_ms;
    snprintf(line->address, sizeof line->address, "%s", address);
    line->previous = lines->last;
    *(lines->last == NULL ? &lines->first : &lines->last->next) = line;
    lines->last = line;
    lines->count++;
    lines->accepted++;
    begin(lines, line);
}

static void accept_from(struct lines *lines, const struct listener *listener)
{
    char address[LINE_ADDRESS_SIZE];
    for (int i = 0; i < ACCEPTS; i++) {
        int fd = listener_accept(listener, address, sizeof address);
        if (fd >= 0) {
            admit(lines, fd, address);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* The connections wait in the kernel; looking at them again at once would be a loop. */
            lines->full = true;
            watch_listeners(lines, EPOLL_CTL_MOD);
        }
        return;
    }
}

/* -- turns ---------------------------------------------------------------------------------------------- */

static bool is_listener(const struct lines *lines, const void *what)
{
    return (uintptr_t)what >= (uintptr_t)lines->listeners &&
           (uintptr_t)what < (uintptr_t)(lines->listeners + LINES_LISTENERS);
}

static void serve_line(struct line *line, uint32_t events)
{
    if (line->fd >= 0 && (events & EPOLLOUT) != 0)
        line_flush(line);
    if (line->fd < 0)
        return;
    if (line->held == NULL && line->due_ms == 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        line_read(line);
    else if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        line_close(line);
}

void lines_serve(struct lines *lines, int64_t now_ms)
{
    struct epoll_event events[EVENTS];
    lines->now_ms = now_ms;
    int count = epoll_wait(lines->epoll, events, EVENTS, 0);
    for (int i = 0; i < count; i++) {
        if (is_listener(lines, events[i].data.ptr))
            accept_from(lines, events[i].data.ptr);
        else
            serve_line(events[i].data.ptr, events[i].events);
    }
}

void lines_dirty(struct lines *lines, struct line *line, size_t size)
{
    if (line->blocked || line->fd < 0)
        return;
    if (!line->dirty) {
        if (lines->dirty_count == LINES_MAX)
            lines_flush(lines);
        line->dirty = true;
        lines->dirty[lines->dirty_count++] = line;
    }
    lines->unsent += size;
    if (lines->unsent > LINES_UNSENT_MAX)
        lines_flush(lines);
}

void lines_flush(struct lines *lines)
{
    uint32_t count = lines->dirty_count;
    lines->dirty_count = 0;
    lines->unsent = 0;
    for (uint32_t i = 0; i < count; i++)
        lines->dirty[i]->dirty = false;
    for (uint32_t i = 0; i < count; i++)
        line_flush(lines->dirty[i]);
}

void lines_shed(struct lines *lines)
{
    while (lines->input_bytes > LINES_INPUT_MAX) {
        struct line *largest = NULL;
        for (struct line *line = lines->first; line != NULL; line = line->next)
            if (line->input != NULL && (largest == NULL || line->input->capacity > largest->input->capacity))
                largest = line;
        CHECK(largest != NULL);
        lines->owner.refused(lines->owner.context, largest,
                             "too much has come in messages that are not whole, and most of it is its");
        line_close(largest);
    }
}

static bool is_over(const struct line *line, int64_t now_ms)
{
    if (line->due_ms != 0)
        return now_ms >= line->due_ms;
    if (line->peer != 0 || line->held != NULL)
        return false;
    return now_ms - line->opened_ms > (line->zmtp.state == ZMTP_OPEN ? LINES_SILENCE_MS : LINES_HANDSHAKE_MS);
}

void lines_tick(struct lines *lines, int64_t now_ms)
{
    lines->now_ms = now_ms;
    if (lines->dirty_count == 0)
        free_dead(lines);
    if (lines->doomed == 0 && now_ms - lines->ticked_ms < TICK_MS)
        return;
    if (lines->full && now_ms - lines->ticked_ms >= TICK_MS) {
        lines->full = false;
        watch_listeners(lines, EPOLL_CTL_MOD);
    }
    lines->ticked_ms = now_ms;
    for (struct line *line = lines->first, *next; line != NULL; line = next) {
        next = line->next;
        if (is_over(line, now_ms))
            line_close(line);
    }
}

#include "tests/support/scripted_board.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static struct mono now_mono(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (struct mono){(int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000};
}

void scripted_board_init(struct scripted_board *b, const char *folder, const char *name, uint16_t id,
                         uint8_t role)
{
    memset(b, 0, sizeof *b);
    snprintf(b->path, sizeof b->path, "%s/%s.tty", folder, name);
    b->master = -1;
    b->hello = (struct link_hello){.major = LINK_MAJOR, .minor = LINK_MINOR, .board = id, .role = role};
    b->hello.features = LINK_FEATURE_DISPATCH;
    b->hello.session = 1;
    link_set_text(b->hello.name, sizeof b->hello.name, name);
}

bool scripted_board_plug(struct scripted_board *b)
{
    struct link_settings settings = {.host = false};
    b->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (b->master < 0 || grantpt(b->master) != 0 || unlockpt(b->master) != 0)
        return false;
    struct termios t;
    if (tcgetattr(b->master, &t) != 0)
        return false;
    cfmakeraw(&t);
    (void)tcsetattr(b->master, TCSANOW, &t);
    unlink(b->path);
    if (symlink(ptsname(b->master), b->path) != 0)
        return false;
    b->hello.session++;
    settings.me = b->hello;
    link_init(&b->link, &settings, now_mono());
    return true;
}

void scripted_board_unplug(struct scripted_board *b)
{
    if (b->master >= 0)
        close(b->master);
    b->master = -1;
    unlink(b->path);
}

static void refuse(struct scripted_board *b)
{
    struct link_message m = {.type = LINK_REFUSE, .source = b->hello.board, .refuse.code = LINK_REFUSE_RANGE};
    if (b->refuses == NULL)
        return;
    link_set_text(m.refuse.text, sizeof m.refuse.text, b->refuses);
    (void)scripted_board_send(b, &m);
}

static void say_slots(struct scripted_board *b)
{
    struct link_message m = {.type = LINK_SLOTS, .source = b->hello.board, .slots = b->slots};
    (void)scripted_board_send(b, &m);
}

static void take_firmware(struct scripted_board *b, const struct link_firmware *piece)
{
    b->slots.total = piece->total;
    b->slots.crc32 = piece->crc32;
    if (piece->offset == b->slots.received)
        b->slots.received += (uint32_t)piece->data.size;
    else
        say_slots(b);
}

static void take(struct scripted_board *b, const struct link_message *m)
{
    if (m->type == LINK_CONFIG) {
        b->configs++;
        b->config = m->config;
    } else if (m->type == LINK_SETPOINT) {
        b->setpoints++;
        b->setpoint = m->setpoint;
    } else if (m->type == LINK_COMMAND || m->type == LINK_PARAMETER) {
        b->commands++;
        b->command = m->command;
        refuse(b);
    } else if (m->type == LINK_ASK) {
        b->asks++;
        say_slots(b);
    } else if (m->type == LINK_FIRMWARE) {
        take_firmware(b, &m->firmware);
    } else if (m->type == LINK_REFUSE) {
        b->refusals++;
        b->refusal = m->refuse;
    } else if (m->type == LINK_DISPATCH && b->heard_count < SCRIPTED_HEARD_MAX) {
        struct scripted_heard *h = &b->heard[b->heard_count++];
        h->source = m->source;
        h->size = m->dispatch.payload.size;
        memcpy(h->payload, m->dispatch.payload.data, h->size);
    }
}

static void listen_once(struct scripted_board *b)
{
    uint8_t bytes[4096];
    ssize_t size = read(b->master, bytes, sizeof bytes);
    struct bytes in = {bytes, size > 0 ? (size_t)size : 0};
    struct link_message message;
    while (link_feed(&b->link, &in, now_mono(), &message))
        take(b, &message);
}

static void babble(struct scripted_board *b)
{
    uint8_t bytes[512];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)((b->noise = b->noise * 1103515245u + 12345u) >> 16);
    ssize_t wrote = write(b->master, bytes, sizeof bytes);
    (void)wrote;
}

static void talk(struct scripted_board *b)
{
    struct bytes waiting = link_output(&b->link);
    ssize_t wrote = waiting.size > 0 ? write(b->master, waiting.data, waiting.size) : 0;
    if (wrote > 0)
        link_sent(&b->link, (size_t)wrote);
}

void scripted_board_pump(struct scripted_board *b)
{
    if (b->master < 0)
        return;
    if (!b->deaf)
        listen_once(b);
    link_poll(&b->link, now_mono());
    if (b->babbling)
        babble(b);
    else
        talk(b);
}

bool scripted_board_send(struct scripted_board *b, const struct link_message *message)
{
    return b->master >= 0 && link_send(&b->link, message, now_mono()) == BB_OK;
}

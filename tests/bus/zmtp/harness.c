#include "tests/bus/zmtp/harness.h"
#include "bus/zmtp/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed = 1;

uint32_t harness_below(uint32_t limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % limit;
}

struct zmtp_pair harness_server;
struct line *line;

static void reply(void)
{
    memcpy(line->out + line->out_size, line->step.reply, line->step.reply_size);
    line->out_size += line->step.reply_size;
    line->step.reply_size = 0;
}

void harness_begin(bool curve)
{
    uint8_t random[ZMTP_RANDOM];
    memset(line, 0, sizeof *line);
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(7 * i + 1);
    zmtp_init(&line->zmtp, curve ? &harness_server : NULL, random, &line->step);
    reply();
}

static void note(void)
{
    for (uint32_t i = 0; i < line->parts.count; i++) {
        uint32_t size = line->parts.frames[i].size;
        memcpy(line->said + line->said_size, line->in + line->step.from + line->parts.frames[i].at, size);
        line->said_size += size;
        line->said[line->said_size++] = i + 1 < line->parts.count ? '|' : '\n';
    }
}

/* Lets the session take what came as far as it goes. */
static void run(void)
{
    for (;;) {
        enum zmtp_event event = zmtp_next(&line->zmtp, line->in, line->in_size, &line->parts, &line->step);
        assert_true(line->step.used <= line->in_size && line->step.want <= BB_MESSAGE_MAX);
        if (event == ZMTP_ASK) {
            line->asked++;
            line->identity_size = line->step.identity.size;
            memcpy(line->identity, line->step.identity.data, line->identity_size);
            memcpy(line->key, line->step.key, ZMTP_KEY);
            if (line->refuse != NULL)
                zmtp_refuse(&line->zmtp, line->refuse, &line->step);
            else
                zmtp_admit(&line->zmtp, &line->step);
        }
        if (event == ZMTP_MESSAGE) {
            note();
            memset(&line->parts, 0, sizeof line->parts);
        }
        line->excess += event == ZMTP_EXCESS;
        reply();
        line->in_size -= line->step.used;
        memmove(line->in, line->in + line->step.used, line->in_size);
        if (event == ZMTP_REFUSED)
            line->why = line->zmtp.why;
        if (event == ZMTP_NEED)
            assert_true(line->step.want > line->in_size);
        if (event == ZMTP_NEED || event == ZMTP_REFUSED)
            return;
    }
}

void harness_feed(struct bytes bytes)
{
    memcpy(line->in + line->in_size, bytes.data, bytes.size);
    line->in_size += bytes.size;
    run();
}

/* Gives the stream in pieces of 1 … `most` bytes. */
void harness_feed_cut(struct bytes bytes, uint32_t most)
{
    while (bytes.size > 0) {
        size_t size = 1 + harness_below(most);
        size = size < bytes.size ? size : bytes.size;
        harness_feed((struct bytes){bytes.data, size});
        bytes = (struct bytes){bytes.data + size, bytes.size - size};
    }
}

uint8_t harness_room[STREAM];

struct writer harness_fresh(void)
{
    return writer_at(harness_room, sizeof harness_room);
}

void harness_said(const char *text)
{
    line->said[line->said_size] = '\0';
    assert_string_equal(line->said, text);
}

/* The frame that stands at the end of what the session sent; `before` bytes came earlier. */
struct bytes harness_answer(size_t before)
{
    struct zmtp_header header;
    size_t at = zmtp_header_read(line->out + before, line->out_size - before, &header);
    assert_true(at > 0 && before + at + header.body == line->out_size);
    return (struct bytes){line->out + before + at, (size_t)header.body};
}

void harness_refused(enum zmtp_reason why)
{
    assert_int_equal(line->why, why);
    assert_int_equal(line->zmtp.state, ZMTP_SHUT);
    assert_true(strlen(zmtp_reason_text(why)) > 10);
}

void harness_start(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("BUSBAR_SEED");
    uint8_t secret[ZMTP_KEY];
    if (given != NULL)
        seed = strtoull(given, NULL, 10);
    printf("seed %llu\n", (unsigned long long)seed);
    line = calloc(1, sizeof *line);
    if (line == NULL || !zmtp_curve_start())
        abort();
    memset(secret, 3, sizeof secret);
    zmtp_curve_pair(secret, &harness_server);
}

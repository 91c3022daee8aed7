#include "agents/cli/message.h"

#include "agents/cli/json.h"
#include "agents/views/stamp.h"

#include <stdio.h>

json_t *message_parsed(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    return value == NULL ? json_string(text) : value;
}

/* Prints a text that came from outside without the bytes that a terminal would obey. */
static void put_harmless(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        bool control = *at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0);
        putchar(control ? '?' : *at);
    }
}

static void print_line(const struct message *m, const char *time, bool colour)
{
    if (m->offset > 0)
        printf("%lld ", (long long)m->offset);
    printf("%s ", time);
    fputs(colour ? "\033[1m" : "", stdout);
    put_harmless(m->topic);
    fputs(colour ? "\033[0m " : " ", stdout);
    put_harmless(m->sender);
    putchar(' ');
    put_harmless(m->message);
    putchar('\n');
}

static void print_object(const struct message *m, const char *time)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:o, s:o}", "time", time, "topic", m->topic, "sender",
                               m->sender, "headers", message_parsed(m->headers == NULL ? "{}" : m->headers),
                               "message", message_parsed(m->message));
    if (m->retained)
        json_object_set_new(object, "retained", json_true());
    if (m->offset > 0)
        json_object_set_new(object, "offset", json_integer(m->offset));
    json_print_line(stdout, object);
}

bool message_print(const struct message *m, bool jsonl, bool colour)
{
    char time[STAMP_TEXT_MAX];
    stamp_format(m->time_ms, time);
    if (jsonl)
        print_object(m, time);
    else
        print_line(m, time, colour);
    return fflush(stdout) == 0;
}

/* Writes docs/link-protocol.md from the table of messages, or compares it with the file that is there.
 *   busbar-link-doc               prints it
 *   busbar-link-doc --check FILE  exit status 1 and the first differing line when FILE is another text */
#include "node-fw/link/message.h"
#include "node-fw/link/session.h"

#include <stdio.h>
#include <string.h>

struct field {
    const char *type, *name, *text;
};

struct entry {
    int number;
    const char *name;
    int reliable;
    const char *text;
    struct field fields[20];
};

#define FIELD(type, name, text) {#type, #name, text},
#define ENTRY(number, NAME, name, reliable, text)                                                            \
    {number, #NAME, reliable, text, {LINK_##NAME##_FIELDS(FIELD){NULL, NULL, NULL}}},
static const struct entry entries[] = {LINK_MESSAGES(ENTRY)};

static const char *const introduction[] = {
    "# The link between a board and its agent",
    "",
    "This file is generated from `node-fw/link/messages.h` by `busbar-link-doc`; a test compares the two.",
    "",
    "115200 baud, 8N1, three wires. A frame is `00`, COBS(header, payload, CRC), `00`. Integers are",
    "little-endian. The CRC is CRC-16/X-25 over header and payload.",
    "",
    "| offset | header | meaning |",
    "|---|---|---|",
    "| 0 | u8 type | low 6 bits: the message's number; high 2 bits: the protocol's major version & 3 |",
    "| 1 | u8 flags | 128: from a host; 1: reliable, seq counts; 2: ack counts |",
    "| 2 | u16 source | the board that said it; 0 from a host |",
    "| 4 | u8 seq | of a reliable message, from 0 in each session |",
    "| 5 | u8 ack | the next seq that the sender expects |",
    "| 6 | u16 length | of the payload |",
    "",
    "Each side says HELLO with a random session number at its start and every second until it is answered.",
    "A HELLO with flag 2 is an answer and needs none; its seq and ack are then the low 16 bits of the "
    "session",
    "that it answers. A session not seen before makes both sides begin afresh. The first byte of a HELLO is",
    "the major version in every version; another one is answered with REFUSE.",
    "",
    "Reliable messages are taken in order and once: a frame out of turn only has its acknowledgement",
    "repeated; the whole window is sent again after three round trips. The others are datagrams. A side that "
    "has",
    "nothing to say sends ACK as a heartbeat. A frame with the direction of its receiver is an echo, and is",
    "dropped, as is everything whose CRC is wrong; the next zero begins a new frame.",
    "",
    "A side that hears nothing for the time that means dead asks with HELLO. Only a side whose link is up",
    "acknowledges (flag 2); one that asks again a second after it was answered does not hear: the line",
    "carries one way only, and is down for both until a HELLO is answered again.",
    "",
    "A board's frames have its id as their source. A host that hears another one has another board before "
    "it,",
    "as when two cables are exchanged: it takes nothing of it, and begins afresh with HELLO.",
    "",
};

static const struct {
    const char *type;
    int size;
} sizes[] = {{"u8", 1}, {"u16", 2}, {"u32", 4}, {"u64", 8}, {"i32", 4}, {"i64", 8}};

/* Bytes of a field, 0 when it varies. */
static int size_of(const char *type)
{
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (strcmp(sizes[i].type, type) == 0)
            return sizes[i].size;
    return 0;
}

static const char *shown_type(const char *type)
{
    if (strcmp(type, "TEXT") == 0)
        return "text, UTF-8, to the end";
    if (strcmp(type, "BLOB") == 0)
        return "bytes, to the end";
    return strcmp(type, "IDS") == 0 ? "u8 count, then u16 each" : type;
}

static void write_entry(FILE *out, const struct entry *e)
{
    fprintf(out, "\n## %d %s\n\n%s. %s.\n", e->number, e->name, e->reliable ? "Reliable" : "Datagram",
            e->text);
    if (!e->fields[0].type)
        return;
    fprintf(out, "\n| offset | field | meaning |\n|---|---|---|\n");
    int offset = 0;
    for (const struct field *f = e->fields; f->type; f++) {
        fprintf(out, "| %d | %s %s | %s |\n", offset, shown_type(f->type), f->name, f->text);
        offset += size_of(f->type);
    }
}

static void write_document(FILE *out)
{
    for (size_t i = 0; i < sizeof introduction / sizeof *introduction; i++)
        fprintf(out, "%s\n", introduction[i]);
    fprintf(out, "| bound | value |\n|---|---|\n");
    fprintf(out, "| version | %d.%d |\n| frame, with both zeros | %d bytes |\n", LINK_MAJOR, LINK_MINOR,
            BB_LINK_FRAME_MAX);
    fprintf(out, "| payload | %d bytes |\n| reliable messages unacknowledged | %d |\n", BB_LINK_PAYLOAD_MAX,
            BB_LINK_WINDOW);
    fprintf(out, "| pause between heartbeats | %d ms |\n| silence that means dead | %d ms |\n",
            LINK_HEARTBEAT_MS, LINK_DEAD_MS);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        write_entry(out, &entries[i]);
}

static int differs(FILE *expected, FILE *found)
{
    char a[1024], b[1024];
    for (int line = 1;; line++) {
        char *x = fgets(a, sizeof a, expected);
        char *y = fgets(b, sizeof b, found);
        if (!x && !y)
            return 0;
        if (x && y && strcmp(a, b) == 0)
            continue;
        fprintf(stderr, "line %d differs; run busbar-link-doc again\n  table: %s  file:  %s", line,
                x ? a : "(end)\n", y ? b : "(end)\n");
        return 1;
    }
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        write_document(stdout);
        return 0;
    }
    FILE *found = argc == 3 && strcmp(argv[1], "--check") == 0 ? fopen(argv[2], "r") : NULL;
    FILE *expected = found ? tmpfile() : NULL;
    if (!expected) {
        fprintf(stderr, "usage: busbar-link-doc [--check FILE]\n");
        return 2;
    }
    write_document(expected);
    rewind(expected);
    int result = differs(expected, found);
    fclose(expected);
    fclose(found);
    return result;
}

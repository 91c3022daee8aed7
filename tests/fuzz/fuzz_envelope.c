/* Publish envelopes: what is accepted is written again for both kinds of receivers, and what was written is
 * accepted. */
#include "bus/core/envelope.h"

#include <busbar/check.h>
#include <stdlib.h>

static struct bytes join(const struct envelope_text *text, uint8_t *buffer)
{
    struct writer w = writer_at(buffer, text->size);
    for (size_t i = 0; i < text->count; i++)
        write_bytes(&w, text->pieces[i]);
    CHECK(w.ok && w.size == text->size);
    return written(&w);
}

static void rewrite(const struct envelope *envelope, bool vip)
{
    struct envelope_text text;
    struct envelope again;
    struct bytes sender;
    if (vip)
        envelope_for_vip(envelope, bytes_of("the.router"), &text);
    else
        envelope_for_sub(envelope, bytes_of("the.router"), bytes_of("1"), &text);
    uint8_t *buffer = malloc(text.size);
    CHECK(buffer != NULL);
    struct bytes json = join(&text, buffer);
    CHECK(envelope_parse(json, &again) == BB_OK);
    CHECK(scan_find(json, "sender", &sender) == BB_OK && bytes_equal(sender, bytes_of("\"the.router\"")));
    CHECK(
        bytes_equal(again.message, vip || envelope->message.size > 0 ? envelope->message : bytes_of("null")));
    free(buffer);
}

static void make_strict(struct bytes value)
{
    size_t room = 6 * value.size;
    uint8_t *buffer = malloc(room + 1);
    CHECK(buffer != NULL);
    struct writer w = writer_at(buffer, room);
    struct bytes whole;
    envelope_make_strict(value, &w);
    CHECK(w.ok);
    struct scan scan = scan_at(written(&w));
    CHECK(scan_value(&scan, &whole) == BB_OK && scan_ended(&scan) && !scan.nonfinite);
    free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct envelope envelope;
    uint8_t latin1[64];
    size_t latin1_size;
    if (envelope_parse((struct bytes){data, size}, &envelope) == BB_OK) {
        rewrite(&envelope, true);
        rewrite(&envelope, false);
        if (envelope.message.size > 0)
            make_strict(envelope.message);
        (void)!scan_latin1(envelope.message, latin1, sizeof latin1, &latin1_size);
    }
    return 0;
}

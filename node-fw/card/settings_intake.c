#include "node-fw/card/settings_intake.h"

#include "node-fw/link/crc.h"
#include "node-fw/node/decimal.h"

_Static_assert(SETTINGS_TEXT_MAX == CARD_SETTINGS_MAX, "a card holds every file");
_Static_assert(SETTINGS_TEXT_MAX == LINK_SETTINGS_MAX, "and the link carries it");

void settings_intake_init(struct settings_intake *in, struct card *card)
{
    *in = (struct settings_intake){.card = card};
}

static enum settings_verdict refuse(struct settings_intake *in, uint8_t code, const char *why,
                                    struct link_refuse *out)
{
    in->total = in->received = 0;
    out->code = code;
    link_set_text(out->text, sizeof out->text, why);
    return SETTINGS_REFUSED;
}

/* "SETTINGS: line 4: omega: twelve is not a number …" */
static enum settings_verdict refuse_content(struct settings_intake *in, const struct settings_error *error,
                                            struct link_refuse *out)
{
    char text[LINK_TEXT_MAX + 1] = "";
    struct writer w = writer_at((uint8_t *)text, sizeof text - 1);
    write_bytes(&w, bytes_of("SETTINGS: "));
    if (error->line > 0) {
        write_bytes(&w, bytes_of("line "));
        decimal_write(&w, error->line, 0);
        write_bytes(&w, bytes_of(": "));
    }
    write_bytes(&w, bytes_of(error->text));
    text[w.size] = '\0';
    return refuse(in, LINK_REFUSE_RANGE, text, out);
}

static enum settings_verdict complete(struct settings_intake *in, struct link_refuse *out)
{
    struct bytes came = {in->text, in->total};
    uint8_t text[SETTINGS_TEXT_MAX];
    struct writer w = writer_at(text, sizeof text);
    struct settings settings;
    struct settings_error error;
    if (crc_32(0, came) != in->crc32)
        return refuse(in, LINK_REFUSE_RANGE, "SETTINGS: the CRC-32 of what has arrived is another one", out);
    struct bytes old = {in->card->settings, in->card->settings_size};
    if (settings_merge(old, came, &w) != BB_OK)
        return refuse(in, LINK_REFUSE_RANGE, "SETTINGS: more than 4096 bytes with what stays", out);
    if (settings_parse(written(&w), &error, &settings) != BB_OK)
        return refuse_content(in, &error, out);
    if (card_save_settings(in->card, written(&w)) != BB_OK)
        return refuse(in, LINK_REFUSE_NOT_NOW, "SETTINGS: the card cannot be written", out);
    in->total = in->received = 0;
    return SETTINGS_KEPT;
}

enum settings_verdict settings_intake_take(struct settings_intake *in, const struct link_board_file *piece,
                                           struct link_refuse *refuse_out)
{
    if (piece->offset == 0) {
        in->total = piece->total;
        in->crc32 = piece->crc32;
        in->received = 0;
    }
    size_t size = piece->data.size;
    bool next = in->total > 0 && piece->total == in->total && piece->crc32 == in->crc32 &&
                piece->offset == in->received;
    if (!next || size == 0 || size > (size_t)in->total - in->received)
        return refuse(in, LINK_REFUSE_RANGE, "SETTINGS: a piece is missing or does not fit: begin anew",
                      refuse_out);
    memcpy(in->text + in->received, piece->data.data, size);
    in->received = (uint16_t)(in->received + size);
    return in->received < in->total ? SETTINGS_TAKEN : complete(in, refuse_out);
}

enum status settings_intake_curve(struct card *card, const struct curve_parameters *parameters)
{
    uint8_t text[SETTINGS_TEXT_MAX];
    struct writer w = writer_at(text, sizeof text);
    struct settings settings;
    struct settings_error error;
    if (card->settings_size == 0)
        return BB_NOT_FOUND;
    enum status status =
        settings_rewrite((struct bytes){card->settings, card->settings_size}, parameters, &w);
    if (status == BB_OK && settings_parse(written(&w), &error, &settings) != BB_OK)
        status = BB_RANGE;
    return status == BB_OK ? card_save_settings(card, written(&w)) : status;
}

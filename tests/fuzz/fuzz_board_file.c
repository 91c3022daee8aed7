/* A board's own file: whatever is accepted is written, read back the same, and survives a rewrite of its
 * curve. */
#include "node-fw/node/settings.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct settings *a, const struct settings *b)
{
    if (a->id != b->id || strcmp(a->name, b->name) != 0 || strcmp(a->state, b->state) != 0 ||
        a->parameters.kind != b->parameters.kind || a->parameters.slope != b->parameters.slope ||
        a->parameters.intercept != b->parameters.intercept || a->parameters.pmax != b->parameters.pmax ||
        a->on_link_loss != b->on_link_loss || a->fixed_mw != b->fixed_mw ||
        a->ramp_mw_per_s != b->ramp_mw_per_s)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings first, second;
    struct settings_error error = {0};
    if (settings_parse((struct bytes){data, size}, &error, &first) != BB_OK) {
        if (error.text[0] == '\0' || strlen(error.text) >= sizeof error.text)
            abort();
        return 0;
    }
    static uint8_t text[SETTINGS_TEXT_MAX * 2];
    struct writer w = writer_at(text, sizeof text);
    if (settings_format(&first, &w) != BB_OK || settings_parse(written(&w), &error, &second) != BB_OK)
        abort();
    check_same(&first, &second);
    w = writer_at(text, sizeof text);
    if (settings_rewrite((struct bytes){data, size}, &first.parameters, &w) != BB_OK)
        abort();
    if (w.size <= SETTINGS_TEXT_MAX) {
        if (settings_parse(written(&w), &error, &second) != BB_OK)
            abort();
        check_same(&first, &second);
    }
    return 0;
}

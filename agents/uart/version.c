#include "agents/uart/version.h"

#include <stdio.h>

char *version_text(uint32_t version, char *text)
{
    text[0] = '\0';
    if (version != 0)
        snprintf(text, VERSION_TEXT, "%u.%u.%u", version >> 16 & 0xff, version >> 8 & 0xff, version & 0xff);
    return text;
}

const char *version_slot(uint8_t running)
{
    static const char *const words[] = {"the built-in image", "slot A", "slot B"};
    return running < sizeof words / sizeof *words ? words[running] : "?";
}

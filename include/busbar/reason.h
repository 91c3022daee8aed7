/* One sentence that says why something failed and what to do about it, beside the status that says what. */
#ifndef BUSBAR_REASON_H
#define BUSBAR_REASON_H

#include <stdarg.h>
#include <stdio.h>

/* Room for the sentence; longer ones are cut. */
struct bb_reason {
    char text[512];
};

/* Writes the sentence, printf-like. `reason` may be NULL: nobody asked. */
__attribute__((format(printf, 2, 3))) static inline void bb_reason_say(struct bb_reason *reason,
                                                                       const char *format, ...)
{
    if (reason == NULL)
        return;
    va_list values;
    va_start(values, format);
    vsnprintf(reason->text, sizeof reason->text, format, values);
    va_end(values);
}

#endif

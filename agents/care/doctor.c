#include "agents/care/doctor.h"

#include <busbar/check.h>
#include <stdarg.h>
#include <stdio.h>

void doctor_say(struct finding *finding, enum finding_level level, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(finding->text, sizeof finding->text, format, values);
    va_end(values);
    finding->level = level;
}

void doctor_remedy(struct finding *finding, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(finding->remedy, sizeof finding->remedy, format, values);
    va_end(values);
}

size_t doctor_look(const struct patient *patient, struct finding *findings)
{
    static const struct check *const groups[] = {doctor_home,   doctor_machine, doctor_serial,
                                                 doctor_stores, doctor_bus,     doctor_agents};
    size_t count = 0;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        for (const struct check *check = groups[i]; check->look != NULL; check++) {
            CHECK(count < DOCTOR_FINDINGS_MAX);
            struct finding *finding = &findings[count++];
            *finding = (struct finding){check->group, check->name, FINDING_NONE, "", ""};
            check->look(patient, finding);
        }
    return count;
}

enum finding_level doctor_verdict(const struct finding *findings, size_t count)
{
    enum finding_level worst = FINDING_OK;
    for (size_t i = 0; i < count; i++)
        if (findings[i].level > worst)
            worst = findings[i].level;
    return worst;
}

const char *doctor_word(enum finding_level level)
{
    static const char *const words[] = {"none", "ok", "warn", "fail"};
    return words[level];
}

/* busbar doctor: looks for what is wrong with an installation and says what to do about it. One check is one
 * row of a table, one file holds one group; a check writes nothing and changes nothing. */
#ifndef AGENTS_CARE_DOCTOR_H
#define AGENTS_CARE_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum finding_level { FINDING_NONE, FINDING_OK, FINDING_WARN, FINDING_FAIL };

/* What one check has found. FINDING_NONE: there is nothing here that it could look at. */
struct finding {
    const char *group, *check; /* of its row */
    enum finding_level level;
    char text[512];
    char remedy[512]; /* a command or a sentence; "" when there is nothing to do */
};

/* What is looked at. The members that came over the bus are NULL when nobody answered; all is borrowed. */
struct patient {
    char home[512];
    char ledger_home[512];   /* the ledger's own, on a host; else the same */
    bool host;               /* a home of the services: it has a ledger's beside it */
    const char *unreachable; /* why the broker does not answer; NULL: it does */
    const json_t *broker;    /* {"version","address","stats":{…}} */
    const json_t *peers;     /* identities */
    const json_t *agents;    /* agentd's agent.list */
    const json_t *limits;    /* agentd's agent.stats */
    const json_t *ledger;    /* the ledger's status */
};

typedef void check_look(const struct patient *patient, struct finding *finding);

struct check {
    const char *group, *name;
    check_look *look;
};

/* The groups, each ending in a row of NULLs. */
extern const struct check doctor_home[], doctor_machine[], doctor_serial[], doctor_stores[], doctor_bus[],
    doctor_agents[];

#define DOCTOR_FINDINGS_MAX 64

/* Looks at everything: findings[DOCTOR_FINDINGS_MAX], in the order of the tables; how many. */
size_t doctor_look(const struct patient *patient, struct finding *findings);

/* The worst of them. */
enum finding_level doctor_verdict(const struct finding *findings, size_t count);

/* "ok", "warn", "fail" or "none". */
const char *doctor_word(enum finding_level level);

/* For checks: writes the sentence and the level; the second what to do about it. */
void doctor_say(struct finding *finding, enum finding_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void doctor_remedy(struct finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

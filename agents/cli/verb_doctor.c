/* busbar doctor: asks the bus what it knows, has the home and the machine looked at, and prints a line for
 * each check. */
#include "agents/care/doctor.h"
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/session.h"
#include "agents/cli/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What came over the bus, to be decref'd. */
struct heard {
    json_t *broker, *peers, *agents, *limits, *ledger;
};

/* What the broker knows under `key`; NULL when it says nothing. */
static json_t *query(struct session *session, const char *key)
{
    char *text = NULL;
    if (bb_query(session->client, key, session->timeout_ms, &text) != BB_OK)
        return NULL;
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (value == NULL)
        value = json_string(text);
    free(text);
    return value;
}

/* What a peer answers; NULL when it is not there or does not answer. */
static json_t *ask(struct session *session, const json_t *peers, const char *peer, const char *method)
{
    size_t i;
    const json_t *one;
    char *text = NULL;
    bool there = false;
    json_array_foreach(peers, i, one) there = there || strcmp(json_string_value(one), peer) == 0;
    if (!there || bb_call(session->client, peer, method, NULL, session->timeout_ms, &text) != BB_OK) {
        free(text);
        return NULL;
    }
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    free(text);
    return value;
}

static json_t *known_peers(struct session *session)
{
    char *text = NULL;
    if (bb_peers(session->client, session->timeout_ms, &text) != BB_OK)
        return NULL;
    json_t *peers = json_loads(text, 0, NULL);
    free(text);
    return peers;
}

static void hear(struct session *session, struct heard *heard)
{
    heard->broker = json_pack("{s:o*, s:o*}", "address", query(session, "local_address"), "stats",
                              query(session, "busbar.stats"));
    heard->peers = known_peers(session);
    heard->agents = ask(session, heard->peers, "agentd", "agent.list");
    heard->limits = ask(session, heard->peers, "agentd", "agent.stats");
    heard->ledger = ask(session, heard->peers, "ledger", "status");
}

static void forget(struct heard *heard)
{
    json_t *const all[] = {heard->broker, heard->peers, heard->agents, heard->limits, heard->ledger};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        json_decref(all[i]);
}

/* On a host the ledger has a home of its own, HOME-ledger. */
static void find_ledger(struct patient *patient)
{
    char path[512 + 8];
    struct stat about;
    snprintf(path, sizeof path, "%s-ledger", patient->home);
    patient->host =
        stat(path, &about) == 0 && S_ISDIR(about.st_mode) && strlen(path) < sizeof patient->ledger_home;
    snprintf(patient->ledger_home, sizeof patient->ledger_home, "%.511s",
             patient->host ? path : patient->home);
}

static void print_json(const struct patient *patient, const struct finding *findings, size_t count)
{
    json_t *document = json_document(), *list = json_array();
    json_object_set_new(document, "home", json_string(patient->home));
    json_object_set_new(document, "verdict", json_string(doctor_word(doctor_verdict(findings, count))));
    for (size_t i = 0; i < count; i++)
        if (findings[i].level != FINDING_NONE)
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:s, s:s, s:s}", "group", findings[i].group, "check",
                                            findings[i].check, "level", doctor_word(findings[i].level),
                                            "text", findings[i].text, "remedy", findings[i].remedy));
    json_object_set_new(document, "checks", list);
    json_print(stdout, document);
}

static size_t count_of(const struct finding *findings, size_t count, enum finding_level level)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += findings[i].level == level;
    return found;
}

static void print_people(const struct finding *findings, size_t count)
{
    static const char *const colours[] = {"", "\033[32m", "\033[33m", "\033[31m"};
    bool colour = format_colour(stdout);
    for (size_t i = 0; i < count; i++) {
        const struct finding *f = &findings[i];
        if (f->level == FINDING_NONE)
            continue;
        printf("%s%-4s%s  %s %s: %s\n", colour ? colours[f->level] : "", doctor_word(f->level),
               colour ? "\033[0m" : "", f->group, f->check, f->text);
        if (f->remedy[0] != '\0')
            printf("      → %s\n", f->remedy);
    }
    printf("\n%zu ok, %zu warnings, %zu failed\n", count_of(findings, count, FINDING_OK),
           count_of(findings, count, FINDING_WARN), count_of(findings, count, FINDING_FAIL));
}

/* Source: Monitoring Plugins Development Guidelines: one line, 0 OK, 1 WARNING, 2 CRITICAL. */
static enum exit_code print_nagios(const struct finding *findings, size_t count)
{
    static const char *const words[] = {"OK", "OK", "WARNING", "CRITICAL"};
    enum finding_level verdict = doctor_verdict(findings, count);
    size_t i = 0;
    while (verdict != FINDING_OK && findings[i].level != verdict)
        i++;
    printf("BUSBAR %s - %s | failed=%zu warnings=%zu ok=%zu\n", words[verdict],
           verdict == FINDING_OK ? "nothing is wrong" : findings[i].text,
           count_of(findings, count, FINDING_FAIL), count_of(findings, count, FINDING_WARN),
           count_of(findings, count, FINDING_OK));
    return verdict == FINDING_FAIL ? EXIT_USAGE : verdict == FINDING_WARN ? EXIT_FAILED : EXIT_DONE;
}

enum exit_code verb_doctor(const struct call *call)
{
    struct session session = {0};
    struct bb_reason reason = {""};
    struct patient patient = {0};
    struct heard heard = {0};
    struct finding findings[DOCTOR_FINDINGS_MAX];
    enum status status = session_try(call, &reason, &session);
    if (*session.home == '\0')
        return call_fail(call, exit_of(status), "%s", reason.text);
    if (status == BB_OK) {
        hear(&session, &heard);
        session_close(&session);
    }
    snprintf(patient.home, sizeof patient.home, "%s", session.home);
    find_ledger(&patient);
    patient.unreachable = status == BB_OK ? NULL : reason.text;
    patient.broker = heard.broker;
    patient.peers = heard.peers;
    patient.agents = heard.agents;
    patient.limits = heard.limits;
    patient.ledger = heard.ledger;
    size_t count = doctor_look(&patient, findings);
    forget(&heard);
    if (call_flag(call, "nagios"))
        return print_nagios(findings, count);
    if (call_flag(call, "json"))
        print_json(&patient, findings, count);
    else
        print_people(findings, count);
    return doctor_verdict(findings, count) == FINDING_FAIL ? EXIT_FAILED : EXIT_DONE;
}

/* What the doctor makes of what came over the bus; the rest is tested with real homes
 * (tests/system/test_doctor.py). */
#include "agents/care/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct finding look(const struct check *group, const char *name, const struct patient *patient)
{
    struct finding finding = {0};
    while (strcmp(group->name, name) != 0)
        group++;
    group->look(patient, &finding);
    return finding;
}

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    assert_non_null(value);
    return value;
}

static void agents_in_trouble_are_named(void **state)
{
    static const struct {
        const char *agents;
        enum finding_level level;
        const char *text, *remedy;
    } cases[] = {
        {"{\"agents\":[]}", FINDING_OK, "0 of 0 installed agents run", ""},
        {"{\"agents\":[{\"name\":\"a\",\"state\":\"running\"},{\"name\":\"b\",\"state\":\"stopped\"}]}",
         FINDING_OK, "1 of 2 installed agents run", ""},
        {"{\"agents\":[{\"name\":\"a\",\"state\":\"crashed\"},{\"name\":\"b\",\"state\":\"crashed\"}]}",
         FINDING_FAIL, "crashed: a b", "busbar agent logs"},
        {"{\"agents\":[{\"name\":\"a\",\"state\":\"crashed\"},{\"name\":\"b\",\"state\":\"undecided\"}]}",
         FINDING_FAIL, "undecided: b", "--resolve"},
        {"{\"agents\":[{\"name\":\"a\",\"state\":\"waiting\"}]}", FINDING_WARN, "waiting: a",
         "busbar agent logs"},
        {"{\"agents\":[{\"name\":1},{},7]}", FINDING_OK, "0 of 3 installed agents run", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *agents = parse(cases[i].agents);
        struct patient patient = {.home = "/nonexistent", .ledger_home = "/nonexistent", .agents = agents};
        struct finding finding = look(doctor_agents, "states", &patient);
        assert_int_equal(finding.level, cases[i].level);
        assert_string_equal(finding.text, cases[i].text);
        assert_non_null(strstr(finding.remedy, cases[i].remedy));
        json_decref(agents);
    }
}

static void the_list_of_names_is_bounded(void **state)
{
    json_t *list = json_array();
    (void)state;
    for (int i = 0; i < 500; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "name", "an-agent-with-a-long-name", "state", "crashed"));
    json_t *agents = json_pack("{s:o}", "agents", list);
    struct patient patient = {.home = "/nonexistent", .agents = agents};
    assert_int_equal(look(doctor_agents, "states", &patient).level, FINDING_FAIL);
    json_decref(agents);
}

static void which_limits_are_in_force(void **state)
{
    json_t *kernel = parse("{\"limits\":\"cgroup\"}"), *alone = parse("{\"limits\":\"rlimit\"}");
    struct patient patient = {.home = "/nonexistent", .limits = kernel};
    (void)state;
    assert_int_equal(look(doctor_machine, "limits", &patient).level, FINDING_OK);
    patient.limits = alone;
    struct finding finding = look(doctor_machine, "limits", &patient);
    assert_int_equal(finding.level, FINDING_WARN);
    assert_non_null(strstr(finding.text, "address space"));
    assert_non_null(strstr(finding.remedy, "Delegate="));
    json_decref(kernel);
    json_decref(alone);
}

static void a_ledger_in_trouble(void **state)
{
    json_t *well = parse("{\"height\":\"7\",\"block\":\"0x0123456789abcdef0123\",\"trouble\":\"\"}");
    json_t *ill = parse("{\"height\":\"7\",\"block\":\"0x01\",\"trouble\":\"the disk is full\"}");
    struct patient patient = {.home = "/nonexistent", .ledger_home = "/nonexistent", .ledger = well};
    (void)state;
    struct finding finding = look(doctor_agents, "ledger", &patient);
    assert_int_equal(finding.level, FINDING_OK);
    assert_non_null(strstr(finding.text, "block 7"));
    patient.ledger = ill;
    finding = look(doctor_agents, "ledger", &patient);
    assert_int_equal(finding.level, FINDING_FAIL);
    assert_non_null(strstr(finding.text, "the disk is full"));
    json_decref(well);
    json_decref(ill);
}

static void an_older_broker_and_its_drops(void **state)
{
    json_t *broker = parse("{\"stats\":{\"version\":\"0.0.1\",\"dropped\":3,\"security\":\"curve\","
                           "\"access\":{\"held\":false,\"pending\":2}}}");
    struct patient patient = {.home = "/nonexistent", .broker = broker};
    (void)state;
    assert_int_equal(look(doctor_bus, "version", &patient).level, FINDING_WARN);
    assert_int_equal(look(doctor_bus, "security", &patient).level, FINDING_OK);
    assert_non_null(strstr(look(doctor_bus, "rules", &patient).remedy, "busbar access pending"));
    assert_non_null(strstr(look(doctor_bus, "drops", &patient).text, "3 messages"));
    json_decref(broker);
}

static void nothing_known_is_nothing_said(void **state)
{
    struct patient patient = {
        .home = "/nonexistent", .ledger_home = "/nonexistent", .unreachable = "nobody answers"};
    struct finding findings[DOCTOR_FINDINGS_MAX];
    (void)state;
    size_t count = doctor_look(&patient, findings);
    assert_true(count > 15);
    assert_int_equal(doctor_verdict(findings, count), FINDING_FAIL);
    for (size_t i = 0; i < count; i++) {
        assert_true((findings[i].level == FINDING_NONE) == (findings[i].text[0] == '\0'));
        assert_true(findings[i].level >= FINDING_WARN || findings[i].remedy[0] == '\0');
        assert_true(findings[i].level < FINDING_WARN || findings[i].remedy[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agents_in_trouble_are_named),   cmocka_unit_test(the_list_of_names_is_bounded),
        cmocka_unit_test(which_limits_are_in_force),     cmocka_unit_test(a_ledger_in_trouble),
        cmocka_unit_test(an_older_broker_and_its_drops), cmocka_unit_test(nothing_known_is_nothing_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

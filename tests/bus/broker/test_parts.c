/* The broker's parts without sockets: rings of slow peers, connections, admission, access.json. */
#include "bus/conns.h"
#include "bus/guard.h"
#include "bus/pending.h"
#include "bus/ring.h"
#include "bus/rules/rules.h"
#include "tests/link/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct packet *packet_of(uint32_t number, size_t size)
{
    struct packet *packet = ring_packet(1);
    assert_int_equal(zmq_msg_init_size(&packet->frames[0], sizeof number), 0);
    memcpy(zmq_msg_data(&packet->frames[0]), &number, sizeof number);
    packet->size = size;
    return packet;
}

static uint32_t number_of(const struct packet *packet)
{
    uint32_t number;
    memcpy(&number, zmq_msg_data((zmq_msg_t *)&packet->frames[0]), sizeof number);
    return number;
}

static void test_ring_drops_the_oldest(void **state)
{
    (void)state;
    struct ring ring = {.slots = NULL};
    assert_null(ring_first(&ring));
    for (uint32_t i = 0; i < RING_MESSAGES + 5; i++)
        assert_int_equal(ring_push(&ring, packet_of(i, 10)), i >= RING_MESSAGES);
    assert_int_equal(number_of(ring_first(&ring)), 5);
    assert_int_equal(ring_push(&ring, packet_of(99999, RING_BYTES)), RING_MESSAGES);
    assert_int_equal(ring.count, 1);
    assert_int_equal(ring_push(&ring, packet_of(1, 1)), 1);
    struct packet *packet = ring_pop(&ring);
    assert_int_equal(number_of(packet), 1);
    ring_packet_free(packet);
    assert_int_equal(ring.size, 0);
    (void)ring_push(&ring, packet_of(2, 1));
    ring_clear(&ring);
    assert_null(ring_first(&ring));
}

static void test_connections(void **state)
{
    (void)state;
    struct conns *conns = calloc(1, sizeof *conns);
    uint32_t at = 0;
    assert_non_null(conns);
    conns_opened(conns, 7, DOOR_VIP, 1000);
    conns_opened(conns, 8, DOOR_VIP, 1100);
    conns_opened(conns, 9, DOOR_SUB, 1100);
    assert_int_equal(conns->open[DOOR_VIP], 2);
    assert_true(conns_prove(conns, 7, 3));
    assert_int_equal(conns_unproven(conns, &at), 8);
    assert_int_equal(conns_unproven(conns, &at), -1);
    assert_int_equal(conns_overdue(conns, 1000 + CONNS_SILENCE_MS), -1);
    assert_int_equal(conns_overdue(conns, 1100 + CONNS_SILENCE_MS), 8);
    assert_int_equal(conns_overdue(conns, 1100 + CONNS_SILENCE_MS), -1);
    assert_int_equal(conns_closed(conns, 7), 3);
    assert_int_equal(conns_closed(conns, 7), 0);
    assert_false(conns_prove(conns, 7, 3));
    /* The same descriptor again is another connection: what is known about the first does not count. */
    conns_opened(conns, 8, DOOR_VIP, 5000);
    assert_int_equal(conns_overdue(conns, 5000 + CONNS_SILENCE_MS - 1), -1);
    assert_int_equal(conns_overdue(conns, 5000 + CONNS_SILENCE_MS), 8);
    conns_opened(conns, CONNS_MAX, DOOR_VIP, 0);
    conns_opened(conns, -1, DOOR_VIP, 0);
    assert_true(conns_prove(conns, CONNS_MAX, 1));
    assert_int_equal(conns->open[DOOR_VIP], 1);
    assert_int_equal(conns->open[DOOR_SUB], 1);
    free(conns);
}

/* Entry 0 stays silent, entry 1 speaks at once, when they are let in. */
static void test_guard_gives_turns(void **state)
{
    (void)state;
    struct guard *guard = calloc(1, sizeof *guard);
    assert_non_null(guard);
    assert_true(guard_admit(guard, 0, 1000));
    assert_true(guard_admit(guard, 1, 1000));
    assert_false(guard_silence(guard, 1000 + GUARD_SILENT_MS - 1));
    int64_t now = 1000 + GUARD_SILENT_MS;
    assert_true(guard_silence(guard, now));
    assert_true(guard_admit(guard, 0, now));
    assert_false(guard_admit(guard, 1, now));
    assert_false(guard_turn_over(guard, now + GUARD_TURN_MS - 1));
    now += GUARD_TURN_MS;
    assert_true(guard_turn_over(guard, now));
    assert_false(guard_turn_over(guard, now));
    assert_false(guard_admit(guard, 0, now));
    assert_true(guard_admit(guard, 1, now));
    guard_heard(guard, 1);
    assert_false(guard_turn_over(guard, now + GUARD_TURN_MS));
    assert_false(guard_admit(guard, 0, now + GUARD_BAR_MS - 1));
    assert_true(guard_admit(guard, 0, now + GUARD_BAR_MS));
    assert_true(guard_turn_over(guard, now + GUARD_BAR_MS + GUARD_TURN_MS));
    assert_false(guard_admit(guard, 0, now + 2 * GUARD_BAR_MS + GUARD_TURN_MS));
    /* Strangers without a key connect and stay silent too: nobody is made to wait for that. */
    guard_reset(guard);
    assert_false(guard_silence(guard, now + 100000));
    assert_true(guard_admit(guard, 2, now + 100000));
    assert_true(guard_admit(guard, 3, now + 100000));
    free(guard);
}

static enum status load(const char *text, struct access *out, struct bb_reason *reason)
{
    char path[] = "/tmp/rules.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    uint64_t digest;
    enum status status = rules_load(path, out, &digest, reason);
    assert_int_not_equal(digest, 0);
    unlink(path);
    return status;
}

#define KEY       "-RO34F0X5Gxder55yHrcRJJdXhrpjzE7WVWUzfIYxho"
#define ONE(rest) "{\"version\":1,\"entries\":[{\"key\":\"" KEY "\"," rest "}]}"

static void test_rules(void **state)
{
    (void)state;
    struct access *access = calloc(1, sizeof *access);
    struct bb_reason reason;
    uint64_t digest;
    assert_non_null(access);
    assert_int_equal(load(ONE("\"identities\":[\"a\",\"b.*\"],\"publish\":[\"D\\u00e9\"],\"comment\":\"c\""),
                          access, &reason),
                     BB_OK);
    assert_true(access_allows(access, 0, ACCESS_IDENTITY, bytes_of("b.1")));
    assert_true(access_allows(access, 0, ACCESS_PUBLISH, bytes_of("D\xe9/x")));
    assert_false(access_allows(access, 0, ACCESS_SUBSCRIBE, bytes_of("D")));
    static const struct {
        const char *text;
        enum status status;
        const char *says;
    } BAD[] = {
        {"", BB_MALFORMED, ":1:"},
        {"[]", BB_MALFORMED, "version"},
        {"{\"version\":2,\"entries\":[]}", BB_MALFORMED, "version"},
        {"{\"version\":1,\"entries\":[{\"key\":\"x\",\"identities\":[]}]}", BB_MALFORMED, "entry 1: \"key\""},
        {ONE("\"publish\":[]"), BB_MALFORMED, "identities"},
        {ONE("\"identities\":[\"12\"]"), BB_RANGE, "identity"},
        {ONE("\"identities\":[1]"), BB_MALFORMED, "texts"},
        {ONE("\"identities\":[],\"publish\":\"x\""), BB_MALFORMED, "texts"},
        {ONE("\"identities\":[],\"publish\":[\"\\u0100\"]"), BB_RANGE, "U+00FF"}};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_int_equal(load(BAD[i].text, access, &reason), BAD[i].status);
        if (strstr(reason.text, BAD[i].says) == NULL)
            fail_msg("%s: %s", BAD[i].text, reason.text);
    }
    assert_int_equal(rules_load("/nonexistent/access.json", access, &digest, &reason), BB_NOT_FOUND);
    assert_int_equal(digest, 0);
    assert_int_equal(rules_load("/dev/zero", access, &digest, &reason), BB_IO);
    free(access);
}

static void test_capabilities(void **state)
{
    (void)state;
    struct access *access = calloc(1, sizeof *access);
    struct bb_reason reason;
    struct bytes text;
    uint32_t at = 0;
    assert_non_null(access);
    assert_int_equal(
        load(ONE("\"identities\":[\"a\"],\"capabilities\":[\"admin\",{\"edit\":{\"identity\":\"x\"},"
                 "\"plain\":null}]"),
             access, &reason),
        BB_OK);
    static const char *const WANT[] = {"admin", "edit={\"identity\":\"x\"}", "plain"};
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++) {
        assert_true(access_next(access, 0, ACCESS_CAPABILITY, &at, &text));
        assert_true(bytes_equal(text, bytes_of(WANT[i])));
    }
    assert_false(access_next(access, 0, ACCESS_CAPABILITY, &at, &text));
    at = 0;
    assert_false(access_next(access, 0, ACCESS_PUBLISH, &at, &text));
    assert_true(access_allows(access, 0, ACCESS_CAPABILITY, bytes_of(ACCESS_ADMIN)));
    assert_false(access_allows(access, 0, ACCESS_CAPABILITY, bytes_of("administer")));
    assert_false(access_allows(access, 0, ACCESS_CAPABILITY, bytes_of("adm")));
    static const char *const BAD[] = {"\"\"", "\"a=b c\",\"a b\"", "\"=x\"",        "\"a=\"",
                                      "1",    "{\"a\":1}",         "{\"a=b\":null}"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        char json[256];
        snprintf(json, sizeof json, ONE("\"identities\":[],\n\"capabilities\":[%s]"), BAD[i]);
        assert_int_not_equal(load(json, access, &reason), BB_OK);
        assert_non_null(strstr(reason.text, ":1: entry 1: "));
    }
    free(access);
}

static struct pending_asked stranger(char *key, const char *address, uint32_t number)
{
    snprintf(key, ACCESS_KEY_SIZE + 1, "%043u", number);
    return (struct pending_asked){.key = key, .unknown = true, .address = address, .door = DOOR_VIP};
}

static const struct pending_item *find_pending(const struct pending *pending, const char *key)
{
    for (uint32_t i = 0; i < pending->count; i++)
        if (strcmp(pending->items[i].key, key) == 0)
            return &pending->items[i];
    return NULL;
}

static void test_pending_counts(void **state)
{
    (void)state;
    struct pending *pending = calloc(1, sizeof *pending);
    struct access *access = calloc(1, sizeof *access);
    struct bb_reason reason;
    char key[ACCESS_KEY_SIZE + 1], topic[400];
    assert_non_null(pending);
    assert_non_null(access);
    struct pending_asked asked = stranger(key, "10.0.0.1", 7);
    assert_true(pending_note(pending, &asked, 1000));
    assert_false(pending_note(pending, &asked, 2000));
    assert_int_equal(pending->items[0].times, 2);
    assert_int_equal(pending->items[0].first_ms, 1000);
    assert_int_equal(pending->items[0].last_ms, 2000);
    assert_string_equal(pending_word(&pending->items[0]), "key");
    memset(topic, 't', sizeof topic);
    struct pending_asked publish = {
        .key = KEY, .kind = ACCESS_PUBLISH, .text = bytes_of("D/x"), .address = ""};
    struct pending_asked subscribe = publish, longer = publish;
    subscribe.kind = ACCESS_SUBSCRIBE;
    longer.text = (struct bytes){(const uint8_t *)topic, sizeof topic};
    assert_true(pending_note(pending, &publish, 1));
    assert_true(pending_note(pending, &subscribe, 1));
    assert_true(pending_note(pending, &longer, 1));
    assert_false(pending_note(pending, &longer, 1));
    assert_true(pending->items[3].cut);
    assert_int_equal(load(ONE("\"identities\":[\"a\"],\"publish\":[\"D/\"]"), access, &reason), BB_OK);
    pending_prune(pending, access);
    assert_int_equal(pending->count, 3);
    assert_int_equal(pending->items[1].kind, ACCESS_SUBSCRIBE);
    free(access);
    free(pending);
}

/* Random keys, from one address or each from its own, push out neither who tries again nor other addresses.
 */
static void test_pending_under_a_flood(void **state)
{
    (void)state;
    struct pending *pending = calloc(1, sizeof *pending);
    char key[ACCESS_KEY_SIZE + 1], quiet[ACCESS_KEY_SIZE + 1], patient[ACCESS_KEY_SIZE + 1], address[32];
    assert_non_null(pending);
    struct pending_asked one = stranger(quiet, "10.0.0.1", 1), two = stranger(patient, "10.6.6.6", 2);
    assert_true(pending_note(pending, &one, 1));
    assert_true(pending_note(pending, &two, 1));
    assert_false(pending_note(pending, &two, 2));
    for (uint32_t i = 0; i < 10 * PENDING_MAX; i++) {
        struct pending_asked flood = stranger(key, "10.6.6.6", 1000 + i);
        assert_true(pending_note(pending, &flood, 10 + i));
        assert_non_null(find_pending(pending, key));
    }
    assert_int_equal(pending->count, PENDING_MAX);
    assert_int_equal(pending->forgotten, 9 * PENDING_MAX + 2);
    assert_non_null(find_pending(pending, quiet));
    assert_non_null(find_pending(pending, patient));
    for (uint32_t i = 0; i < 4 * PENDING_MAX; i++) {
        snprintf(address, sizeof address, "2001:db8::%x", i);
        struct pending_asked flood = stranger(key, address, 100000 + i);
        assert_true(pending_note(pending, &flood, 100000 + i));
        assert_non_null(find_pending(pending, key));
    }
    assert_int_equal(pending->count, PENDING_MAX);
    assert_non_null(find_pending(pending, patient));
    free(pending);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring_drops_the_oldest), cmocka_unit_test(test_connections),
        cmocka_unit_test(test_guard_gives_turns),     cmocka_unit_test(test_rules),
        cmocka_unit_test(test_capabilities),          cmocka_unit_test(test_pending_counts),
        cmocka_unit_test(test_pending_under_a_flood)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

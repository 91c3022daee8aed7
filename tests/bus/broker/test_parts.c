/* The broker's parts without sockets: rings of slow peers, outboxes, connections, access.json. */
#include "bus/conns.h"
#include "bus/outbox.h"
#include "bus/pending.h"
#include "bus/ring.h"
#include "bus/rules/rules.h"
#include "tests/link/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct packet *packet_of(uint32_t number, size_t size)
{
    struct packet *packet = packet_new(size);
    packet->count = 1;
    packet->size = number;
    return packet;
}

static uint32_t number_of(const struct packet *packet)
{
    return (uint32_t)packet->size;
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
    packet_free(packet);
    assert_int_equal(ring.cost, 0);
    assert_null(ring.slots);
    (void)ring_push(&ring, packet_of(2, 1));
    ring_clear(&ring);
    assert_null(ring_first(&ring));
}

/* What is shared between rings is freed with the last share. */
static void test_packets_are_shared(void **state)
{
    (void)state;
    struct ring one = {.slots = NULL}, two = {.slots = NULL};
    struct packet *packet = packet_of(1, 100);
    (void)ring_push(&one, packet_share(packet));
    (void)ring_push(&two, packet);
    ring_clear(&one);
    assert_ptr_equal(ring_first(&two), packet);
    assert_int_equal(packet->refs, 1);
    ring_clear(&two);
}

/* Whatever is put into an outbox comes out in order, however little the socket takes at a time. */
static void test_outbox_keeps_the_order(void **state)
{
    (void)state;
    struct outbox outbox = {.first = NULL};
    struct outbox_pool pool = {.bytes = 0};
    static uint8_t got[1 << 16];
    uint32_t sent = 0, heard = 0, number = 0;
    int ends[2], room = 4608;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
    while (heard < 200000 * sizeof number) {
        for (; sent < 200000 && outbox_has_room(&outbox, &pool); sent++) {
            if (sent % 1000 != 999) {
                memcpy(outbox_reserve(&outbox, &pool, sizeof sent), &sent, sizeof sent);
                outbox_add(&outbox, &pool, sizeof sent, 1);
                continue;
            }
            struct packet *packet = packet_new(sizeof sent);
            memcpy(packet->data, &sent, sizeof sent);
            outbox_refer(&outbox, &pool, packet);
            packet_free(packet);
        }
        enum status status = outbox_write(&outbox, &pool, ends[0]);
        assert_true(status == BB_FULL || (status == BB_OK && outbox.bytes == 0 && outbox.messages == 0));
        ssize_t size = read(ends[1], got, 997);
        for (ssize_t i = 0; i < size; i++, heard++) {
            number = number >> 8 | (uint32_t)got[i] << 24;
            if (heard % sizeof number == sizeof number - 1)
                assert_int_equal(number, heard / sizeof number);
        }
    }
    assert_int_equal(pool.bytes, 0);
    assert_null(outbox.first);
    close(ends[1]);
    memcpy(outbox_reserve(&outbox, &pool, 1), "x", 1);
    outbox_add(&outbox, &pool, 1, 1);
    assert_int_equal(outbox_write(&outbox, &pool, ends[0]), BB_CLOSED);
    outbox_clear(&outbox, &pool);
    assert_int_equal(pool.bytes, 0);
    outbox_pool_clear(&pool);
    close(ends[0]);
}

static void test_outbox_is_bounded(void **state)
{
    (void)state;
    struct outbox outbox = {.first = NULL};
    struct outbox_pool pool = {.bytes = 0};
    uint32_t count = 0;
    for (; outbox_has_room(&outbox, &pool); count++) {
        memset(outbox_reserve(&outbox, &pool, 10), 'x', 10);
        outbox_add(&outbox, &pool, 10, 1);
    }
    assert_int_equal(count, OUTBOX_MESSAGES);
    outbox_clear(&outbox, &pool);
    struct packet *packet = packet_new(3 * OUTBOX_BYTES);
    outbox_refer(&outbox, &pool, packet);
    assert_int_equal(packet->refs, 2);
    assert_false(outbox_has_room(&outbox, &pool));
    outbox_clear(&outbox, &pool);
    assert_int_equal(packet->refs, 1);
    packet_free(packet);
    outbox_pool_clear(&pool);
}

static void test_connections(void **state)
{
    (void)state;
    struct conns *conns = calloc(1, sizeof *conns);
    assert_non_null(conns);
    conns_opened(conns, 7, DOOR_SUB);
    conns_opened(conns, 8, DOOR_PUB);
    conns->table[7].refused = true;
    /* The same descriptor again is another connection: what is known about the first does not count. */
    conns_opened(conns, 7, DOOR_SUB);
    assert_false(conns->table[7].refused);
    conns_opened(conns, CONNS_MAX, DOOR_SUB);
    conns_opened(conns, -1, DOOR_SUB);
    assert_int_equal(conns->open[DOOR_SUB], 1);
    conns_closed(conns, 7);
    conns_closed(conns, 7);
    assert_int_equal(conns->open[DOOR_SUB], 0);
    assert_int_equal(conns->open[DOOR_PUB], 1);
    free(conns);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ring_drops_the_oldest),
                                       cmocka_unit_test(test_packets_are_shared),
                                       cmocka_unit_test(test_outbox_keeps_the_order),
                                       cmocka_unit_test(test_outbox_is_bounded),
                                       cmocka_unit_test(test_connections),
                                       cmocka_unit_test(test_rules),
                                       cmocka_unit_test(test_capabilities),
                                       cmocka_unit_test(test_pending_counts),
                                       cmocka_unit_test(test_pending_under_a_flood)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

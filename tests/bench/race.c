#include "tests/bench/race.h"

#include "tests/bench/lane.h"
#include "tests/bench/latency.h"

#include <busbar/check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* Messages under way when each broker runs as fast as it can. */
#define WINDOW 256
/* Kept back by the publisher at most, while more is due. */
#define BATCH 32
/* The part of a measurement before it, that does not count. */
#define WARM_UP 0.2
/* What did not arrive for so long is lost. */
#define STALLED_NS 500000000u
#define LANES      9
/* How long a broker may deliver nothing at all. */
#define PATIENCE_S 20
#define FAN_OUTS   3

static const uint32_t SUBSCRIBERS[FAN_OUTS] = {1, 10, 100};
enum { LOADS = 3, QUANTILES = 3 };
static const double LOAD[LOADS] = {0.1, 0.5, 0.9};
static const double QUANTILE[QUANTILES] = {0.5, 0.99, 0.999};

/* One lane with one number of subscribers, in one round. */
struct result {
    double per_second; /* messages delivered, to all together */
    double cpu_us;     /* the broker's, per delivery */
    double latency_us[LOADS][QUANTILES];
    double lost[LOADS]; /* the part that never arrived */
};

/* Publisher and subscribers of one measurement. */
struct course {
    const struct lane *lane;
    void *publisher, *subscribers;
    uint32_t count; /* of subscribers */
    _Atomic uint64_t sent, delivered, forgiven;
    atomic_bool over;
    double per_second; /* of publishes; 0: as fast as it goes */
    uint64_t seen[LANE_SUBSCRIBERS_MAX];
    uint64_t counts_from_ns; /* what was due earlier does not count */
    struct latency latency;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
    struct timespec until = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* Publishes the envelope with the time at which it was due. */
static void publish(struct course *course, uint64_t due_ns)
{
    char payload[128];
    int size = snprintf(
        payload, sizeof payload,
        "{\"bus\":\"\",\"headers\":{\"TimeStamp\":\"2026-11-28T12:00:00.000Z\"},\"message\":{" LANE_STAMP
        "%016llx\"}}",
        (unsigned long long)due_ns);
    CHECK(size == 100);
    course->lane->kind->publish(course->publisher, payload);
    course->sent++;
}

static void *as_fast_as_it_goes(void *context)
{
    struct course *course = context;
    CHECK(prctl(PR_SET_TIMERSLACK, 1) == 0);
    for (uint32_t kept = 0; !course->over;) {
        uint64_t arrived = (course->delivered + course->forgiven) / course->count;
        bool room = course->sent < arrived + WINDOW;
        if (room) {
            publish(course, now_ns());
            kept++;
        }
        if (kept >= BATCH || !room) {
            course->lane->kind->flush(course->publisher);
            kept = 0;
        }
        if (!room)
            sleep_until(now_ns() + 20000);
    }
    course->lane->kind->flush(course->publisher);
    return NULL;
}

static void *at_a_rate(void *context)
{
    struct course *course = context;
    double period_ns = 1e9 / course->per_second;
    uint64_t start = now_ns() + 1000000, number = 0, due = start;
    CHECK(prctl(PR_SET_TIMERSLACK, 1) == 0);
    while (!course->over) {
        sleep_until(due);
        uint64_t now = now_ns();
        for (int k = 0; due <= now && k < BATCH; k++) {
            publish(course, due);
            due = start + (uint64_t)((double)++number * period_ns);
        }
        course->lane->kind->flush(course->publisher);
    }
    return NULL;
}

static void take(void *context, uint32_t subscriber, const uint8_t *payload, size_t size)
{
    struct course *course = context;
    const uint8_t *stamp = memmem(payload, size, LANE_STAMP, sizeof LANE_STAMP - 1);
    /* Announcements and answers have none. */
    if (stamp == NULL)
        return;
    uint64_t due = strtoull((const char *)stamp + sizeof LANE_STAMP - 1, NULL, 16);
    course->seen[subscriber]++;
    course->delivered++;
    if (due < course->counts_from_ns)
        return;
    uint64_t now = now_ns();
    latency_add(&course->latency, now > due ? now - due : 0);
}

static void receive_until(struct course *course, uint64_t end_ns)
{
    const struct lane_sink sink = {take, course};
    uint64_t before = course->delivered, moved_ns = now_ns();
    for (uint64_t now = moved_ns; now < end_ns; now = now_ns()) {
        course->lane->kind->receive(course->subscribers, 10, &sink);
        if (course->delivered != before) {
            before = course->delivered;
            moved_ns = now;
        } else if (now - moved_ns > STALLED_NS) {
            course->forgiven = course->sent * course->count - course->delivered;
            moved_ns = now;
        }
    }
}

/* Until nothing is under way any more, or does not come. */
static void drain(struct course *course)
{
    const struct lane_sink sink = {take, course};
    uint64_t moved_ns = now_ns();
    for (uint64_t before = course->delivered;
         course->delivered < course->sent * course->count && now_ns() - moved_ns < STALLED_NS;) {
        course->lane->kind->receive(course->subscribers, 10, &sink);
        course->lane->kind->flush(course->publisher);
        if (course->delivered != before)
            moved_ns = now_ns();
        before = course->delivered;
    }
}

/* Publishes until every subscriber hears it. */
static void warm_up(struct course *course)
{
    const struct lane_sink sink = {take, course};
    for (uint32_t ready = 0, i = 0; ready < course->count; i++) {
        CHECK(i < 2000);
        publish(course, now_ns());
        course->lane->kind->flush(course->publisher);
        course->lane->kind->receive(course->subscribers, 10, &sink);
        for (ready = 0; ready < course->count && course->seen[ready] > 0; ready++)
            ;
        usleep(5000);
    }
    drain(course);
}

static void begin(struct course *course, double per_second)
{
    course->sent = course->delivered = course->forgiven = 0;
    course->over = false;
    course->per_second = per_second;
    memset(&course->latency, 0, sizeof course->latency);
}

static void saturate(struct course *course, pid_t pid, double seconds, struct result *out)
{
    pthread_t thread;
    begin(course, 0);
    course->counts_from_ns = UINT64_MAX;
    CHECK(pthread_create(&thread, NULL, as_fast_as_it_goes, course) == 0);
    receive_until(course, now_ns() + (uint64_t)(WARM_UP * 1e9));
    uint64_t start = now_ns(), before = course->delivered;
    double cpu = child_cpu_us(pid);
    receive_until(course, start + (uint64_t)(seconds * 1e9));
    for (uint32_t i = 0; course->delivered == before && i < PATIENCE_S; i++)
        receive_until(course, now_ns() + 1000000000u);
    double delivered = (double)(course->delivered - before);
    CHECK(delivered > 0);
    out->per_second = delivered / (double)(now_ns() - start) * 1e9;
    out->cpu_us = (child_cpu_us(pid) - cpu) / delivered;
    course->over = true;
    CHECK(pthread_join(thread, NULL) == 0);
    drain(course);
}

static void at_load(struct course *course, double seconds, uint32_t load, struct result *out)
{
    pthread_t thread;
    begin(course, LOAD[load] * out->per_second / course->count);
    uint64_t start = now_ns();
    course->counts_from_ns = start + (uint64_t)(WARM_UP * 1e9);
    CHECK(pthread_create(&thread, NULL, at_a_rate, course) == 0);
    receive_until(course, course->counts_from_ns + (uint64_t)(seconds * 1e9));
    course->over = true;
    CHECK(pthread_join(thread, NULL) == 0);
    drain(course);
    for (uint32_t q = 0; q < QUANTILES; q++)
        out->latency_us[load][q] = latency_us(&course->latency, QUANTILE[q]);
    /* On a busy machine a short course may be over before its first message. */
    uint64_t due = course->sent * course->count;
    out->lost[load] = due == 0 ? 0 : 1 - (double)course->delivered / (double)due;
}

/* False: the broker is not installed. */
static bool measure(const struct lane *lane, uint32_t subscribers, double seconds, struct result *out)
{
    static struct course course;
    struct site site;
    child_site(&site, lane->secure);
    pid_t pid = lane->kind->start(lane, &site);
    if (pid > 0) {
        memset(&course, 0, sizeof course);
        course.lane = lane;
        course.count = subscribers;
        course.counts_from_ns = UINT64_MAX;
        course.subscribers = lane->kind->open_subscribers(lane, &site, subscribers);
        course.publisher = lane->kind->open_publisher(lane, &site);
        warm_up(&course);
        saturate(&course, pid, seconds, out);
        for (uint32_t load = 0; load < LOADS; load++)
            at_load(&course, seconds, load, out);
        lane->kind->close_publisher(course.publisher);
        lane->kind->close_subscribers(course.subscribers);
        child_stop(pid);
    }
    child_clear(&site);
    return pid > 0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double race_median(const double *values, uint32_t count)
{
    double sorted[RACE_ROUNDS_MAX];
    CHECK(count > 0 && count <= RACE_ROUNDS_MAX);
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, by_value);
    return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* [median, least, most] of what stands at `offset` in each round's result. */
static json_t *over_rounds(const struct result *rounds, uint32_t count, size_t offset)
{
    double values[RACE_ROUNDS_MAX];
    for (uint32_t i = 0; i < count; i++)
        memcpy(&values[i], (const uint8_t *)&rounds[i] + offset, sizeof values[i]);
    double median = race_median(values, count);
    qsort(values, count, sizeof *values, by_value);
    return json_pack("[f,f,f]", median, values[0], values[count - 1]);
}

static json_t *report(const struct result *rounds, uint32_t count)
{
    static const char *const NAMES[LOADS] = {"at_10_percent", "at_50_percent", "at_90_percent"};
    static const char *const TIMES[QUANTILES] = {"p50_us", "p99_us", "p99_9_us"};
    json_t *all = json_pack(
        "{s:o,s:o}", "delivered_per_second", over_rounds(rounds, count, offsetof(struct result, per_second)),
        "cpu_us_per_delivery", over_rounds(rounds, count, offsetof(struct result, cpu_us)));
    for (uint32_t load = 0; load < LOADS; load++) {
        json_t *times = json_object();
        for (uint32_t q = 0; q < QUANTILES; q++)
            json_object_set_new(times, TIMES[q],
                                over_rounds(rounds, count, offsetof(struct result, latency_us[load][q])));
        json_object_set_new(times, "lost", over_rounds(rounds, count, offsetof(struct result, lost[load])));
        json_object_set_new(all, NAMES[load], times);
    }
    return all;
}

static void say(const char *name, uint32_t subscribers, const struct result *result)
{
    fprintf(stderr, "%-18s to %3u: %8.0f/s, %6.2f us;", name, subscribers, result->per_second,
            result->cpu_us);
    for (uint32_t load = 0; load < LOADS; load++)
        fprintf(stderr, " %2.0f %%: %.0f, %.0f, %.0f us, lost %.3f;", 100 * LOAD[load],
                result->latency_us[load][0], result->latency_us[load][1], result->latency_us[load][2],
                result->lost[load]);
    fputc('\n', stderr);
}

json_t *race_run(const struct race *race)
{
    const struct lane lanes[LANES] = {{"proxy_null", &LANE_ZMQ, "", false, LANE_PROXY},
                                      {"busbard_sub_null", &LANE_ZMQ, race->busbard, false, LANE_SUB_DOOR},
                                      {"busbard_vip_null", &LANE_ZMQ, race->busbard, false, LANE_VIP},
                                      {"mosquitto_qos0", &LANE_MQTT, race->mosquitto, false, 0},
                                      {"mosquitto_qos1", &LANE_MQTT, race->mosquitto, false, 1},
                                      {"nats", &LANE_NATS, race->nats, false, 0},
                                      {"proxy_curve", &LANE_ZMQ, "", true, LANE_PROXY},
                                      {"busbard_sub_curve", &LANE_ZMQ, race->busbard, true, LANE_SUB_DOOR},
                                      {"busbard_vip_curve", &LANE_ZMQ, race->busbard, true, LANE_VIP}};
    static struct result results[LANES][FAN_OUTS][RACE_ROUNDS_MAX];
    bool missing[LANES] = {false};
    json_t *all = json_pack("{s:i,s:f,s:i,s:[s,s,s]}", "rounds", (int)race->rounds, "seconds", race->seconds,
                            "window", WINDOW, "figures", "median", "least", "most");
    for (uint32_t round = 0; round < race->rounds; round++)
        for (uint32_t fan_out = 0; fan_out < FAN_OUTS; fan_out++)
            for (uint32_t i = 0; i < LANES; i++) {
                struct result *result = &results[i][fan_out][round];
                missing[i] = !measure(&lanes[i], SUBSCRIBERS[fan_out], race->seconds, result);
                if (!missing[i])
                    say(lanes[i].name, SUBSCRIBERS[fan_out], result);
            }
    for (uint32_t i = 0; i < LANES; i++) {
        json_t *lane = missing[i] ? json_pack("{s:s}", "left_out", "not installed") : json_object();
        for (uint32_t fan_out = 0; !missing[i] && fan_out < FAN_OUTS; fan_out++) {
            char name[32];
            snprintf(name, sizeof name, "subscribers_%u", SUBSCRIBERS[fan_out]);
            json_object_set_new(lane, name, report(results[i][fan_out], race->rounds));
        }
        json_object_set_new(all, lanes[i].name, lane);
    }
    return all;
}

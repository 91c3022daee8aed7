/* InfluxDB as a target: line protocol over HTTP, version 1 (/write) or 2 (/api/v2/write). It repeats nothing
 * twice: the same series, field and time is the same point. Source: InfluxDB API reference, /write and
 * /api/v2/write. */
#include "agents/historian/target.h"

#include "agents/historian/line.h"

#include <busbar/check.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

#define ANSWER_MAX 400
#define URL_MAX    2048
/* Of one request. */
#define BODY_BYTES (1024 * 1024)

struct influx_target {
    CURL *curl;
    struct curl_slist *headers;
    char url[URL_MAX];
    char answer[ANSWER_MAX + 1]; /* the beginning of what the server says */
    size_t answer_size;
    const atomic_bool *stop; /* borrowed */
};

static size_t on_answer(char *data, size_t one, size_t size, void *context)
{
    struct influx_target *t = context;
    size_t room = ANSWER_MAX - t->answer_size, taken = size < room ? size : room;
    (void)one;
    memcpy(t->answer + t->answer_size, data, taken);
    t->answer_size += taken;
    t->answer[t->answer_size] = '\0';
    return size;
}

/* Ends a request when it is to stop. */
static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct influx_target *t = context;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(t->stop);
}

static void influx_close(void *target)
{
    struct influx_target *t = target;
    curl_slist_free_all(t->headers);
    curl_easy_cleanup(t->curl);
    explicit_bzero(t, sizeof *t);
    free(t);
}

static bool make_url(struct influx_target *t, const struct target_settings *s)
{
    bool second = s->bucket[0] != '\0';
    char *name = curl_easy_escape(t->curl, second ? s->bucket : s->database, 0);
    char *organisation = curl_easy_escape(t->curl, s->organisation, 0);
    size_t base = strlen(s->url);
    while (base > 0 && s->url[base - 1] == '/')
        base--;
    int size = second ? snprintf(t->url, URL_MAX, "%.*s/api/v2/write?precision=us&org=%s&bucket=%s",
                                 (int)base, s->url, organisation, name)
                      : snprintf(t->url, URL_MAX, "%.*s/write?precision=u&db=%s", (int)base, s->url, name);
    curl_free(name);
    curl_free(organisation);
    return size > 0 && size < URL_MAX;
}

/* Version 2 wants the token in a header, version 1 a user and a password. */
static void authorise(struct influx_target *t, const struct target_settings *s)
{
    char header[1100];
    t->headers = curl_slist_append(NULL, "Content-Type: text/plain; charset=utf-8");
    if (s->secret[0] != '\0' && s->username[0] == '\0') {
        snprintf(header, sizeof header, "Authorization: Token %s", s->secret);
        t->headers = curl_slist_append(t->headers, header);
        explicit_bzero(header, sizeof header);
    } else if (s->username[0] != '\0') {
        curl_easy_setopt(t->curl, CURLOPT_USERNAME, s->username);
        curl_easy_setopt(t->curl, CURLOPT_PASSWORD, s->secret);
    }
    CHECK(t->headers != NULL);
    curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers);
}

static void start_curl(void)
{
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

/* Whether anybody is there; what they answer does not matter. */
static enum status ping(struct influx_target *t, const struct target_settings *settings,
                        struct bb_reason *reason)
{
    char url[URL_MAX + 8];
    snprintf(url, sizeof url, "%s/ping", settings->url);
    curl_easy_setopt(t->curl, CURLOPT_URL, url);
    CURLcode code = curl_easy_perform(t->curl);
    curl_easy_setopt(t->curl, CURLOPT_URL, t->url);
    if (code == CURLE_OK)
        return BB_OK;
    bb_reason_say(reason, "influx: %s", curl_easy_strerror(code));
    return BB_UNREACHABLE;
}

static enum status influx_open(const struct target_settings *settings, void **out, struct bb_reason *reason)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct influx_target *t = calloc(1, sizeof *t);
    CHECK(t != NULL && pthread_once(&once, start_curl) == 0);
    t->stop = settings->stop;
    t->curl = curl_easy_init();
    CHECK(t->curl != NULL);
    if (!make_url(t, settings)) {
        bb_reason_say(reason, "influx: the address is too long");
        influx_close(t);
        return BB_RANGE;
    }
    authorise(t, settings);
    curl_easy_setopt(t->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->curl, CURLOPT_TIMEOUT_MS, (long)settings->timeout_ms);
    curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->curl, CURLOPT_USERAGENT, "busbar-historian/" BUSBAR_VERSION);
    curl_easy_setopt(t->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(t->curl, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(t->curl, CURLOPT_NOPROGRESS, 0L);
    enum status status = ping(t, settings, reason);
    if (status == BB_OK)
        *out = t;
    else
        influx_close(t);
    return status;
}

/* 400 and 413 are about the data, 422 about its place in time; everything else may be better later. */
static enum status status_of(struct influx_target *t, CURLcode code, struct bb_reason *reason)
{
    long http = 0;
    if (code != CURLE_OK) {
        bb_reason_say(reason, "influx: %s", curl_easy_strerror(code));
        return code == CURLE_OPERATION_TIMEDOUT ? BB_TIMEOUT : BB_UNREACHABLE;
    }
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &http);
    if (http >= 200 && http < 300)
        return BB_OK;
    for (char *at = t->answer; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20)
            *at = ' ';
    bb_reason_say(reason, "influx: HTTP %ld: %.300s", http, t->answer);
    return http == 400 || http == 413 || http == 422 ? BB_MALFORMED
           : http == 401 || http == 403              ? BB_DENIED
                                                     : BB_IO;
}

static enum status post(struct influx_target *t, const char *body, size_t size, struct bb_reason *reason)
{
    t->answer_size = 0;
    t->answer[0] = '\0';
    curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, body);
    return status_of(t, curl_easy_perform(t->curl), reason);
}

static enum status influx_put(void *target, const struct point *points, size_t count,
                              struct bb_reason *reason)
{
    enum status status = BB_OK;
    for (size_t done = 0; done < count && status == BB_OK;) {
        char *body = NULL;
        size_t size = 0;
        FILE *to = open_memstream(&body, &size);
        CHECK(to != NULL);
        for (long at = 0; done < count && at < BODY_BYTES; done++, at = ftell(to)) {
            const struct series *s = points[done].series;
            line_write(to, (struct bytes){(const uint8_t *)s->name, s->name_size}, points[done].time_us,
                       &points[done].value);
        }
        CHECK(fclose(to) == 0);
        status = post(target, body, size, reason);
        free(body);
    }
    return status;
}

static enum status influx_begin(void *target, struct bb_reason *reason)
{
    (void)target, (void)reason;
    return BB_OK;
}

static void influx_rollback(void *target)
{
    (void)target;
}

const struct target_ops TARGET_INFLUX = {.name = "influx",
                                         .open = influx_open,
                                         .close = influx_close,
                                         .begin = influx_begin,
                                         .commit = influx_begin,
                                         .rollback = influx_rollback,
                                         .readings_put = influx_put};

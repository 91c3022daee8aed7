#include "agents/cli/history.h"

#include "agents/cli/moment.h"
#include "agents/views/stamp.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Values of one page: the historian gives no more. */
#define PAGE 10000

bool history_time(const char *what, const char *text, struct bb_reason *reason, char *time_out)
{
    char later[32];
    uint64_t seconds = 0;
    int64_t now_s = bb_loop_wall_ms() / 1000;
    enum status status = BB_OK;
    bool iso = strlen(text) >= 10 && text[4] == '-' && text[7] == '-';
    if (iso && strlen(text) < HISTORY_TIME_MAX) {
        snprintf(time_out, HISTORY_TIME_MAX, "%s", text);
        return true;
    }
    if (strcmp(text, "now") == 0) {
        seconds = (uint64_t)now_s;
    } else if (*text == '-') {
        snprintf(later, sizeof later, "+%.30s", text + 1);
        status = moment_parse(what, later, 0, reason, &seconds);
        seconds = seconds > (uint64_t)now_s ? 0 : (uint64_t)now_s - seconds;
    } else {
        status = moment_parse(what, text, now_s, reason, &seconds);
    }
    if (status != BB_OK || seconds > INT64_MAX / 1000) {
        bb_reason_say(reason, "%s: \"%.60s\" is none of: 2026-11-28T18:00:00Z, now, -15m, -2h, -30d, seconds",
                      what, text);
        return false;
    }
    stamp_format((int64_t)seconds * 1000, time_out);
    return true;
}

const char *history_peer(const struct call *call)
{
    const char *given = call_value(call, "historian");
    return given == NULL ? "historian" : given;
}

enum exit_code history_call(const struct call *call, struct session *session, const char *method,
                            const json_t *params, json_t **out)
{
    json_t *result = NULL;
    enum exit_code code =
        session_call(call, session, history_peer(call), method, params, EXIT_REFUSED, &result);
    if (code == EXIT_DONE && !json_is_object(result) && !json_is_array(result)) {
        json_decref(result);
        return call_fail(call, EXIT_FAILED, "%s: its answer is none of a historian", history_peer(call));
    }
    if (code == EXIT_DONE)
        *out = result;
    return code;
}

/* Hands the values of a page over; how many there were, -1: they are not taken. */
static int64_t take_page(const json_t *values, int64_t left, history_row *take, void *context)
{
    int64_t taken = 0;
    const json_t *row;
    size_t i;
    json_array_foreach(values, i, row)
    {
        const char *time = json_string_value(json_array_get(row, 0));
        if (taken == left || time == NULL)
            break;
        if (!take(context, time, json_array_get(row, 1)))
            return -1;
        taken++;
    }
    return taken;
}

enum exit_code history_read(const struct call *call, struct session *session, json_t *params, int64_t count,
                            history_row *take, void *context, bool *known_out, json_t **meta_out)
{
    bool backwards = json_object_get(params, "order") != NULL;
    *known_out = false;
    for (bool more = true; more && count > 0;) {
        json_t *page = NULL;
        json_object_set_new(params, "count", json_integer(count < PAGE ? count : PAGE));
        enum exit_code code = history_call(call, session, "query", params, &page);
        if (code != EXIT_DONE)
            return code;
        const json_t *values = json_object_get(page, "values");
        *known_out = *known_out || values != NULL;
        if (meta_out != NULL && *meta_out == NULL)
            *meta_out = json_incref(json_object_get(page, "metadata"));
        int64_t taken = take_page(values, count, take, context);
        json_t *next = json_object_get(page, "next");
        if (next != NULL)
            json_object_set(params, backwards ? "end" : "start", next);
        more = next != NULL && taken > 0;
        count -= taken;
        json_decref(page);
        if (taken < 0)
            return call_fail(call, EXIT_FAILED, "standard output does not take what is printed");
    }
    return EXIT_DONE;
}

void history_value(FILE *to, const json_t *value)
{
    char text[40];
    int digits = 15;
    if (!json_is_real(value)) {
        char *json = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        fputs(json == NULL ? "null" : json, to);
        free(json);
        return;
    }
    do
        snprintf(text, sizeof text, "%.*g", digits, json_real_value(value));
    while (strtod(text, NULL) != json_real_value(value) && ++digits <= 17);
    fputs(text, to);
    if (strpbrk(text, ".e") == NULL)
        fputs(".0", to);
}

char *history_cell(const json_t *value)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    CHECK(to != NULL);
    if (json_is_string(value))
        fputs(json_string_value(value), to);
    else
        history_value(to, value);
    CHECK(fclose(to) == 0);
    return text;
}

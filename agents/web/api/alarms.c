/* The alarms, and what operators do about them. */
#include "agents/web/api/handlers.h"
#include "agents/web/api/job.h"
#include "agents/web/api/watch.h"

#include <stdlib.h>
#include <string.h>

/* The newest first. */
void on_alarms(void *context, struct exchange *exchange)
{
    const struct api *api = context;
    json_t *list = json_array();
    const struct alarm *order[ALARMS_MAX];
    for (size_t i = 0; i < api->alarms.count; i++) {
        size_t k = i;
        for (; k > 0 && order[k - 1]->last_ms < api->alarms.list[i].last_ms; k--)
            order[k] = order[k - 1];
        order[k] = &api->alarms.list[i];
    }
    for (size_t i = 0; i < api->alarms.count; i++)
        json_array_append_new(list, watch_alarm_json(order[i]));
    job_give(exchange, list);
}

static uint32_t id_of(const struct exchange *exchange)
{
    const char *text = exchange_part(exchange, 0);
    bool number = strlen(text) < 10 && *text != '\0' && strspn(text, "0123456789") == strlen(text);
    return number ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static void answer(struct api *api, struct exchange *exchange, enum alarms_verdict verdict,
                   const struct alarm *alarm)
{
    switch (verdict) {
    case ALARMS_DONE:
        watch_tell_alarm(api, alarm);
        job_give(exchange, watch_alarm_json(alarm));
        break;
    case ALARMS_UNKNOWN:
        exchange_fail(exchange, 404, "not-found", "there is no alarm %.32s", exchange_part(exchange, 0));
        break;
    case ALARMS_OVER:
        exchange_fail(exchange, 409, "cleared", "alarm %.32s is cleared already", exchange_part(exchange, 0));
        break;
    case ALARMS_MINUTES:
        exchange_fail(exchange, 400, "range", "minutes: expected a whole number from 1 to %d",
                      ALARMS_SHELF_MAX_MIN);
        break;
    }
}

void on_acknowledge(void *context, struct exchange *exchange)
{
    struct api *api = context;
    const struct alarm *alarm = NULL;
    enum alarms_verdict verdict =
        alarms_acknowledge(&api->alarms, id_of(exchange), exchange_user(exchange), bb_loop_wall_ms(), &alarm);
    answer(api, exchange, verdict, alarm);
}

void on_shelve(void *context, struct exchange *exchange)
{
    struct api *api = context;
    const struct alarm *alarm = NULL;
    struct bytes body = exchange_body(exchange);
    json_t *given = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *minutes = json_object_get(given, "minutes");
    json_int_t count = json_is_integer(minutes) ? json_integer_value(minutes) : 0;
    json_decref(given);
    enum alarms_verdict verdict = alarms_shelve(&api->alarms, id_of(exchange), exchange_user(exchange), count,
                                                bb_loop_wall_ms(), &alarm);
    answer(api, exchange, verdict, alarm);
}

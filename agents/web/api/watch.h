/* What follows from what was heard: boards, alarms, runs, the overview; told on the channels of the events.
 */
#ifndef AGENTS_WEB_API_WATCH_H
#define AGENTS_WEB_API_WATCH_H

#include "agents/web/api/state.h"

/* A board object of `agent` came (borrowed); anything else is ignored. */
void watch_board(struct api *api, const char *agent, const json_t *object);

/* An agent has left the bus: what it said of its boards does not hold any more. */
void watch_agent_left(struct api *api, const char *agent);

/* An alarm is raised, or told of again. */
void watch_raise(struct api *api, const struct alarm_event *event);

/* A condition has ended, if it stood. */
void watch_clear(struct api *api, const char *topic, const char *alert);

/* To be called every WATCH_MS: what is due. */
#define WATCH_MS 100
void watch_tick(void *context);

/* The overview as it is now. */
struct overview watch_overview(const struct api *api);

/* An alarm, the overview, as JSON; to be decref'd. */
json_t *watch_alarm_json(const struct alarm *alarm);
json_t *watch_overview_json(const struct overview *overview);

/* Tells the listeners of an alarm that has changed. */
void watch_tell_alarm(struct api *api, const struct alarm *alarm);

#endif

/* The node objects: what is known of the boards as machines. */
#include "agents/uart/nodes.h"
#include "agents/uart/updates.h"
#include "agents/uart/version.h"

#include <busbar/check.h>
#include <string.h>

static json_t *version_json(uint32_t version)
{
    char text[VERSION_TEXT];
    return version == 0 ? json_null() : json_string(version_text(version, text));
}

static void set_slots(json_t *o, const struct machine *m)
{
    static const char *const running[] = {"built in", "A", "B"};
    static const char *const states[] = {"confirmed", "on trial", "rolled back"};
    static const char *const causes[] = {"power", "asked",    "watchdog", "update",
                                         "crash", "rollback", "settings"};
    const struct link_slots *s = &m->slots;
    if (!m->has_slots) {
        static const char *const keys[] = {"running", "state", "versions", "boots", "cause"};
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            json_object_set_new(o, keys[i], json_null());
        return;
    }
    /* The codec has refused values beyond these. */
    json_object_set_new(o, "running", json_string(running[s->running]));
    json_object_set_new(o, "state", json_string(states[s->state]));
    json_object_set_new(o, "versions",
                        json_pack("{s:o,s:o,s:o}", "built in", version_json(s->version_builtin), "A",
                                  version_json(s->version_a), "B", version_json(s->version_b)));
    json_object_set_new(o, "boots", json_integer(s->boots));
    json_object_set_new(o, "cause", json_string(causes[s->cause]));
}

static json_t *features_json(uint16_t features)
{
    static const struct {
        uint16_t bit;
        const char *word;
    } words[] = {{LINK_FEATURE_DISPATCH, "dispatch"},
                 {LINK_FEATURE_FIRMWARE, "firmware"},
                 {LINK_FEATURE_CARD, "card"}};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (features & words[i].bit)
            json_array_append_new(list, json_string(words[i].word));
    return list;
}

json_t *nodes_object(const struct agent *agent, const struct machine *m, const char *port,
                     const struct link_status *status)
{
    json_t *o = json_pack("{s:s?,s:i,s:s?,s:s,s:b,s:b,s:s}", "name", m->name, "id", m->hello.board, "kind",
                          m->kind, "agent", agent->settings->identity, "online", m->line != NULL, "enrolled",
                          m->name != NULL, "port", port);
    CHECK(o != NULL);
    json_object_set_new(o, "firmware", version_json(m->hello.firmware));
    set_slots(o, m);
    json_object_set_new(o, "uptime_s", status != NULL ? json_integer(status->uptime_s) : json_null());
    json_object_set_new(o, "bad_frames", status != NULL ? json_integer(status->bad_frames) : json_null());
    json_object_set_new(o, "update", updates_object(m));
    json_object_set_new(o, "features", features_json(m->hello.features));
    json_object_set_new(o, "refusal", m->refusal[0] != '\0' ? json_string(m->refusal) : json_null());
    return o;
}

json_t *nodes_list(const struct agent *agent)
{
    json_t *list = json_array();
    CHECK(list != NULL);
    for (size_t i = 0; i < agent->board_count; i++) {
        const struct board *b = &agent->boards[i];
        json_t *o = nodes_object(agent, &b->machine, b->line != NULL ? b->line->spec : b->last_port,
                                 b->has_status ? &b->status : NULL);
        json_object_set_new(o, "id", json_integer(b->site->id));
        json_array_append_new(list, o);
    }
    for (size_t i = 0; i < agent->line_count; i++) {
        const struct line *line = agent->lines[i];
        const struct machine *m = machine_on(line);
        if (m != NULL && m->line != NULL)
            json_array_append_new(list, nodes_object(agent, m, line->spec, NULL));
    }
    return list;
}

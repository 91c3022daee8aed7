#include "agents/federation/report.h"

#include "agents/federation/inbound.h"
#include "agents/federation/link.h"
#include "agents/federation/outbound.h"

#include <busbar/check.h>
#include <string.h>

static json_t *list_of(const struct rules_list *list)
{
    json_t *out = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(out, json_string(list->items[i]));
    return out;
}

static const struct {
    const char *name;
    size_t offset;
} COUNTS[] = {{"sent", offsetof(struct agent_counts, sent)},
              {"received", offsetof(struct agent_counts, received)},
              {"again", offsetof(struct agent_counts, again)},
              {"late", offsetof(struct agent_counts, late)},
              {"refused", offsetof(struct agent_counts, refused)},
              {"unwanted", offsetof(struct agent_counts, unwanted)},
              {"too_large", offsetof(struct agent_counts, too_large)},
              {"calls_out", offsetof(struct agent_counts, calls_out)},
              {"calls_in", offsetof(struct agent_counts, calls_in)},
              {"calls_refused", offsetof(struct agent_counts, calls_refused)},
              {"cuts", offsetof(struct agent_counts, cuts)}};

/* The address without keys; where the other side dials, "". */
static json_t *address_of(const struct link *link)
{
    const char *address = link->set->address != NULL ? link->set->address : "";
    return json_stringn(address, strcspn(address, "?"));
}

static json_t *link_json(const struct link *link)
{
    json_t *out = json_pack("{s:s,s:s,s:o,s:s,s:I,s:b,s:I,s:I,s:o,s:o,s:o}", "platform", link->set->platform,
                            "state", link->up ? "up" : "down", "address", address_of(link), "reason",
                            link->up ? "" : link->reason.text, "since_s",
                            (json_int_t)((bb_loop_mono_ms() - link->changed_ms) / 1000), "relay",
                            link->set->relay, "queued", (json_int_t)link->queue.count, "dropped",
                            (json_int_t)link->queue.dropped, "export", list_of(&link->set->exports), "import",
                            list_of(&link->set->imports), "calls", list_of(&link->set->calls));
    CHECK(out != NULL);
    for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++) {
        uint64_t count = *(const uint64_t *)(const void *)((const char *)&link->counts + COUNTS[i].offset);
        json_object_set_new(out, COUNTS[i].name, json_integer((json_int_t)count));
    }
    json_object_set_new(out, "durable", list_of(&link->set->durable));
    json_object_set_new(out, "durable_out", outbound_report(link));
    json_object_set_new(out, "durable_in", inbound_report(link));
    return out;
}

/* Platforms that calls can go to at present beyond the linked ones, and over which link. */
static json_t *routes_json(struct agent *agent)
{
    const struct rules_way none = {.count = 0};
    json_t *routes = json_object();
    for (size_t i = 0; i < agent->link_count; i++)
        for (size_t k = 0; k < agent->links[i].route_count; k++) {
            const char *platform = agent->links[i].routes[k].platform;
            const struct link *best = link_towards(agent, platform, NULL, &none);
            if (best != NULL)
                json_object_set_new(routes, platform, json_string(best->set->platform));
        }
    return routes;
}

char *report_text(struct agent *agent)
{
    json_t *links = json_array();
    for (size_t i = 0; i < agent->link_count; i++)
        json_array_append_new(links, link_json(&agent->links[i]));
    json_t *root = json_pack("{s:s,s:o,s:o}", "platform", agent->settings->platform, "links", links, "routes",
                             routes_json(agent));
    char *text = json_dumps(root, JSON_COMPACT);
    CHECK(text != NULL);
    json_decref(root);
    return text;
}

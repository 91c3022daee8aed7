#include "agents/cli/plan.h"

#include "agents/cli/call.h"
#include "agents/cli/home.h"
#include "node-fw/sim/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *plan_agent(enum curve_kind kind)
{
    return kind == CURVE_CONSUMER ? "consumer-agent" : "dg-agent";
}

bool plan_serves(const struct plan *plan, enum curve_kind kind)
{
    for (size_t i = 0; i < plan->scenario->count; i++)
        if (plan->scenario->nodes[i].kind == kind)
            return true;
    return false;
}

void plan_cable(const struct plan *plan, size_t index, char *agent_out, char *board_out)
{
    const char *id = plan->scenario->nodes[index].id;
    snprintf(agent_out, 128, "%s/run/%s.agent", plan->home, id);
    snprintf(board_out, 128, "%s/run/%s.board", plan->home, id);
}

/* The boards in the order of the scenario; topics are numbered within each kind. */
static json_t *boards_of(const struct scenario *scenario)
{
    json_t *boards = json_array();
    int consumers = 0, generators = 0;
    for (size_t i = 0; i < scenario->count; i++) {
        const struct scenario_node *node = &scenario->nodes[i];
        bool consumer = node->kind == CURVE_CONSUMER;
        char topic[48];
        snprintf(topic, sizeof topic, "%s%d", consumer ? "Data/consumer/consumer" : "Data/dg/dg",
                 consumer ? ++consumers : ++generators);
        json_array_append_new(boards,
                              json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "id", (json_int_t)(i + 1), "name",
                                        node->id, "kind", scenario_kind_word(node->kind), "agent",
                                        plan_agent(node->kind), "topic", topic, "dispatch", "board"));
    }
    return boards;
}

/* The graph as a list of pairs of names. */
static json_t *links_of(const struct scenario *scenario, const struct topology *graph)
{
    json_t *links = json_array();
    for (size_t a = 0; a < scenario->count; a++)
        for (size_t b = a + 1; b < scenario->count; b++)
            if (topology_linked(graph, a, b))
                json_array_append_new(links,
                                      json_pack("[s, s]", scenario->nodes[a].id, scenario->nodes[b].id));
    return links;
}

static enum status build_graph(const struct plan *plan, struct bb_reason *reason, struct topology *out)
{
    struct topology_link links[SCENARIO_LINKS_MAX];
    struct chance chance = {plan->seed};
    struct topology_plan graph = {.offsets = {1, 2}, .offset_count = 2, .links = links};
    enum status status = topology_of_word(plan->topology, &graph.kind);
    graph.link_count = plan->scenario->link_count;
    for (size_t i = 0; i < graph.link_count; i++)
        links[i] = (struct topology_link){plan->scenario->links[i].a, plan->scenario->links[i].b};
    if (status == BB_OK)
        status = topology_build(&graph, plan->scenario->count, &chance, out);
    return status == BB_OK ? BB_OK
                           : call_reason(reason, status, "there is no topology %s of %zu boards",
                                         plan->topology, plan->scenario->count);
}

enum status plan_site(const struct plan *plan, struct bb_reason *reason, json_t **out)
{
    struct topology graph;
    enum status status = build_graph(plan, reason, &graph);
    if (status != BB_OK)
        return status;
    int slowness = plan->slowness > 0 ? plan->slowness : 1;
    json_t *site = json_pack("{s:s, s:s, s:i, s:i, s:i, s:o}", "name", plan->scenario->name, "method",
                             plan->method, "exchange_ms", 150 * slowness, "heartbeat_ms", 1000 * slowness,
                             "expiry_ms", 4000 * slowness, "boards", boards_of(plan->scenario));
    /* A circulant graph of so few boards joins all of them; its offsets would name a board twice. */
    bool circulant = strcmp(plan->topology, "circulant") == 0 && plan->scenario->count > 5;
    json_object_set_new(site, "topology", json_string(circulant ? "circulant" : "links"));
    if (circulant)
        json_object_set_new(site, "offsets", json_pack("[i, i]", 1, 2));
    else
        json_object_set_new(site, "links", links_of(plan->scenario, &graph));
    *out = site;
    return BB_OK;
}

static enum status write_board(const struct plan *plan, size_t index, struct bb_reason *reason)
{
    const struct scenario_node *node = &plan->scenario->nodes[index];
    bool consumer = node->kind == CURVE_CONSUMER;
    char path[512], text[512];
    snprintf(path, sizeof path, "%s/boards/%s.board", plan->home, node->id);
    snprintf(text, sizeof text,
             "# made by `busbar demo` from \"%s\"\n"
             "id %zu\nname %s\nkind %s\n%s %.6f\n%s %.6f\npmax_kw %.6f\n"
             "on_link_loss hold\nfixed_kw 0\nramp_kw_per_s 0\nstate %s.state\n",
             plan->scenario->name, index + 1, node->id, scenario_kind_word(node->kind),
             consumer ? "omega" : "beta", node->intercept, consumer ? "sigma" : "alpha", node->slope,
             node->pmax_kw, node->id);
    return home_write(path, text, 0600, reason);
}

/* Writes `document` to <home>/<name> and frees it. */
static enum status write_document(const struct plan *plan, const char *name, json_t *document,
                                  struct bb_reason *reason)
{
    char path[512];
    char *text = json_dumps(document, JSON_INDENT(1));
    snprintf(path, sizeof path, "%s/%s", plan->home, name);
    enum status status = text == NULL ? call_reason(reason, BB_FULL, "%s: no memory", path)
                                      : home_write(path, text, 0600, reason);
    free(text);
    json_decref(document);
    return status;
}

/* An agent's configuration: its identity and its ends of the cables. */
static enum status write_agent(const struct plan *plan, enum curve_kind kind, struct bb_reason *reason)
{
    json_t *ports = json_array();
    for (size_t i = 0; i < plan->scenario->count; i++) {
        char agent[128], board[128];
        plan_cable(plan, i, agent, board);
        if (plan->scenario->nodes[i].kind == kind)
            json_array_append_new(ports, json_sprintf("pty:%s", agent));
    }
    char name[64];
    snprintf(name, sizeof name, "%s.json", plan_agent(kind));
    json_t *document = json_pack("{s:s, s:o}", "identity", plan_agent(kind), "ports", ports);
    return write_document(plan, name, document, reason);
}

enum status plan_write(const struct plan *plan, struct bb_reason *reason, bool *rounded_out)
{
    json_t *site = NULL;
    enum status status = plan_site(plan, reason, &site);
    if (status == BB_OK)
        status = write_document(plan, "site.json", site, reason);
    for (size_t i = 0; i < plan->scenario->count && status == BB_OK; i++) {
        struct curve curve;
        status = scenario_curve(&plan->scenario->nodes[i], reason, rounded_out, &curve);
        if (status == BB_OK)
            status = write_board(plan, i, reason);
    }
    for (enum curve_kind kind = CURVE_GENERATOR; kind <= CURVE_CONSUMER && status == BB_OK; kind++)
        if (plan_serves(plan, kind))
            status = write_agent(plan, kind, reason);
    return status;
}

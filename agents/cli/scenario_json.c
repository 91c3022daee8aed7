/* A scenario from its JSON document: every key is known, every value is checked, every refusal names its
 * place. */
#include "agents/cli/call.h"
#include "agents/cli/scenario.h"

#include <math.h>
#include <string.h>

enum field_rule { FIELD_ANY, FIELD_NOT_NEGATIVE };

/* A number of a node: which kinds have it, and where it goes. */
struct field {
    const char *key;
    size_t offset;
    bool consumer, generator;
    bool required;
    enum field_rule rule;
};

static const struct field fields[] = {
    {"omega", offsetof(struct scenario_node, intercept), true, false, true, FIELD_NOT_NEGATIVE},
    {"sigma", offsetof(struct scenario_node, slope), true, false, true, FIELD_NOT_NEGATIVE},
    {"beta", offsetof(struct scenario_node, intercept), false, true, true, FIELD_NOT_NEGATIVE},
    {"alpha", offsetof(struct scenario_node, slope), false, true, true, FIELD_NOT_NEGATIVE},
    {"gamma", offsetof(struct scenario_node, gamma), false, true, false, FIELD_ANY},
    {"pmax_kw", offsetof(struct scenario_node, pmax_kw), true, true, true, FIELD_NOT_NEGATIVE},
    {"table_kw", offsetof(struct scenario_node, table_kw), true, true, false, FIELD_NOT_NEGATIVE},
};

static const struct field *field_of(const char *key, enum curve_kind kind)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i].key, key) == 0 &&
            (kind == CURVE_CONSUMER ? fields[i].consumer : fields[i].generator))
            return &fields[i];
    return NULL;
}

/* Where a value stands, for reasons: file and place in the list. */
struct place {
    const char *from;
    size_t index;
    struct bb_reason *reason;
};

static enum status take_number(const json_t *value, const struct field *field, const struct place *place,
                               double *out)
{
    bool fits = json_is_number(value) && isfinite(json_number_value(value)) &&
                (field->rule == FIELD_ANY || json_number_value(value) >= 0);
    if (!fits)
        return call_reason(place->reason, BB_RANGE, "%s: nodes[%zu].%s: expected a number%s", place->from,
                           place->index, field->key, field->rule == FIELD_ANY ? "" : ", 0 or more");
    *out = json_number_value(value);
    return BB_OK;
}

static bool id_valid(const char *id)
{
    size_t length = strlen(id);
    return length >= 1 && length < BB_NAME_MAX &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

static enum status take_identity(const json_t *value, const struct place *place, struct scenario_node *node)
{
    const char *id = json_string_value(json_object_get(value, "id"));
    if (id == NULL || !id_valid(id))
        return call_reason(place->reason, BB_RANGE,
                           "%s: nodes[%zu].id: expected 1 to %d letters, digits, _ or -", place->from,
                           place->index, BB_NAME_MAX - 1);
    memcpy(node->id, id, strlen(id) + 1);
    const char *kind = json_string_value(json_object_get(value, "kind"));
    if (kind == NULL || (strcmp(kind, "consumer") != 0 && strcmp(kind, "generator") != 0))
        return call_reason(place->reason, BB_RANGE,
                           "%s: nodes[%zu].kind: expected \"consumer\" or \"generator\"", place->from,
                           place->index);
    node->kind = *kind == 'c' ? CURVE_CONSUMER : CURVE_GENERATOR;
    return BB_OK;
}

/* Every required field of the node's kind must be there. */
static enum status check_complete(const json_t *value, const struct place *place,
                                  const struct scenario_node *node)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].required && field_of(fields[i].key, node->kind) == &fields[i] &&
            json_object_get(value, fields[i].key) == NULL)
            return call_reason(place->reason, BB_RANGE, "%s: nodes[%zu] (%s): \"%s\" is missing", place->from,
                               place->index, node->id, fields[i].key);
    return BB_OK;
}

static enum status take_node(const json_t *value, const struct place *place, struct scenario_node *out)
{
    if (!json_is_object(value))
        return call_reason(place->reason, BB_RANGE, "%s: nodes[%zu]: expected an object", place->from,
                           place->index);
    struct scenario_node node = {.table_kw = NAN};
    enum status status = take_identity(value, place, &node);
    if (status == BB_OK)
        status = check_complete(value, place, &node);
    if (status != BB_OK)
        return status;
    const char *key;
    json_t *item;
    json_object_foreach((json_t *)value, key, item)
    {
        if (strcmp(key, "id") == 0 || strcmp(key, "kind") == 0)
            continue;
        const struct field *field = field_of(key, node.kind);
        if (field == NULL)
            return call_reason(place->reason, BB_RANGE, "%s: nodes[%zu].%s: a %s has no such key",
                               place->from, place->index, key, scenario_kind_word(node.kind));
        status = take_number(item, field, place, (double *)(void *)((char *)&node + field->offset));
        if (status != BB_OK)
            return status;
    }
    *out = node;
    return BB_OK;
}

/* The place of a node by its id; `count` when there is none. */
static size_t place_of(const struct scenario *scenario, const char *id, size_t count)
{
    size_t i = 0;
    while (i < count && strcmp(scenario->nodes[i].id, id) != 0)
        i++;
    return i;
}

static enum status take_nodes(const json_t *nodes, const char *from, struct bb_reason *reason,
                              struct scenario *out)
{
    if (!json_is_array(nodes) || json_array_size(nodes) < 1 || json_array_size(nodes) > BB_BOARDS_MAX)
        return call_reason(reason, BB_RANGE, "%s: nodes: expected a list of 1 to %d nodes", from,
                           BB_BOARDS_MAX);
    out->count = json_array_size(nodes);
    for (size_t i = 0; i < out->count; i++) {
        struct place place = {from, i, reason};
        enum status status = take_node(json_array_get(nodes, i), &place, &out->nodes[i]);
        if (status != BB_OK)
            return status;
        if (place_of(out, out->nodes[i].id, i) != i)
            return call_reason(reason, BB_RANGE, "%s: nodes[%zu].id: \"%s\" is there twice", from, i,
                               out->nodes[i].id);
    }
    return BB_OK;
}

static enum status take_links(const json_t *links, const char *from, struct bb_reason *reason,
                              struct scenario *out)
{
    if (links == NULL)
        return BB_OK;
    if (!json_is_array(links) || json_array_size(links) > SCENARIO_LINKS_MAX)
        return call_reason(reason, BB_RANGE, "%s: links: expected a list of at most %d pairs", from,
                           SCENARIO_LINKS_MAX);
    out->link_count = json_array_size(links);
    for (size_t i = 0; i < out->link_count; i++) {
        const json_t *pair = json_array_get(links, i);
        const char *a = json_string_value(json_array_get(pair, 0));
        const char *b = json_string_value(json_array_get(pair, 1));
        size_t at = a == NULL ? out->count : place_of(out, a, out->count);
        size_t bt = b == NULL ? out->count : place_of(out, b, out->count);
        if (json_array_size(pair) != 2 || at == out->count || bt == out->count || at == bt)
            return call_reason(reason, BB_RANGE, "%s: links[%zu]: expected two different ids of nodes", from,
                               i);
        out->links[i] = (struct scenario_link){(uint16_t)at, (uint16_t)bt};
    }
    return BB_OK;
}

/* The keys of the document beside nodes and links: 's' a text, 'n' a number. */
struct remark {
    const char *key;
    char type;
    size_t offset; /* of a number */
};

static const struct remark remarks[] = {
    {"name", 's', 0},
    {"source", 's', 0},
    {"version", 'n', SIZE_MAX},
    {"iterations", 'n', SIZE_MAX},
    {"lambda", 'n', offsetof(struct scenario, lambda)},
    {"total_generation_kw", 'n', offsetof(struct scenario, total_generation_kw)},
    {"total_load_kw_printed", 'n', offsetof(struct scenario, total_load_kw)},
    {"total_load_kw_sum_of_column", 'n', offsetof(struct scenario, total_load_kw_sum)},
};

static enum status take_remark(const char *key, const json_t *value, const char *from,
                               struct bb_reason *reason, struct scenario *out)
{
    for (size_t i = 0; i < sizeof remarks / sizeof *remarks; i++) {
        if (strcmp(key, remarks[i].key) != 0)
            continue;
        if (remarks[i].type == 's' ? !json_is_string(value) : !json_is_number(value))
            return call_reason(reason, BB_RANGE, "%s: %s: expected a %s", from, key,
                               remarks[i].type == 's' ? "text" : "number");
        if (remarks[i].type == 'n' && remarks[i].offset != SIZE_MAX)
            *(double *)(void *)((char *)out + remarks[i].offset) = json_number_value(value);
        return BB_OK;
    }
    return call_reason(reason, BB_RANGE, "%s: %s: a neighbourhood has no such key", from, key);
}

enum status scenario_of_json(const json_t *document, const char *from, struct bb_reason *reason,
                             struct scenario *out)
{
    if (!json_is_object(document))
        return call_reason(reason, BB_RANGE, "%s: expected an object with \"nodes\"", from);
    *out = (struct scenario){
        .lambda = NAN, .total_generation_kw = NAN, .total_load_kw = NAN, .total_load_kw_sum = NAN};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)document, key, value)
    {
        if (strcmp(key, "nodes") == 0 || strcmp(key, "links") == 0)
            continue;
        enum status status = take_remark(key, value, from, reason, out);
        if (status != BB_OK)
            return status;
    }
    const char *name = json_string_value(json_object_get(document, "name"));
    snprintf(out->name, sizeof out->name, "%s", name == NULL ? from : name);
    out->iterations = (int64_t)json_integer_value(json_object_get(document, "iterations"));
    enum status status = take_nodes(json_object_get(document, "nodes"), from, reason, out);
    return status == BB_OK ? take_links(json_object_get(document, "links"), from, reason, out) : status;
}

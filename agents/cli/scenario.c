#include "agents/cli/scenario.h"

#include "agents/cli/call.h"
#include "node-fw/sim/chance.h"

#include <busbar/check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Generated from configs/table1.json by the build. */
extern const char scenario_table1[];

const char *scenario_kind_word(enum curve_kind kind)
{
    return kind == CURVE_CONSUMER ? "consumer" : "generator";
}

static enum status parsed(json_t *document, const json_error_t *error, const char *from,
                          struct bb_reason *reason, struct scenario *out)
{
    if (document == NULL)
        return call_reason(reason, BB_MALFORMED, "%s:%d:%d: %s", from, error->line, error->column,
                           error->text);
    enum status status = scenario_of_json(document, from, reason, out);
    json_decref(document);
    return status;
}

enum status scenario_read(const char *path, struct bb_reason *reason, struct scenario *out)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    if (file == NULL)
        return call_reason(reason, errno == ENOENT ? BB_NOT_FOUND : BB_IO, "%s: %s", path, strerror(errno));
    struct stat found;
    if (!standard && fstat(fileno(file), &found) == 0 && S_ISDIR(found.st_mode)) {
        fclose(file);
        return call_reason(reason, BB_MALFORMED, "%s is a folder; a file is wanted", path);
    }
    json_error_t error;
    json_t *document = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    if (!standard)
        fclose(file);
    return parsed(document, &error, standard ? "standard input" : path, reason, out);
}

enum status scenario_shipped(struct bb_reason *reason, struct scenario *out)
{
    json_error_t error;
    json_t *document = json_loads(scenario_table1, JSON_REJECT_DUPLICATES, &error);
    return parsed(document, &error, "table1.json", reason, out);
}

void scenario_random(size_t count, uint64_t seed, struct scenario *out)
{
    CHECK(count >= 1 && count <= BB_BOARDS_MAX);
    struct chance chance = {seed};
    *out = (struct scenario){.count = count, .lambda = NAN, .total_generation_kw = NAN, .total_load_kw = NAN};
    snprintf(out->name, sizeof out->name, "random, %zu nodes", count);
    unsigned consumers = 0, generators = 0;
    for (size_t i = 0; i < count; i++) {
        struct scenario_node *node = &out->nodes[i];
        /* Five consumers to three generators, as in the shipped case, and never all of one kind. */
        bool consumer = i == 0 || (i != 1 && chance_is(&chance, 5.0 / 8));
        node->kind = consumer ? CURVE_CONSUMER : CURVE_GENERATOR;
        snprintf(node->id, sizeof node->id, "%s%u", consumer ? "L" : "DG",
                 consumer ? ++consumers : ++generators);
        node->slope = (double)chance_between(&chance, consumer ? 400 : 30, consumer ? 1500 : 80) / 1e4;
        node->intercept = (double)chance_between(&chance, consumer ? 700 : 550, consumer ? 1900 : 860) / 1e2;
        node->pmax_kw = (double)chance_between(&chance, 5000, 20000) / 1e2;
        node->table_kw = NAN;
    }
}

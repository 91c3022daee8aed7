#include "agents/uart/scan.h"

#include "bus/client/log.h"

#include <busbar/check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

static void add_line(struct agent *agent, const char *spec)
{
    for (size_t i = 0; i < agent->line_count; i++)
        if (strcmp(agent->lines[i]->spec, spec) == 0)
            return;
    if (agent->line_count == AGENT_LINES_MAX || strlen(spec) >= PORT_SPEC_MAX)
        return;
    struct line *line = malloc(sizeof *line);
    CHECK(line != NULL);
    line_init(line, spec, agent->loop, &agent->owner);
    agent->lines[agent->line_count++] = line;
    log_info("port-found", LOG_TEXT("port", spec));
}

/* `prefix` is "pty:" or "". Paths that do not begin with / are below the home. */
static void scan_one(struct agent *agent, const char *prefix, const char *path)
{
    char full[BB_PATH_MAX], spec[BB_PATH_MAX + 8];
    glob_t found;
    bool absolute = path[0] == '/';
    if (!absolute && config_home(agent->settings->home, path, full, sizeof full) != BB_OK)
        return;
    const char *pattern = absolute ? path : full;
    if (strpbrk(pattern, "*?[") == NULL) {
        snprintf(spec, sizeof spec, "%s%s", prefix, pattern);
        add_line(agent, spec);
        return;
    }
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        snprintf(spec, sizeof spec, "%s%s", prefix, found.gl_pathv[i]);
        add_line(agent, spec);
    }
    globfree(&found);
}

void scan_ports(struct agent *agent)
{
    const struct setting_list *ports = &agent->settings->ports;
    for (size_t i = 0; i < ports->count; i++) {
        bool pty = strncmp(ports->items[i], "pty:", 4) == 0;
        scan_one(agent, pty ? "pty:" : "", ports->items[i] + (pty ? 4 : 0));
    }
}

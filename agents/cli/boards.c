#include "agents/cli/boards.h"

#include "agents/cli/home.h"

#include <string.h>

static bool listed(const json_t *peers, const char *identity)
{
    for (size_t i = 0; i < json_array_size(peers); i++) {
        const char *peer = json_string_value(json_array_get(peers, i));
        if (peer != NULL && strcmp(peer, identity) == 0)
            return true;
    }
    return false;
}

bool boards_served(const struct session *session, const json_t *peers)
{
    json_t *site = home_site(session->home), *agents = boards_agents(site), *value;
    bool found = false;
    const char *agent;
    json_object_foreach(agents, agent, value) found = found || listed(peers, agent);
    json_decref(agents);
    json_decref(site);
    return found;
}

enum exit_code boards_ask(const struct call *call, struct session *session, const json_t *peers,
                          const char *method, json_t **out)
{
    json_t *site = home_site(session->home), *agents = boards_agents(site), *boards = json_array();
    enum exit_code code = EXIT_DONE;
    size_t asked = 0;
    const char *agent;
    json_t *value;
    json_object_foreach(agents, agent, value)
    {
        json_t *answer = NULL;
        if (code != EXIT_DONE || !listed(peers, agent))
            continue;
        asked++;
        code = session_call(call, session, agent, method, NULL, EXIT_FAILED, &answer);
        if (code == EXIT_DONE)
            json_array_extend(boards, answer);
        json_decref(answer);
    }
    json_decref(agents);
    json_decref(site);
    if (code == EXIT_DONE && asked == 0)
        code = call_fail(call, EXIT_UNREACHABLE,
                         "no uart agent is on the bus; start busbar-uart-agent, or try: busbar demo");
    if (code == EXIT_DONE)
        *out = boards;
    else
        json_decref(boards);
    return code;
}

enum exit_code boards_fetch(const struct call *call, struct session *session, const json_t *peers,
                            json_t **out)
{
    return boards_ask(call, session, peers, "boards", out);
}

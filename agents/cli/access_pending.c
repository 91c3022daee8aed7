#include "agents/cli/access_pending.h"

#include "agents/cli/access_file.h"
#include "agents/cli/session.h"
#include "bus/client/keys.h"

#include <stdlib.h>
#include <string.h>

static int newest_first(const void *a, const void *b)
{
    json_int_t left = json_integer_value(json_object_get(*(json_t *const *)a, "last_ms"));
    json_int_t right = json_integer_value(json_object_get(*(json_t *const *)b, "last_ms"));
    return (left < right) - (left > right);
}

/* The items as a list of its own, sorted. */
static json_t *sort(const json_t *items)
{
    size_t count = json_array_size(items);
    json_t **order = calloc(count + 1, sizeof *order), *list = json_array();
    for (size_t i = 0; order != NULL && i < count; i++)
        order[i] = json_array_get(items, i);
    if (order != NULL)
        qsort(order, count, sizeof *order, newest_first);
    for (size_t i = 0; order != NULL && i < count; i++)
        json_array_append(list, order[i]);
    free(order);
    return list;
}

enum exit_code access_pending_ask(const struct call *call, json_t **out)
{
    struct session session;
    char *text = NULL;
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE)
        return code;
    enum status status = bb_query(session.client, "busbar.pending", session.timeout_ms, &text);
    if (status != BB_OK)
        code = session_fail(call, &session, status);
    session_close(&session);
    if (code != EXIT_DONE)
        return code;
    json_t *answer = json_loads(text, 0, NULL);
    free(text);
    const char *refused = json_string_value(json_object_get(answer, "refused"));
    if (refused != NULL)
        code = call_fail(call, EXIT_DENIED,
                         "the broker refuses: %s: busbar access grant cli --capability admin", refused);
    else if (!json_is_array(json_object_get(answer, "items")))
        code = call_fail(call, EXIT_FAILED, "the broker does not know what was refused: it is an older one");
    else
        json_object_set_new(answer, "items", sort(json_object_get(answer, "items")));
    if (code == EXIT_DONE)
        *out = answer;
    else
        json_decref(answer);
    return code;
}

enum exit_code access_pending_key(const struct call *call, const char *prefix, char *key_out)
{
    json_t *answer, *item;
    size_t i, count = 0;
    enum exit_code code = access_pending_ask(call, &answer);
    if (code != EXIT_DONE)
        return code;
    json_array_foreach(json_object_get(answer, "items"), i, item)
    {
        const char *what = json_string_value(json_object_get(item, "what"));
        const char *key = json_string_value(json_object_get(item, "key"));
        char fingerprint[KEY_FINGERPRINT_SIZE];
        if (what == NULL || key == NULL || strcmp(what, "key") != 0 ||
            !access_file_begins(access_file_fingerprint(key, fingerprint), prefix))
            continue;
        snprintf(key_out, KEY_BASE64_SIZE, "%s", key);
        count++;
    }
    json_decref(answer);
    if (count == 1)
        return EXIT_DONE;
    if (count > 1)
        return call_fail(call, EXIT_USAGE, "%zu refused keys begin with %s: give more of it", count, prefix);
    return call_fail(
        call, EXIT_MISSING,
        "%s: no key of 43 characters, and no key that was refused has a fingerprint that begins so: "
        "busbar access pending",
        prefix);
}

/* busbar agent install: a bundle to busbar-agentd, with what its agent is granted. */
#include "agents/bundle/contents.h"
#include "agents/cli/agentd.h"
#include "agents/cli/bundle_file.h"
#include "agents/cli/verbs.h"
#include "bus/client/base64.h"
#include "ledger/crypto/hex.h"

#include <stdlib.h>
#include <string.h>

/* 256 KiB of base64. */
#define PIECE (192 * 1024)

/* What is asked for beside the bundle; without an option, with --replace, what the present agent has. */
struct order {
    char name[MANIFEST_NAME_ROOM];
    json_t *present;  /* the result of agent.show; NULL: nothing is replaced */
    json_t *config;   /* NULL: none is given */
    int64_t priority; /* −1: the manifest's */
};

/* Finds the agent that is to be replaced, if there is one. */
static enum exit_code find_present(const struct call *call, struct order *order)
{
    json_t *list = NULL, *agent;
    size_t i;
    bool there = false;
    enum exit_code code = agentd_ask(call, "agent.list", json_object(), &list);
    json_array_foreach(json_object_get(list, "agents"), i, agent)
    {
        const char *name = json_string_value(json_object_get(agent, "name"));
        there = there || (name != NULL && strcmp(name, order->name) == 0);
    }
    json_decref(list);
    if (code != EXIT_DONE || !there)
        return code;
    return agentd_ask(call, "agent.show", json_pack("{s:s}", "name", order->name), &order->present);
}

/* The configuration of --config or of the present agent, checked here already, where its place can be named.
 */
static enum exit_code take_config(const struct call *call, const struct manifest *manifest,
                                  struct order *order)
{
    json_error_t error;
    struct bb_reason reason = {""};
    const char *path = call_value(call, "config");
    json_t *filled = NULL;
    if (path != NULL) {
        order->config = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
        if (order->config == NULL)
            return call_fail(call, EXIT_USAGE, "%s:%d: %s", path, error.line > 0 ? error.line : 1,
                             error.text);
    } else {
        order->config = json_incref(json_object_get(order->present, "config"));
    }
    enum status status = manifest_configure(manifest, order->config, &reason, &filled);
    if (status != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s%s%s%s", path != NULL ? path : "", path != NULL ? ": " : "",
                         reason.text, path == NULL ? "; --config FILE gives it" : "");
    json_decref(filled);
    return EXIT_DONE;
}

/* Sends the pieces of an open upload. */
static enum exit_code send_pieces(const struct call *call, struct session *session, const char *upload,
                                  struct bytes archive)
{
    char *text = malloc(BASE64_SIZE(PIECE));
    enum exit_code code = text != NULL ? EXIT_DONE : call_fail(call, EXIT_FAILED, "no memory");
    for (size_t at = 0; at < archive.size && code == EXIT_DONE; at += PIECE) {
        json_t *result = NULL;
        size_t size = archive.size - at < PIECE ? archive.size - at : PIECE;
        format_progress("upload", at, archive.size, "");
        base64_encode((struct bytes){archive.data + at, size}, text);
        code = agentd_call(
            call, session, "upload.write",
            json_pack("{s:s,s:I,s:s}", "upload", upload, "offset", (json_int_t)at, "data", text), &result);
        json_decref(result);
    }
    format_progress_end();
    free(text);
    return code;
}

/* The whole archive; *upload_out is its name, to be decref'd. */
static enum exit_code send(const struct call *call, struct session *session, struct bytes archive,
                           json_t **upload_out)
{
    char hash[HEX_HASH];
    struct hash digest = contents_digest(archive);
    json_t *result = NULL;
    hex_format((struct bytes){digest.bytes, sizeof digest.bytes}, hash);
    enum exit_code code =
        agentd_call(call, session, "upload.open",
                    json_pack("{s:I,s:s}", "size", (json_int_t)archive.size, "sha256", hash + 2), &result);
    if (code != EXIT_DONE)
        return code;
    json_t *upload = json_incref(json_object_get(result, "upload"));
    json_decref(result);
    if (!json_is_string(upload)) {
        json_decref(upload);
        return call_fail(call, EXIT_FAILED, "agentd: its answer names no upload");
    }
    code = send_pieces(call, session, json_string_value(upload), archive);
    if (code == EXIT_DONE)
        *upload_out = upload;
    else
        json_decref(upload);
    return code;
}

/* What --without names is not granted. */
static bool is_left_out(const struct call *call, const char *item)
{
    const char *values[VERB_MANY_MAX];
    size_t count = call_values(call, "without", values);
    for (size_t i = 0; i < count; i++)
        if (strcmp(values[i], item) == 0)
            return true;
    return false;
}

static json_t *list_json(const struct call *call, const struct manifest_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        if (!is_left_out(call, list->items[i]))
            json_array_append_new(array, json_string(list->items[i]));
    return array;
}

/* What the manifest asks for, and the operator has seen and agreed to. */
static json_t *grant_json(const struct call *call, const struct manifest *manifest)
{
    return json_pack("{s:o,s:o,s:o}", "publish", list_json(call, &manifest->publish), "subscribe",
                     list_json(call, &manifest->subscribe), "capabilities",
                     list_json(call, &manifest->capabilities));
}

static bool asks_for(const struct manifest_list *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], item) == 0)
            return true;
    return false;
}

/* A mistyped --without would grant what was meant to be kept. */
static enum exit_code check_left_out(const struct call *call, const struct manifest *manifest)
{
    const char *values[VERB_MANY_MAX];
    size_t count = call_values(call, "without", values);
    for (size_t i = 0; i < count; i++)
        if (!asks_for(&manifest->publish, values[i]) && !asks_for(&manifest->subscribe, values[i]) &&
            !asks_for(&manifest->capabilities, values[i]))
            return call_fail(call, EXIT_USAGE, "--without %s: the agent does not ask for it", values[i]);
    return EXIT_DONE;
}

static json_t *install_params(const struct call *call, const struct manifest *manifest,
                              const struct order *order, json_t *upload)
{
    const json_t *present = json_object_get(order->present, "agent");
    const char *identity = call_value(call, "identity");
    bool enable = call_flag(call, "enable") || json_is_true(json_object_get(present, "enabled"));
    json_t *params =
        json_pack("{s:o,s:s,s:b,s:b,s:o}", "upload", upload, "name", order->name, "enable", enable, "replace",
                  call_flag(call, "replace"), "grant", grant_json(call, manifest));
    if (identity != NULL)
        json_object_set_new(params, "identity", json_string(identity));
    else if (present != NULL)
        json_object_set(params, "identity", json_object_get(present, "identity"));
    if (order->priority >= 0)
        json_object_set_new(params, "priority", json_integer(order->priority));
    if (order->config != NULL)
        json_object_set(params, "config", order->config);
    return params;
}

/* Shows what the agent is and asks for, and whether the user agrees. */
static enum exit_code agree(const struct call *call, const struct bundle *bundle)
{
    if (call_flag(call, "yes"))
        return EXIT_DONE;
    const char *values[VERB_MANY_MAX];
    size_t count = call_values(call, "without", values);
    bundle_file_print(bundle, stderr);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "but without  %s\n", values[i]);
    return agentd_agree(call, "install it, with all of this?");
}

static enum exit_code install(const struct call *call, const struct bundle *bundle, const struct order *order)
{
    struct session session;
    json_t *upload = NULL, *result = NULL;
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE)
        return code;
    agentd_be_patient(call, &session);
    code = send(call, &session, bundle->archive, &upload);
    if (code == EXIT_DONE)
        code = agentd_call(call, &session, "agent.install",
                           install_params(call, &bundle->manifest, order, upload), &result);
    session_close(&session);
    if (code == EXIT_DONE)
        agentd_print(call, result);
    return code;
}

enum exit_code verb_agent_install(const struct call *call)
{
    struct bundle_file_held held;
    struct bb_reason reason = {""};
    struct order order = {.priority = -1};
    const char *name = call_value(call, "name");
    if (call_integer(call, "priority", 0, 100, -1, &reason, &order.priority) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    if (name != NULL && !manifest_is_name(name))
        return call_fail(call, EXIT_USAGE,
                         "--name: expected 1 to 63 of a-z 0-9 . -, a letter or digit first");
    enum exit_code code = bundle_file_open(call, call->args[0], NULL, &held);
    if (code != EXIT_DONE)
        return code;
    snprintf(order.name, sizeof order.name, "%s", name != NULL ? name : held.bundle.manifest.name);
    code = check_left_out(call, &held.bundle.manifest);
    if (code == EXIT_DONE && call_flag(call, "replace"))
        code = find_present(call, &order);
    if (code == EXIT_DONE)
        code = take_config(call, &held.bundle.manifest, &order);
    if (code == EXIT_DONE)
        code = agree(call, &held.bundle);
    if (code == EXIT_DONE)
        code = install(call, &held.bundle, &order);
    json_decref(order.config);
    json_decref(order.present);
    bundle_file_close(&held);
    return code;
}

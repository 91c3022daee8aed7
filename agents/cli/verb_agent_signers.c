/* busbar agent signers list, add, remove: whose bundles are taken, signers.json. */
#include "agents/cli/bundle_file.h"
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/owner.h"
#include "agents/cli/verbs.h"

#include <string.h>

/* The agents of a signer with a comma between them. */
static char *agents_of(const struct trust_signer *signer, char text[512])
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(signer->agents) && used < 440; i++)
        used += (size_t)snprintf(text + used, 512 - used, "%s%s", i > 0 ? ", " : "",
                                 json_string_value(json_array_get(signer->agents, i)));
    return text;
}

static void print_table(enum format format, const struct trust *trust)
{
    static const struct table_column columns[] = {
        {"signer", "address", false}, {"name", "name", false}, {"agents", "agents", false}};
    struct table table = table_of(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < trust->count; i++) {
        char address[ADDRESS_TEXT], agents[512];
        address_format(&trust->signers[i].address, address);
        table_add(&table,
                  (const char *[]){address, trust->signers[i].name, agents_of(&trust->signers[i], agents)});
    }
    format_table(format, &table);
    table_free(&table);
    if (format == FORMAT_PEOPLE && trust->unsigned_taken)
        puts("Bundles without a signature are taken, too (\"unsigned\" in signers.json).");
    else if (format == FORMAT_PEOPLE && trust->count == 0)
        puts("Nobody's bundles are taken yet: busbar agent signers add KEY");
}

static void print_json(const struct trust *trust)
{
    json_t *document = json_document();
    json_object_set(document, "signers", json_object_get(trust->root, "signers"));
    json_object_set_new(document, "unsigned", json_boolean(trust->unsigned_taken));
    json_print(stdout, document);
}

enum exit_code verb_agent_signers_list(const struct call *call)
{
    char path[600];
    struct trust trust;
    struct bb_reason reason = {""};
    enum format format;
    if (format_of(call, &reason, &format) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    enum exit_code code = bundle_file_trust(call, path, &trust);
    if (code != EXIT_DONE)
        return code;
    if (format == FORMAT_JSON)
        print_json(&trust);
    else
        print_table(format, &trust);
    trust_free(&trust);
    return EXIT_DONE;
}

/* Writes the file and tells what is in it now. */
static enum exit_code save(const struct call *call, const struct trust *trust, const char *path)
{
    struct bb_reason reason = {""};
    if (trust_save(trust, path, &reason) != BB_OK)
        return call_fail(call, EXIT_FAILED, "%s; busbar init makes a home", reason.text);
    if (call_flag(call, "json"))
        print_json(trust);
    else
        print_table(FORMAT_PEOPLE, trust);
    return EXIT_DONE;
}

enum exit_code verb_agent_signers_add(const struct call *call)
{
    char path[600];
    struct trust trust;
    struct address address;
    struct bb_reason reason = {""};
    const char *agents[VERB_MANY_MAX], *name = call_value(call, "name");
    size_t count = call_values(call, "agent", agents);
    enum exit_code code = owner_address(call, call->args[0], &address);
    if (code == EXIT_DONE)
        code = bundle_file_trust(call, path, &trust);
    if (code != EXIT_DONE)
        return code;
    if (name == NULL) /* the name of the key, when it was named so */
        name = strncmp(call->args[0], "0x", 2) == 0 ? "" : call->args[0];
    if (trust_add(&trust, &address, name, agents, count, &reason) != BB_OK)
        code = call_fail(call, EXIT_USAGE, "%s", reason.text);
    else
        code = save(call, &trust, path);
    trust_free(&trust);
    return code;
}

/* The signer of that name in signers.json; NULL: none, or several. */
static const struct trust_signer *named(const struct trust *trust, const char *name)
{
    const struct trust_signer *found = NULL;
    for (size_t i = 0; i < trust->count; i++)
        if (strcmp(trust->signers[i].name, name) == 0) {
            if (found != NULL)
                return NULL;
            found = &trust->signers[i];
        }
    return found;
}

enum exit_code verb_agent_signers_remove(const struct call *call)
{
    char path[600];
    struct trust trust;
    struct address address;
    enum exit_code code = bundle_file_trust(call, path, &trust);
    if (code != EXIT_DONE)
        return code;
    const struct trust_signer *signer = named(&trust, call->args[0]);
    if (signer != NULL)
        address = signer->address;
    else
        code = owner_address(call, call->args[0], &address);
    if (code == EXIT_DONE && trust_remove(&trust, &address) != BB_OK)
        code = call_fail(call, EXIT_MISSING, "%s is no signer: busbar agent signers list", call->args[0]);
    else if (code == EXIT_DONE)
        code = save(call, &trust, path);
    trust_free(&trust);
    return code;
}

/* busbar init: makes the home of an installation; what is there stays. */
#include "agents/cli/access_file.h"
#include "agents/cli/call.h"
#include "agents/cli/format.h"
#include "agents/cli/home.h"
#include "agents/cli/host.h"
#include "agents/cli/json.h"
#include "agents/cli/verbs.h"

#include <stdlib.h>
#include <string.h>

static void print_json(const char *home, const struct home_more *more, const struct home_item *items,
                       size_t count)
{
    json_t *document = json_document(), *list = json_array();
    json_object_set_new(document, "home", json_string(home));
    for (size_t i = 0; i < count; i++) {
        char mode[8];
        snprintf(mode, sizeof mode, "%04o", items[i].mode);
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:b}", "path", items[i].path, "mode", mode, "made", items[i].made));
    }
    json_object_set_new(document, "items", list);
    if (more->federation != NULL)
        json_object_set_new(document, "federation",
                            json_pack("{s:s, s:s, s:s}", "platform", more->federation, "guest_key",
                                      more->guest_key, "serverkey", more->broker_key));
    json_print(stdout, document);
}

static void print_people(const char *home, const struct home_item *items, size_t count)
{
    static const struct table_column columns[] = {
        {"below the home", "path", false}, {"mode", "mode", true}, {"", "made", false}};
    struct table table = table_of(columns, 3);
    for (size_t i = 0; i < count; i++) {
        char mode[8];
        snprintf(mode, sizeof mode, "%04o", items[i].mode);
        table_add(&table, (const char *[]){items[i].path, mode, items[i].made ? "made" : "kept"});
    }
    printf("home: %s\n\n", home);
    format_table(FORMAT_PEOPLE, &table);
    table_free(&table);
    puts("\nWho may publish and subscribe what is in access.json; busbar access shows and edits it.");
}

/* What is to be done on the other side of each link: one of the two dials. */
static void print_federation(const struct home_more *more)
{
    printf("\nLinks to other platforms go into federation.json (busbar-federation(5)). Where this platform "
           "dials,\nthe other one lets it in:\n\n"
           "  busbar access approve %s --identity federation.%s\n\n"
           "Where the other one dials, its link to here has the address\n\n"
           "  tcp://HOST:PORT?serverkey=%s\n",
           more->guest_key, more->federation, more->broker_key);
}

static void print(const struct call *call, const char *home, const struct home_more *more,
                  const struct home_item *items, size_t count)
{
    if (call_flag(call, "json")) {
        print_json(home, more, items, count);
        return;
    }
    print_people(home, items, count);
    if (more->federation != NULL)
        print_federation(more);
}

/* --host: the homes of the services instead of one's own. */
static enum exit_code init_host(const struct call *call, struct home_more *more, struct home_item *items)
{
    struct bb_reason reason = {""};
    const char *root = call_value(call, "root");
    size_t count = 0;
    const char *home = call_value(call, "home"), *usual = getenv("BUSBAR_HOME");
    if (home != NULL && (usual == NULL || strcmp(home, usual) != 0))
        return call_fail(call, EXIT_USAGE, "--host has homes of its own, %s and %s: no --home", HOST_HOME,
                         HOST_LEDGER_HOME);
    if (root != NULL && *root != '/')
        return call_fail(call, EXIT_USAGE, "--root %s: expected an absolute path", root);
    enum status status =
        host_make(root != NULL && strcmp(root, "/") != 0 ? root : "", more, &reason, items, &count);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "%s", reason.text);
    print(call, HOST_HOME, more, items, count);
    if (!call_flag(call, "json"))
        puts("Start it: systemctl enable --now busbar.target busbard; then: busbar doctor");
    return EXIT_DONE;
}

enum exit_code verb_init(const struct call *call)
{
    struct bb_reason reason;
    struct home_item items[HOME_ITEMS_MAX];
    struct home_more more = {.agent = call_value(call, "agent"),
                             .federation = call_value(call, "federation"),
                             .host = call_flag(call, "host")};
    size_t count = 0;
    char home[512];
    if (more.host)
        return init_host(call, &more, items);
    if (call_value(call, "root") != NULL)
        return call_fail(call, EXIT_USAGE, "--root goes with --host");
    enum status status = home_find(call_value(call, "home"), &reason, home, sizeof home);
    if (status == BB_OK)
        status = home_make(home, &more, &reason, items, &count);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "%s", reason.text);
    print(call, home, &more, items, count);
    /* Whoever has got a key here may be started by the next command. */
    if (more.agent != NULL && !access_file_await(call))
        fputs("busbar init: the broker that runs here has not taken access.json yet: busbar status\n",
              stderr);
    return EXIT_DONE;
}

/* busbar access list, show, pending: who may do what, and who was refused. */
#include "agents/cli/access_file.h"
#include "agents/cli/access_pending.h"
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/listing.h"
#include "agents/cli/verbs.h"
#include "bus/client/keys.h"

#include <stdlib.h>
#include <string.h>

/* A copy of the entry with its fingerprint. */
static json_t *entry_json(const json_t *entry)
{
    char fingerprint[KEY_FINGERPRINT_SIZE];
    json_t *copy = json_copy((json_t *)(uintptr_t)entry);
    access_file_fingerprint(json_string_value(json_object_get(entry, "key")), fingerprint);
    json_object_set_new(copy, "fingerprint", json_string(fingerprint));
    return copy;
}

static void print_list_json(const struct edit *edit)
{
    json_t *document = json_document(), *list = json_array(), *entry;
    size_t i;
    json_array_foreach(edit_entries(edit), i, entry) json_array_append_new(list, entry_json(entry));
    json_object_set_new(document, "entries", list);
    json_print(stdout, document);
}

static void print_list(const struct edit *edit)
{
    static const struct table_column columns[] = {
        {"identities", "identities", false},   {"publish", "publish", false},
        {"subscribe", "subscribe", false},     {"capabilities", "capabilities", false},
        {"fingerprint", "fingerprint", false}, {"comment", "comment", false}};
    struct table table = table_of(columns, 6);
    size_t i;
    json_t *entry;
    json_array_foreach(edit_entries(edit), i, entry)
    {
        char lists[ACCESS_KINDS][96], fingerprint[KEY_FINGERPRINT_SIZE], comment[LISTING_TEXT_MAX];
        for (size_t kind = 0; kind < ACCESS_KINDS; kind++)
            access_file_list(entry, (enum access_kind)kind, lists[kind], sizeof lists[kind]);
        table_add(&table,
                  (const char *[]){
                      lists[0], lists[1], lists[2], lists[3],
                      access_file_fingerprint(json_string_value(json_object_get(entry, "key")), fingerprint),
                      listing_text(entry, "comment", LISTING_TEXT, FORMAT_PEOPLE, comment)});
    }
    format_table(FORMAT_PEOPLE, &table);
    table_free(&table);
}

enum exit_code verb_access_list(const struct call *call)
{
    struct edit edit;
    enum exit_code code = access_file_open(call, false, &edit);
    if (code != EXIT_DONE)
        return code;
    if (call_flag(call, "json"))
        print_list_json(&edit);
    else
        print_list(&edit);
    edit_close(&edit);
    return EXIT_DONE;
}

enum exit_code verb_access_show(const struct call *call)
{
    struct edit edit;
    json_t *entry = NULL;
    enum exit_code code = access_file_open(call, false, &edit);
    if (code != EXIT_DONE)
        return code;
    code = access_file_find(call, &edit, call->args[0], &entry);
    if (code == EXIT_DONE && call_flag(call, "json")) {
        json_t *document = json_document();
        json_object_set_new(document, "entry", entry_json(entry));
        json_print(stdout, document);
    } else if (code == EXIT_DONE) {
        access_file_print(entry);
    }
    edit_close(&edit);
    return code;
}

/* A word as a shell takes it; false when it cannot be typed so. */
static bool quote(const char *text, char *out, size_t size)
{
    static const char PLAIN[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:,@%+-";
    bool plain = *text != '\0' && strspn(text, PLAIN) == strlen(text) && *text != '-';
    for (const char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f || *at == '\'' || (unsigned char)*at >= 0x80)
            return false;
    return snprintf(out, size, plain ? "%s" : "'%s'", text) < (int)size;
}

/* The command that would grant what was refused, to command[size]. */
static const char *command_for(const json_t *item, char *command, size_t size)
{
    static const char *const OPTIONS[][2] = {{"identity", "--identity"},
                                             {"publish", "--publish"},
                                             {"subscribe", "--subscribe"},
                                             {"capability", "--capability"}};
    const char *what = json_string_value(json_object_get(item, "what"));
    const char *fingerprint = json_string_value(json_object_get(item, "fingerprint"));
    const char *text = json_string_value(json_object_get(item, "text"));
    char word[320];
    command[0] = '\0';
    if (what == NULL || fingerprint == NULL || text == NULL)
        return command;
    if (strcmp(what, "key") == 0)
        snprintf(command, size, "busbar access approve %s --identity NAME", fingerprint);
    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++)
        if (strcmp(what, OPTIONS[i][0]) == 0 && !json_is_true(json_object_get(item, "cut")) &&
            quote(text, word, sizeof word))
            snprintf(command, size, "busbar access grant %s %s %s", fingerprint, OPTIONS[i][1], word);
    return command;
}

static void print_pending(const json_t *items)
{
    static const struct table_column columns[] = {
        {"refused", "what", false}, {"name or topic", "text", false}, {"fingerprint", "fingerprint", false},
        {"door", "door", false},    {"address", "address", false},    {"times", "times", true},
        {"last", "last_ms", false}, {"to grant it", "command", false}};
    static const enum listing_kind kinds[] = {LISTING_TEXT, LISTING_TEXT,  LISTING_TEXT,   LISTING_TEXT,
                                              LISTING_TEXT, LISTING_COUNT, LISTING_TIME_MS};
    enum { SHOWN = sizeof kinds / sizeof *kinds };
    struct table table = table_of(columns, SHOWN + 1);
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item)
    {
        char texts[SHOWN][LISTING_TEXT_MAX], command[512];
        const char *cells[SHOWN + 1];
        for (size_t k = 0; k < SHOWN; k++)
            cells[k] = listing_text(item, columns[k].key, kinds[k], FORMAT_PEOPLE, texts[k]);
        cells[SHOWN] = command_for(item, command, sizeof command);
        table_add(&table, cells);
    }
    format_table(FORMAT_PEOPLE, &table);
    table_free(&table);
}

enum exit_code verb_access_pending(const struct call *call)
{
    json_t *answer = NULL;
    enum exit_code code = access_pending_ask(call, &answer);
    if (code != EXIT_DONE)
        return code;
    const json_t *items = json_object_get(answer, "items");
    json_int_t forgotten = json_integer_value(json_object_get(answer, "forgotten"));
    if (call_flag(call, "json")) {
        json_t *document = json_document();
        json_object_update(document, answer);
        json_print(stdout, document);
    } else if (json_array_size(items) == 0) {
        puts("nobody was refused anything since the broker started, or all of it was granted since");
    } else {
        print_pending(items);
        if (forgotten > 0)
            printf("\n%" JSON_INTEGER_FORMAT " more were pushed out: the table is bounded\n", forgotten);
    }
    json_decref(answer);
    return EXIT_DONE;
}

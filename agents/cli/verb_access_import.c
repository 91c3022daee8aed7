/* busbar access import: what VOLTTRON's files say about keys. */
#include "agents/cli/access_file.h"
#include "agents/cli/input.h"
#include "agents/cli/json.h"
#include "agents/cli/listing.h"
#include "agents/cli/verbs.h"
#include "bus/rules/import.h"

#include <stdlib.h>

static enum exit_code read_files(const struct call *call, struct import *import)
{
    struct bb_reason reason = {""};
    for (size_t i = 0; i < call->arg_count; i++) {
        struct input file;
        enum status status = input_read(call->args[i], 4u << 20, &reason, &file);
        if (status == BB_OK) {
            status = import_read(import, call->args[i], file.text, file.size, &reason);
            input_wipe(&file);
        }
        if (status != BB_OK)
            return call_fail(call, status == BB_MALFORMED ? EXIT_USAGE : exit_of(status),
                             "nothing is imported: %s", reason.text);
    }
    return EXIT_DONE;
}

static void print_report(const json_t *report)
{
    size_t i;
    json_t *line;
    json_array_foreach(report, i, line)
    {
        char result[LISTING_TEXT_MAX], about[LISTING_TEXT_MAX];
        const char *text = json_string_value(json_object_get(line, "text"));
        json_t *clean = json_object();
        printf("%-8s %s: ", listing_text(line, "result", LISTING_TEXT, FORMAT_PEOPLE, result),
               listing_text(line, "about", LISTING_TEXT, FORMAT_PEOPLE, about));
        /* Cell by cell, since a cell is bounded and what people must read is not. */
        for (size_t left = text == NULL ? 0 : json_string_length(json_object_get(line, "text")); left > 0;) {
            char cell[LISTING_TEXT_MAX];
            size_t take = left < 96 ? left : 96;
            while (take < left && ((unsigned char)text[take] & 0xc0) == 0x80)
                take++;
            json_object_set_new(clean, "cell", json_stringn(text, take));
            fputs(listing_text(clean, "cell", LISTING_TEXT, FORMAT_PEOPLE, cell), stdout);
            text += take;
            left -= take;
        }
        putchar('\n');
        json_decref(clean);
    }
}

static void print_entries(const struct import *import)
{
    size_t i, k;
    json_t *entry, *before;
    json_array_foreach(import->entries, i, entry)
    {
        bool again = false;
        for (k = 0; k < i && !again; k++) {
            before = json_array_get(import->entries, k);
            again = before == entry;
        }
        if (again)
            continue;
        putchar('\n');
        access_file_print(entry);
    }
}

static enum exit_code import_all(const struct call *call, struct edit *edit, struct import *import)
{
    enum exit_code code = read_files(call, import);
    if (code != EXIT_DONE)
        return code;
    struct bb_reason reason = {""};
    json_t *before = json_deep_copy(edit->document), *document = json_document();
    import_apply(import);
    bool changed = !json_equal(before, edit->document);
    json_decref(before);
    if (edit_check(edit, &reason) != BB_OK) {
        json_decref(document);
        return call_fail(call, EXIT_USAGE, "nothing is imported: %s", reason.text);
    }
    json_object_set(document, "report", import->report);
    json_object_set(document, "entries", import->entries);
    if (!call_flag(call, "json")) {
        print_report(import->report);
        print_entries(import);
        if (json_array_size(import->entries) > 0 && import->options->subscribe_count == 0)
            puts("\nVOLTTRON lets every agent hear everything and publish every topic that is not protected; "
                 "here that is granted:\nadd --subscribe '' and --publish PREFIX to give it to all of these, "
                 "or "
                 "see what they ask for: busbar access pending");
    }
    return access_file_finish(call, edit, changed, document);
}

enum exit_code verb_access_import(const struct call *call)
{
    const char *publish[VERB_MANY_MAX], *subscribe[VERB_MANY_MAX];
    struct import_options options = {.identity = call_value(call, "identity"),
                                     .publish = publish,
                                     .publish_count = call_values(call, "publish", publish),
                                     .subscribe = subscribe,
                                     .subscribe_count = call_values(call, "subscribe", subscribe)};
    struct edit edit;
    struct import import;
    enum exit_code code = access_file_open(call, true, &edit);
    if (code != EXIT_DONE)
        return code;
    import_open(&edit, &options, &import);
    code = import_all(call, &edit, &import);
    import_close(&import);
    edit_close(&edit);
    return code;
}

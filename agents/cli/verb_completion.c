/* busbar completion SHELL, and busbar __complete WORD…: the scripts ask the program itself, so that they
 * never fall behind the table of verbs. An answer is one candidate a line, a tab and its description; the
 * lines
 * ":files" and ":folders" ask the shell for those. */
#include "agents/cli/call.h"
#include "agents/cli/home.h"
#include "agents/cli/verbs.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

static const char bash_script[] =
    "_busbar() {\n"
    "    local IFS=$'\\n' line\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "        :files) COMPREPLY+=($(compgen -f -- \"$2\")) ;;\n"
    "        :folders) COMPREPLY+=($(compgen -d -- \"$2\")) ;;\n"
    "        *) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
    "        esac\n"
    "    done < <(busbar __complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "}\n"
    "complete -o filenames -F _busbar busbar\n";

static const char zsh_script[] = "#compdef busbar\n"
                                 "_busbar() {\n"
                                 "    local line\n"
                                 "    local -a found\n"
                                 "    while IFS= read -r line; do\n"
                                 "        case $line in\n"
                                 "        :files) _files ;;\n"
                                 "        :folders) _files -/ ;;\n"
                                 "        *) found+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
                                 "        esac\n"
                                 "    done < <(busbar __complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
                                 "    (( $#found )) && _describe busbar found\n"
                                 "}\n"
                                 "compdef _busbar busbar\n";

static const char fish_script[] = "function __busbar_complete\n"
                                  "    set -l words (commandline -opc) (commandline -ct)\n"
                                  "    for line in (busbar __complete -- $words[2..-1] 2>/dev/null)\n"
                                  "        switch $line\n"
                                  "            case :files\n"
                                  "                __fish_complete_path (commandline -ct)\n"
                                  "            case :folders\n"
                                  "                __fish_complete_directories (commandline -ct)\n"
                                  "            case '*'\n"
                                  "                echo $line\n"
                                  "        end\n"
                                  "    end\n"
                                  "end\n"
                                  "complete -c busbar -f -a '(__busbar_complete)'\n";

enum exit_code verb_completion(const struct call *call)
{
    static const struct {
        const char *shell, *script;
    } scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        if (strcmp(scripts[i].shell, call->args[0]) == 0) {
            fputs(scripts[i].script, stdout);
            return EXIT_DONE;
        }
    return call_fail(call, EXIT_USAGE, "no script for \"%s\"; there are bash, zsh and fish", call->args[0]);
}

static void offer(const char *candidate, const char *prefix, const char *description)
{
    if (strncmp(candidate, prefix, strlen(prefix)) == 0)
        printf("%s\t%s\n", candidate, description);
}

/* Offers the words of a choice ("ring|circulant" or "ring circulant") that start with `prefix`. */
static void offer_words(const char *words, const char *prefix)
{
    while (*words != '\0') {
        size_t length = strcspn(words, " |");
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)length, words);
        offer(word, prefix, "");
        words += length + (words[length] != '\0');
    }
}

/* Offers the words that can follow words[count], which are a group of verbs, or nothing yet. */
static void offer_verbs(const char *const *words, size_t count, const char *prefix)
{
    size_t verbs;
    const struct verb *table = verb_table(&verbs);
    char group[128], word[64], last[64] = "";
    verb_join(words, count, group, sizeof group);
    for (size_t i = 0; i < verbs; i++) {
        if (table[i].hidden || (count > 0 && !verb_in_group(&table[i], group)))
            continue;
        const char *rest = table[i].name + (count == 0 ? 0 : strlen(group) + 1);
        bool more = strchr(rest, ' ') != NULL;
        snprintf(word, sizeof word, "%.*s", (int)strcspn(rest, " "), rest);
        if (more && strcmp(last, word) == 0)
            continue;
        memcpy(last, word, sizeof last);
        offer(word, prefix, more ? "…" : table[i].summary);
    }
}

static void offer_options(const struct verb *verb, const char *prefix)
{
    for (size_t i = 0; i < verb_option_count(verb); i++) {
        char name[64];
        snprintf(name, sizeof name, "--%s", verb->options[i]->name);
        offer(name, prefix, verb->options[i]->help);
    }
}

/* The option of `verb` that `word` ("--topology") names and that takes a value; NULL when there is none. */
static const struct option *waiting(const struct verb *verb, const char *word)
{
    for (size_t i = 0; i < verb_option_count(verb); i++)
        if (verb->options[i]->value != NULL && strncmp(word, "--", 2) == 0 &&
            strcmp(word + 2, verb->options[i]->name) == 0)
            return verb->options[i];
    return NULL;
}

/* Offers the boards of the site file of $BUSBAR_HOME; nothing is asked of the bus. */
static void offer_boards(const char *arguments, const char *prefix)
{
    struct bb_reason reason;
    char home[512];
    if (home_find(NULL, &reason, home, sizeof home) != BB_OK)
        return;
    json_t *site = home_site(home);
    const json_t *boards = json_object_get(site, "boards");
    for (size_t i = 0; i < json_array_size(boards); i++) {
        const json_t *board = json_array_get(boards, i);
        const char *name = json_string_value(json_object_get(board, "name"));
        const char *kind = json_string_value(json_object_get(board, "kind"));
        if (name != NULL)
            offer(name, prefix, kind == NULL ? "" : kind);
    }
    if (strstr(arguments, "all") != NULL)
        offer("all", prefix, "every board");
    json_decref(site);
}

/* Offers the participants of $BUSBAR_HOME's genesis; those admitted later are in the ledger alone. */
static void offer_accounts(const char *prefix)
{
    struct bb_reason reason;
    char home[512], path[600];
    if (home_find(NULL, &reason, home, sizeof home) != BB_OK)
        return;
    snprintf(path, sizeof path, "%s/ledger/genesis.json", home);
    json_t *genesis = json_load_file(path, 0, NULL);
    const json_t *participants = json_object_get(genesis, "participants");
    for (size_t i = 0; i < json_array_size(participants); i++) {
        const json_t *participant = json_array_get(participants, i);
        const char *name = json_string_value(json_object_get(participant, "name"));
        const char *role = json_string_value(json_object_get(participant, "role"));
        if (name != NULL)
            offer(name, prefix, role == NULL ? "" : role);
    }
    json_decref(genesis);
}

/* Offers the keys in the wallet of $BUSBAR_HOME. */
static void offer_keys(const char *prefix)
{
    struct bb_reason reason;
    char home[512], path[600];
    if (home_find(NULL, &reason, home, sizeof home) != BB_OK)
        return;
    snprintf(path, sizeof path, "%s/wallet", home);
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char name[sizeof entry->d_name];
        size_t length = strlen(entry->d_name);
        if (length <= 5 || entry->d_name[0] == '.' || strcmp(entry->d_name + length - 5, ".json") != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(length - 5), entry->d_name);
        offer(name, prefix, "");
    }
    if (folder != NULL)
        closedir(folder);
}

/* Offers the identities of $BUSBAR_HOME's access.json. */
static void offer_identities(const char *prefix)
{
    struct bb_reason reason;
    char home[512], path[600];
    size_t i, k;
    json_t *entry, *identity;
    if (home_find(NULL, &reason, home, sizeof home) != BB_OK)
        return;
    snprintf(path, sizeof path, "%s/access.json", home);
    json_t *access = json_load_file(path, 0, NULL);
    json_array_foreach(json_object_get(access, "entries"), i, entry)
    {
        const char *comment = json_string_value(json_object_get(entry, "comment"));
        json_array_foreach(json_object_get(entry, "identities"), k, identity)
        {
            if (json_is_string(identity))
                offer(json_string_value(identity), prefix, comment == NULL ? "" : comment);
        }
    }
    json_decref(access);
}

static void offer_value(const struct option *option, const char *prefix)
{
    if (option->choices != NULL)
        offer_words(option->choices, prefix);
    else if (strcmp(option->value, "FILE") == 0)
        puts(":files");
    else if (strcmp(option->value, "DIR") == 0)
        puts(":folders");
    else if (strcmp(option->name, "key") == 0)
        offer_keys(prefix);
    else if (strcmp(option->value, "NAME") == 0 && strcmp(option->name, "agent") != 0)
        offer_accounts(prefix);
}

/* Offers what the verb's arguments can be. */
static void offer_arguments(const struct verb *verb, const char *prefix)
{
    bool boards = strncmp(verb->name, "dispatch ", 9) == 0 || strncmp(verb->name, "node ", 5) == 0;
    boards = boards && strncmp(verb->arguments, "NAME", 4) == 0;
    if (boards)
        offer_boards(verb->arguments, prefix);
    if (strstr(verb->arguments, "FILE") != NULL)
        puts(":files");
    else if (boards)
        return;
    else if (strncmp(verb->name, "key ", 4) == 0)
        offer_keys(prefix);
    else if (strcmp(verb->arguments, "KEY|IDENTITY") == 0)
        offer_identities(prefix);
    else if (strcmp(verb->arguments, "KEY|FINGERPRINT") == 0)
        return;
    else if (strncmp(verb->arguments, "NAME", 4) == 0 || strncmp(verb->arguments, "BUYER", 5) == 0)
        offer_accounts(prefix);
    else if (strchr(verb->arguments, '|') != NULL)
        offer_words(verb->arguments, prefix);
}

enum exit_code verb_complete(const struct call *call)
{
    size_t count = call->arg_count, used = 0;
    const char *prefix = count == 0 ? "" : call->args[count - 1];
    size_t before = count == 0 ? 0 : count - 1;
    const struct verb *verb = verb_find(call->args, before, &used);
    if (verb == NULL) {
        if (verb_group(call->args, before) == before)
            offer_verbs(call->args, before, prefix);
        return EXIT_DONE;
    }
    const struct option *option = before > used ? waiting(verb, call->args[before - 1]) : NULL;
    if (option != NULL)
        offer_value(option, prefix);
    else if (strncmp(prefix, "-", 1) == 0)
        offer_options(verb, prefix);
    else if (strcmp(verb->name, "help") == 0)
        offer_verbs(call->args + used, before - used, prefix);
    else
        offer_arguments(verb, prefix);
    return EXIT_DONE;
}

/* busbar image build: becomes the program busbar-image, which lies beside this one; the options are the same.
 */
#include "agents/cli/call.h"
#include "agents/cli/crew.h"
#include "agents/cli/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME_ROOM 32

enum exit_code verb_image_build(const struct call *call)
{
    char path[1024], names[VERB_OPTIONS_MAX][NAME_ROOM];
    const char *words[3 + 2 * VERB_OPTIONS_MAX] = {path, "build"};
    size_t count = 2, options = verb_option_count(call->verb);
    struct bb_reason reason = {""};
    enum status status = crew_find("busbar-image", &reason, path, sizeof path);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "%s", reason.text);
    for (size_t i = 0; i < options; i++) {
        const struct option *option = call->verb->options[i];
        if (call->values[i] == NULL)
            continue;
        snprintf(names[i], NAME_ROOM, "--%s", option->name);
        words[count++] = names[i];
        if (option->value != NULL)
            words[count++] = call->values[i];
    }
    fflush(stdout);
    execv(path, (char *const *)(const void *)words);
    return call_fail(call, EXIT_FAILED, "%s: %s", path, strerror(errno));
}

/* Hostile targets of requests and hostile files of tokens: refused, or read in one way only. */
#include "agents/tokens/tokens.h"
#include "agents/web/request.h"

#include <busbar/check.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_target(struct bytes target)
{
    static struct request request, again;
    if (request_parse(target, &request) != REQUEST_FINE)
        return;
    size_t length = strlen(request.path);
    CHECK(request.path[0] == '/' && request_is_text(bytes_of(request.path)) && length <= target.size + 1);
    CHECK(request.path + length < request.room + sizeof request.room);
    for (size_t i = 0; i < request.segment_count; i++)
        CHECK(strcmp(request.segments[i], "..") != 0 && strchr(request.segments[i], '/') == NULL);
    for (size_t i = 0; i < request.param_count; i++)
        CHECK(request_param(&request, request.params[i].name) != NULL);
    CHECK(request_parse(target, &again) == REQUEST_FINE && strcmp(request.path, again.path) == 0);
}

static void check_tokens(struct bytes text)
{
    static struct tokens tokens;
    if (tokens_parse(text, NULL, &tokens) != BB_OK) {
        CHECK(tokens.count == 0);
        return;
    }
    CHECK(tokens.count <= TOKENS_MAX);
    for (size_t i = 0; i < tokens.count; i++)
        CHECK(tokens.list[i].role != TOKEN_NOBODY && tokens.list[i].name[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = {data + 1, size == 0 ? 0 : size - 1};
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        check_target(rest);
    else
        check_tokens(rest);
    return 0;
}

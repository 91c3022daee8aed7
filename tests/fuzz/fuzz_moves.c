/* What other platforms and peers say to agentd, lines of "METHOD JSON": moves are answered or refused with a
 * reason, and none is owned that was not received; the directory stays within its bounds. */
#include "agents/host/directory.h"
#include "agents/host/moves_talk.h"

#include <busbar/check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t now_ms(void *context)
{
    return ++*(int64_t *)context;
}

static void random_id(void *context, char id_out[MOVE_ID_SIZE])
{
    (void)context;
    memcpy(id_out, "00000000000000000000000000000000", MOVE_ID_SIZE);
}

static enum status save(void *context, const struct move *move, bool holds, struct bb_reason *reason)
{
    (void)context, (void)holds, (void)reason;
    CHECK(move->phase != MOVE_OWNED); /* nothing is ever received whole here */
    return BB_OK;
}

static enum status succeed(void *context, const struct move *move, struct bb_reason *reason)
{
    (void)context, (void)move, (void)reason;
    return BB_OK;
}

static void call(void *context, const char *platform, const char *method, const json_t *params,
                 moves_on_reply *on_reply, void *reply_context)
{
    (void)context, (void)platform, (void)method, (void)params;
    on_reply(reply_context, BB_UNREACHABLE, NULL);
}

static void ignore(void *context, const struct move *move)
{
    (void)context, (void)move;
}

static enum status admit(void *context, const struct move *move, const json_t *about,
                         struct bb_reason *reason)
{
    (void)context, (void)about, (void)reason;
    CHECK(strlen(move->name) > 0 && strchr(move->name, '/') == NULL && move->name[0] != '.');
    return BB_OK;
}

static enum status take_piece(void *context, const struct move *move, int64_t offset, struct bytes piece,
                              struct bb_reason *reason)
{
    (void)context, (void)move, (void)reason;
    CHECK(offset >= 0 && offset + (int64_t)piece.size <= MOVES_PARCEL_MAX);
    return BB_OK;
}

static void receive(void *context, const struct move *move, const char *sha256)
{
    (void)context, (void)move;
    CHECK(strlen(sha256) == 64);
}

static void say(struct moves *moves, struct directory *directory, const char *method, const char *text)
{
    struct bb_reason reason = {""};
    json_t *params = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *result = NULL;
    if (!json_is_object(params)) {
        json_decref(params);
        return;
    }
    enum status status = BB_OK;
    if (strcmp(method, "directory.register") == 0)
        status = directory_register(directory, "peer", params, 1, &reason);
    else if (strcmp(method, "directory.withdraw") == 0)
        status = directory_withdraw(directory, "peer", params, &reason);
    else if (strcmp(method, "directory.lookup") == 0)
        status = directory_lookup(directory, "here", params, &reason, &result);
    else
        status = moves_answer(moves, "there", method, params, &reason, &result);
    CHECK(status == BB_OK || (reason.text[0] != '\0' && result == NULL));
    CHECK(directory_count(directory) <= DIRECTORY_SERVICES_MAX);
    json_decref(result);
    json_decref(params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t clock = 0;
    const struct moves_world world = {.context = &clock,
                                      .piece_bytes = 16,
                                      .now_ms = now_ms,
                                      .random = random_id,
                                      .save = save,
                                      .forget = succeed,
                                      .call = call,
                                      .start = ignore,
                                      .stop = ignore,
                                      .clear = succeed,
                                      .alert = ignore,
                                      .changed = ignore,
                                      .pack = ignore,
                                      .discard = ignore,
                                      .admit = admit,
                                      .write = take_piece,
                                      .receive = receive};
    struct moves *moves = moves_open(&world, "here");
    struct directory *directory = directory_open(NULL, NULL);
    char *text = strndup((const char *)data, size), *rest = text, *line;
    CHECK(text != NULL);
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *params = strchr(line, ' ');
        if (params == NULL)
            continue;
        *params = '\0';
        say(moves, directory, line, params + 1);
        moves_tick(moves);
    }
    moves_close(moves);
    directory_close(directory);
    free(text);
    return 0;
}

/* The agreement test under a fuzzer: the bytes are the chance that draws world and actions, so that what is
 * new in the engine is looked for. Whatever comes, the engine and the naive contract say the same. */
#include "tests/market/stream.h"
#include "tests/market/twin.h"

#include <busbar/check.h>

#define ACTIONS_MAX 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void step(struct stream *stream, struct twin *twin)
{
    struct action action;
    enum verdict verdict;
    stream_next(stream, twin_naive(twin), &action);
    CHECK(twin_apply(twin, &action, stream->now, &verdict));
    switch (stream_below(stream, 16)) {
    case 1:
        CHECK(twin_commit(twin));
        break;
    case 2:
        CHECK(twin_rollback(twin) && twin_compare(twin));
        break;
    case 3:
        CHECK(twin_reload(twin));
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stream stream;
    struct action action;
    if (size == 0)
        return 0;
    stream_begin_tape(&stream, (struct bytes){data, size});
    struct twin *twin = twin_new(&stream.world.limits);
    while (stream_opening(&stream, twin_naive(twin), &action))
        CHECK(twin_open(twin, &action));
    CHECK(twin_commit(twin));
    for (int i = 0; i < ACTIONS_MAX && stream.tape.size > 0; i++)
        step(&stream, twin);
    CHECK(twin_compare(twin) && twin_reload(twin) && twin_compare(twin));
    twin_free(twin);
    return 0;
}

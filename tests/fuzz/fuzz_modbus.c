/* Whatever a registry says, or a device answers: the text up to the first NUL is a registry, the rest are
 * registers. What is taken is within its bounds, and every value that was read can be written back. */
#include "agents/modbus/plan.h"
#include "agents/modbus/registry.h"
#include "agents/modbus/sunspec.h"
#include "agents/modbus/value.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_values(const struct points *points, const uint16_t registers[READ_MAX])
{
    for (size_t i = 0; i < points->count; i++) {
        const struct point *p = &points->list[i];
        struct value value;
        struct bb_reason reason = {""};
        uint16_t back[READ_MAX] = {0};
        CHECK(p->count >= 1 && p->count <= READ_MAX && p->address + p->count <= 65536);
        CHECK(p->power_at >= -1 && p->power_at < (int)points->count);
        value_decode(p, registers, 0, &value);
        CHECK(strlen(value.text) <= VALUE_TEXT_MAX || value.kind == VALUE_NULL || value.kind == VALUE_TRUTH);
        if (value.kind == VALUE_NULL || p->kind == POINT_TEXT || p->kind == POINT_REAL)
            continue;
        CHECK(value_encode(p, &value, 0, &reason, back) == BB_OK);
        CHECK(p->kind == POINT_TRUTH || memcmp(back, registers, p->count * sizeof *back) == 0);
    }
}

static void try_plan(const struct points *points)
{
    struct plan plan;
    size_t seen = 0;
    CHECK(plan_make(points, 8, &plan) == BB_OK);
    for (size_t i = 0; i < plan.count; i++) {
        CHECK(plan.reads[i].count >= 1 && plan.reads[i].count <= READ_MAX);
        seen += plan.reads[i].points;
    }
    CHECK(seen == points->count);
    plan_free(&plan);
}

static void try_walk(const uint8_t *data, size_t size)
{
    struct sunspec_walk walk;
    struct points points;
    uint16_t address;
    sunspec_begin(&walk);
    for (size_t i = 0; sunspec_next(&walk, &address); i++) {
        uint16_t pair[2] = {0x5375, 0x6e53};
        if (i > 0 && 4 * i <= size)
            memcpy(pair, data + 4 * (i - 1), sizeof pair);
        sunspec_feed(&walk, i > 0 && 4 * i > size ? NULL : pair);
    }
    if (sunspec_points(&walk, &points) == BB_OK) {
        try_plan(&points);
        free(points.list);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint16_t registers[READ_MAX] = {0};
    struct points points;
    struct bb_reason reason = {""};
    char *text = malloc(size + 1);
    CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    size_t length = strlen(text), behind = length < size ? length + 1 : size, left = size - behind;
    if (left > 0)
        memcpy(registers, data + behind, left < sizeof registers ? left : sizeof registers);
    if (registry_read(text, &reason, &points) == BB_OK) {
        try_values(&points, registers);
        try_plan(&points);
        free(points.list);
    } else {
        CHECK(reason.text[0] >= '0' && reason.text[0] <= '9');
    }
    try_walk(data + behind, left);
    free(text);
    return 0;
}

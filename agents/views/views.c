#include "agents/views/views.h"

#include "agents/views/boards.h"
#include "agents/views/stamp.h"

#include <busbar/check.h>
#include <string.h>

const char *const views_status_keys[VIEWS_STATUS_KEYS][2] = {{"platform-version", "broker"},
                                                             {"instance-name", "instance"},
                                                             {"local_address", "address"},
                                                             {"busbar.stats", "stats"}};

json_t *views_document(void)
{
    json_t *document = json_pack("{s:i}", "version", VIEWS_VERSION);
    CHECK(document != NULL);
    return document;
}

json_t *views_millionths(int64_t millionths)
{
    return json_real((double)millionths / 1e6);
}

json_t *views_of(const json_t *result)
{
    json_t *document = views_document();
    json_object_update(document, (json_t *)(uintptr_t)result);
    return document;
}

json_t *views_dispatch(json_t *boards, int64_t unix_ms)
{
    struct board_totals totals = boards_total(boards);
    char now[STAMP_TEXT_MAX];
    json_t *document = views_document();
    json_object_set_new(document, "time", json_string(stamp_format(unix_ms, now)));
    json_object_set_new(document, "lambda_min", views_millionths(totals.lambda_min));
    json_object_set_new(document, "lambda_max", views_millionths(totals.lambda_max));
    json_object_set_new(document, "load_kw", views_millionths(totals.load_mw));
    json_object_set_new(document, "generation_kw", views_millionths(totals.generation_mw));
    json_object_set_new(document, "mismatch_kw", views_millionths(totals.load_mw - totals.generation_mw));
    json_object_set_new(document, "online", json_integer((json_int_t)totals.online));
    json_object_set_new(document, "certified", json_integer((json_int_t)totals.certified));
    json_object_set_new(document, "ordered", json_integer((json_int_t)totals.ordered));
    json_object_set_new(document, "agreed", json_boolean(totals.agreed));
    json_object_set(document, "boards", boards);
    return document;
}

json_t *views_order(const char *method, const json_t *params)
{
    json_t *document = views_document();
    json_object_set_new(document, "order", json_string(method + strlen("board.")));
    json_object_update(document, (json_t *)(uintptr_t)params);
    return document;
}

json_t *views_answer(const char *text)
{
    json_t *value = *text == '\0' ? json_null() : json_loads(text, JSON_DECODE_ANY, NULL);
    return value == NULL ? json_string(text) : value;
}

bool views_access_held(const json_t *status)
{
    const json_t *known = json_object_get(json_object_get(status, "stats"), "access");
    return json_is_true(json_object_get(known, "held"));
}

json_t *views_boards(const json_t *boards)
{
    struct board_totals totals = boards_total(boards);
    return json_pack("{s:I, s:I, s:I}", "known", (json_int_t)totals.boards, "online",
                     (json_int_t)totals.online, "certified", (json_int_t)totals.certified);
}

json_t *views_chain_status(const json_t *status, const json_t *parameters)
{
    json_t *document = views_of(parameters);
    json_object_update_missing(document, (json_t *)(uintptr_t)status);
    return document;
}

json_t *views_block_row(const json_t *block)
{
    json_t *row = json_object();
    json_object_update(row, json_object_get(block, "header"));
    json_object_set(row, "hash", json_object_get(block, "hash"));
    return row;
}

json_t *views_account(const json_t *account, const json_t *orders)
{
    json_t *document = views_of(account);
    json_object_set(document, "orders", json_object_get(orders, "orders"));
    return document;
}

json_t *views_pages(const json_t *page, const char *list, json_t *rows)
{
    json_t *document = views_of(page);
    json_object_del(document, "next");
    json_object_set(document, list, rows);
    return document;
}

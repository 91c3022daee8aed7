/* busbar chain receipt, genesis: bytes of the ledger's, to keep and to check later without it. */
#include "agents/cli/blob.h"
#include "agents/cli/inquiry.h"
#include "agents/cli/terms.h"
#include "agents/cli/verbs.h"

#include <stdlib.h>

/* Asks for `method` and writes the bytes of the result's `member`. */
static enum exit_code save(const struct call *call, const char *method, json_t *params, const char *member)
{
    enum format format;
    json_t *result = NULL;
    uint8_t *data = NULL;
    size_t size = 0;
    enum exit_code code = inquiry_once(call, method, params, &format, &result);
    if (code != EXIT_DONE)
        return code;
    if (format == FORMAT_JSON) {
        inquiry_print(result);
        return EXIT_DONE;
    }
    if (blob_of_json(json_object_get(result, member), &data, &size) != BB_OK)
        code = call_fail(call, EXIT_FAILED, "the ledger's answer has no bytes in its %s", member);
    else
        code = blob_write(call, call_value(call, "output"), (struct bytes){data, size});
    free(data);
    json_decref(result);
    return code;
}

enum exit_code verb_chain_receipt(const struct call *call)
{
    struct hash id;
    enum exit_code code = terms_id(call, 0, &id);
    return code != EXIT_DONE ? code
                             : save(call, "receipt", json_pack("{s:s}", "id", call->args[0]), "receipt");
}

enum exit_code verb_chain_genesis(const struct call *call)
{
    return save(call, "parameters", NULL, "genesis_bytes");
}

/* A hostile bundle: refused with a reason, or exactly the archive that its files make. */
#include "agents/bundle/bundle.h"
#include "agents/bundle/entry.h"
#include "agents/bundle/ustar.h"

#include <busbar/check.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bb_reason reason = {""};
    struct bundle bundle;
    struct ustar ustar;
    uint8_t *again;
    size_t again_size;
    if (ustar_read((struct bytes){data, size}, &reason, &ustar) == BB_OK) {
        CHECK(ustar_write(ustar.entries, ustar.count, &reason, &again, &again_size) == BB_OK);
        CHECK(bytes_equal((struct bytes){again, again_size}, (struct bytes){data, size}));
        free(again);
        ustar_free(&ustar);
    } else {
        CHECK(reason.text[0] != '\0');
    }
    reason.text[0] = '\0';
    if (bundle_read((struct bytes){data, size}, NULL, &reason, &bundle) != BB_OK) {
        CHECK(reason.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < bundle.file_count; i++) {
        CHECK(entry_path_wrong(bundle.files[i].path) == NULL);
        CHECK(bundle.files[i].data.data >= data &&
              bundle.files[i].data.data + bundle.files[i].data.size <= data + size);
    }
    bundle_free(&bundle);
    return 0;
}

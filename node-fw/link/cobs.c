#include "node-fw/link/cobs.h"

size_t cobs_encode(struct bytes in, uint8_t *out)
{
    size_t code_at = 0;
    size_t size = 1;
    uint8_t code = 1;
    for (size_t i = 0; i < in.size; i++) {
        if (in.data[i] != 0) {
            out[size++] = in.data[i];
            code++;
        }
        /* A full block is closed only when more follows: a last one needs no successor. */
        if (in.data[i] == 0 || (code == 0xFF && i + 1 < in.size)) {
            out[code_at] = code;
            code_at = size++;
            code = 1;
        }
    }
    out[code_at] = code;
    return size;
}

enum status cobs_decode(uint8_t *data, size_t size, size_t *size_out)
{
    if (size == 0)
        return BB_MALFORMED;
    size_t to = 0;
    for (size_t from = 0; from < size;) {
        uint8_t code = data[from++];
        if (code == 0 || (size_t)(code - 1) > size - from)
            return BB_MALFORMED;
        for (uint8_t i = 1; i < code; i++) {
            if (data[from] == 0)
                return BB_MALFORMED;
            data[to++] = data[from++];
        }
        if (code != 0xFF && from < size)
            data[to++] = 0;
    }
    *size_out = to;
    return BB_OK;
}

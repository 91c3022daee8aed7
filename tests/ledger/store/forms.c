#include "tests/ledger/store/forms.h"

#include "ledger/core/block.h"
#include "ledger/crypto/hash.h"

#include <busbar/check.h>

struct hash forms_id(uint64_t height, uint32_t index)
{
    uint8_t name[12];
    struct writer writer = writer_at(name, sizeof name);
    write_u64(&writer, height);
    write_u32(&writer, index);
    return hash_keccak256(written(&writer));
}

size_t forms_block(uint64_t height, const struct hash *previous, uint32_t count, uint8_t *out,
                   struct hash *hash_out)
{
    struct block_header header = {.height = height, .previous = *previous, .term = 1, .count = count};
    uint8_t head[BLOCK_HEADER_SIZE];
    block_header_encode(&header, head);
    struct writer writer = writer_at(out, FORMS_BYTES_MAX);
    write_bytes(&writer, (struct bytes){head, sizeof head});
    write_u8(&writer, 1);
    write_u8(&writer, BLOCK_SEAL_SIGNATURE);
    write_u16(&writer, 3);
    write_bytes(&writer, bytes_of("abc"));
    for (uint32_t i = 0; i < count; i++) {
        write_u16(&writer, 5);
        write_bytes(&writer, bytes_of("trade"));
    }
    for (uint32_t i = 0; i < count; i++) {
        struct hash id = forms_id(height, i);
        write_u32(&writer, sizeof id);
        write_bytes(&writer, (struct bytes){id.bytes, sizeof id});
    }
    CHECK(writer.ok);
    *hash_out = block_hash((struct bytes){head, sizeof head});
    return writer.size;
}

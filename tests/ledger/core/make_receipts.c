/* make-receipts FOLDER: writes genesis.bin and good receipt files (alone.bin, under-head.bin, text.bin) and
 * the blocks 1 to 9 (block-N.bin) for the tests of the stand-alone verifiers. */
#include "tests/ledger/core/receipts.h"

#include <stdio.h>
#include <stdlib.h>

static void write_file(const char *folder, const char *name, struct bytes bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    if (out == NULL || fwrite(bytes.data, 1, bytes.size, out) != bytes.size || fclose(out) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    static struct receipts receipts;
    static uint8_t file[PROOF_BYTES_MAX];
    if (argc != 2)
        return 2;
    receipts_open(&receipts);
    write_file(argv[1], "genesis.bin", (struct bytes){receipts.world.genesis, receipts.world.genesis_size});
    write_file(argv[1], "alone.bin", (struct bytes){file, receipts_write(&receipts, 4, 2, 0, file)});
    write_file(argv[1], "under-head.bin", (struct bytes){file, receipts_write(&receipts, 4, 2, 9, file)});
    write_file(argv[1], "text.bin", (struct bytes){file, receipts_write(&receipts, 4, 3, 6, file)});
    for (size_t height = 1; height <= 9; height++) {
        char name[32];
        snprintf(name, sizeof name, "block-%zu.bin", height);
        write_file(argv[1], name, (struct bytes){receipts.blocks[height], receipts.sizes[height]});
    }
    receipts_close(&receipts);
    return 0;
}

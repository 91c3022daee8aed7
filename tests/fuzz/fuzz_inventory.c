/* A hostile manifest of a backup: refused with a reason, or taken; and then every path lies below a home, is
 * named once and stands behind its folder, and the manifest written again is taken again. */
#include "agents/care/inventory.h"

#include <busbar/check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory: a manifest is forced to the disk. */
static char folder[] = "/dev/shm/fuzz-inventory-XXXXXX";

static void remove_folder(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void write_manifest(const uint8_t *data, size_t size)
{
    char path[64];
    static bool made;
    if (!made) {
        CHECK(mkdtemp(folder) != NULL);
        made = atexit(remove_folder) == 0;
    }
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL && fwrite(data, 1, size, file) == size);
    CHECK(fclose(file) == 0);
}

static void check_entry(const struct inventory_entry *entry)
{
    CHECK(entry->path[0] != '/' && strstr(entry->path, "//") == NULL);
    CHECK(strcmp(entry->path, "..") != 0 && strncmp(entry->path, "../", 3) != 0);
    CHECK(strstr(entry->path, "/../") == NULL && strstr(entry->path, "/./") == NULL);
    CHECK(entry->mode <= 07777);
    CHECK(entry->kind == INVENTORY_FOLDER || strlen(entry->sha256) == COPY_HASH_ROOM - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bb_reason reason = {""};
    json_t *manifest = NULL, *again = NULL;
    write_manifest(data, size);
    if (inventory_read(folder, &reason, &manifest) != BB_OK) {
        CHECK(reason.text[0] != '\0' && manifest == NULL);
        return 0;
    }
    for (size_t i = 0; i < inventory_count(manifest); i++) {
        struct inventory_entry entry;
        inventory_entry(manifest, i, &entry);
        check_entry(&entry);
    }
    CHECK(inventory_write(manifest, folder, &reason) == BB_OK);
    CHECK(inventory_read(folder, &reason, &again) == BB_OK && json_equal(manifest, again));
    json_decref(manifest);
    json_decref(again);
    return 0;
}

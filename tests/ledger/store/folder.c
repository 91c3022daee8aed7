#include "tests/ledger/store/folder.h"

#include <busbar/check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void folder_make(struct folder *folder, bool memory)
{
    snprintf(folder->path, sizeof folder->path, "%s/busbar-store-XXXXXX",
             memory && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(folder->path) != NULL);
}

void folder_remove(const struct folder *folder)
{
    DIR *open = opendir(folder->path);
    CHECK(open != NULL);
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
        char path[sizeof folder->path + sizeof entry->d_name + 1];
        snprintf(path, sizeof path, "%s/%s", folder->path, entry->d_name);
        unlink(path);
    }
    closedir(open);
    CHECK(rmdir(folder->path) == 0);
}

void folder_file(const struct folder *folder, const char *name, char out[128])
{
    CHECK(snprintf(out, 128, "%s/%s", folder->path, name) < 128);
}

unsigned char *folder_read(const char *path, size_t *size_out)
{
    FILE *file = fopen(path, "rbe");
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    CHECK(size >= 0 && fseek(file, 0, SEEK_SET) == 0);
    unsigned char *bytes = malloc((size_t)size + 1);
    CHECK(bytes != NULL && fread(bytes, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    *size_out = (size_t)size;
    return bytes;
}

void folder_write(const char *path, const unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "wbe");
    CHECK(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

void folder_copy(const char *from, const char *to)
{
    size_t size;
    unsigned char *bytes = folder_read(from, &size);
    folder_write(to, bytes, size);
    free(bytes);
}

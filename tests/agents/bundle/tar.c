#include "tests/agents/bundle/tar.h"

#include <busbar/check.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tar_raw(struct tar *tar, const void *data, size_t size)
{
    if (size == 0)
        return;
    if (tar->size + size > tar->room) {
        tar->room = 2 * (tar->size + size);
        tar->data = realloc(tar->data, tar->room);
        CHECK(tar->data != NULL);
    }
    memcpy(tar->data + tar->size, data, size);
    tar->size += size;
}

/* Digits of an octal field, right before its end. */
static void octal(char *field, int digits, unsigned long value)
{
    char text[24];
    snprintf(text, sizeof text, "%0*lo", digits, value);
    memcpy(field, text, (size_t)digits);
}

void tar_add(struct tar *tar, const char *path, struct bytes data, const struct tar_odd *odd)
{
    static const struct tar_odd none;
    static const uint8_t zeros[512];
    char header[512] = {0};
    unsigned long sum = 0;
    odd = odd != NULL ? odd : &none;
    size_t length = strlen(path);
    const char *name = path;
    if (length > 100) { /* what does not fit goes in front */
        for (name = path + length - 101; *name != '/'; name++)
            CHECK(*name != '\0');
        memcpy(header + 345, path, (size_t)(name - path));
        name++;
    }
    memcpy(header, name, strlen(name));
    octal(header + 100, 6, odd->mode != 0 ? odd->mode : 0644);
    octal(header + 108, 6, odd->uid);
    octal(header + 116, 6, 0);
    header[106] = header[114] = header[122] = header[335] = header[343] = ' ';
    octal(header + 124, 11, odd->claims != 0 ? odd->claims : data.size);
    octal(header + 136, 11, odd->time);
    header[135] = header[147] = ' ';
    header[156] = odd->type != 0 ? odd->type : '0';
    if (odd->link != NULL)
        memcpy(header + 157, odd->link, strlen(odd->link));
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    if (odd->owner != NULL)
        memcpy(header + 265, odd->owner, strlen(odd->owner));
    octal(header + 329, 6, 0);
    octal(header + 337, 6, 0);
    memset(header + 148, ' ', 8);
    for (size_t i = 0; i < sizeof header; i++)
        sum += (unsigned char)header[i];
    octal(header + 148, 6, sum);
    header[154] = '\0';
    tar_raw(tar, header, sizeof header);
    tar_raw(tar, data.data, data.size);
    size_t pad = (512 - data.size % 512) % 512;
    tar_raw(tar, zeros, pad);
    if (pad > 0)
        tar->data[tar->size - 1] = odd->padding;
}

void tar_end(struct tar *tar)
{
    static const uint8_t zeros[1024];
    tar_raw(tar, zeros, sizeof zeros);
}

void tar_line(char *text, size_t size, const char *path, struct bytes data, const char *mode)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256(data.data, data.size, hash);
    size_t used = strlen(text);
    for (size_t i = 0; i < sizeof hash; i++)
        used += (size_t)snprintf(text + used, size - used, "%02x", hash[i]);
    used += (size_t)snprintf(text + used, size - used, " %s %zu %s\n", mode, data.size, path);
    CHECK(used < size);
}

struct bytes tar_bytes(const struct tar *tar)
{
    return (struct bytes){tar->data, tar->size};
}

void tar_free(struct tar *tar)
{
    free(tar->data);
    *tar = (struct tar){0};
}

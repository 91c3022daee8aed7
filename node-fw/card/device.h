/* The device under a card area: bytes at offsets, of which nothing is sure before a sync. The shell's is a
 * file or a partition; the tests' loses its power at any byte of any write. */
#ifndef NODE_FW_CARD_DEVICE_H
#define NODE_FW_CARD_DEVICE_H

#include <busbar/bytes.h>
#include <busbar/status.h>
#include <stdint.h>

#define CARD_SECTOR 512
#define CARD_SIZE   (4u << 20) /* bytes of the whole area */

/* Offsets and sizes lie inside CARD_SIZE. Every function: BB_IO when the system refuses. Until `sync` has
 * returned BB_OK a loss of power may leave any part of what was written since the last one, in any order. */
struct card_device {
    void *context;
    enum status (*read)(void *context, uint32_t offset, uint8_t *buffer, size_t size);
    enum status (*write)(void *context, uint32_t offset, struct bytes data);
    enum status (*sync)(void *context);
};

#endif

/* The checks of the link: CRC-16/X-25 of every frame (polynomial 0x1021 reflected, start and final XOR
 * 0xFFFF), which finds every burst of up to 16 bits, and CRC-32 of whole texts and images (0x04C11DB7
 * reflected, start and final XOR 0xFFFFFFFF), zlib's. Source: ITU-T X.25, RFC 1662; RFC 1952. */
#ifndef NODE_FW_LINK_CRC_H
#define NODE_FW_LINK_CRC_H

#include <busbar/bytes.h>
#include <stdint.h>

/* The check of a range; 0x906E for "123456789". */
uint16_t crc_x25(struct bytes range);

/* The CRC-32 of what `so_far` stands for, followed by `range`; 0 stands for nothing. 0xCBF43926 for
 * "123456789". */
uint32_t crc_32(uint32_t so_far, struct bytes range);

#endif

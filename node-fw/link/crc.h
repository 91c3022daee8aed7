/* The frame check of the link: CRC-16/X-25 (polynomial 0x1021 reflected, start and final XOR 0xFFFF); finds
 * every burst of up to 16 bits. Source: ITU-T X.25, RFC 1662. */
#ifndef NODE_FW_LINK_CRC_H
#define NODE_FW_LINK_CRC_H

#include <busbar/bytes.h>
#include <stdint.h>

/* The check of a range; 0x906E for "123456789". */
uint16_t crc_x25(struct bytes range);

#endif

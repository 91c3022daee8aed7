#include "node-fw/link/crc.h"

uint16_t crc_x25(struct bytes range)
{
    /* Four bits at a time: 32 bytes of table, and still far faster than the wire. */
    static const uint16_t of_nibble[16] = {0x0000, 0x1081, 0x2102, 0x3183, 0x4204, 0x5285, 0x6306, 0x7387,
                                           0x8408, 0x9489, 0xA50A, 0xB58B, 0xC60C, 0xD68D, 0xE70E, 0xF78F};
    uint16_t crc = 0xFFFF;
    for (size_t i = 0; i < range.size; i++) {
        crc = (uint16_t)(crc >> 4 ^ of_nibble[(crc ^ range.data[i]) & 0xF]);
        crc = (uint16_t)(crc >> 4 ^ of_nibble[(crc ^ range.data[i] >> 4) & 0xF]);
    }
    return (uint16_t)~crc;
}

uint32_t crc_32(uint32_t so_far, struct bytes range)
{
    static const uint32_t of_nibble[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    uint32_t crc = ~so_far;
    for (size_t i = 0; i < range.size; i++) {
        crc = crc >> 4 ^ of_nibble[(crc ^ range.data[i]) & 0xF];
        crc = crc >> 4 ^ of_nibble[(crc ^ (uint32_t)range.data[i] >> 4) & 0xF];
    }
    return ~crc;
}

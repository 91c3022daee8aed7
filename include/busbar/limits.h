/* Every bound of the system in one place, with the arithmetic behind it. Full is a status, tested. */
#ifndef BUSBAR_LIMITS_H
#define BUSBAR_LIMITS_H

/* -- the neighbourhood: dispatch on the boards ----------------------------------------------------------- */

/* Boards that one board can know; `curves` keeps about 60 bytes for each. */
#define BB_BOARDS_MAX 256
/* Neighbours of one board: one bit each in a 64-bit mask. */
#define BB_NEIGHBOURS_MAX 64

/* -- the UART link
 * ------------------------------------------------------------------------------------------- */

/* A frame on the wire: leading zero, COBS of header, payload and CRC, trailing zero. */
#define BB_LINK_FRAME_MAX 256
#define BB_LINK_HEADER    8
#define BB_LINK_CRC       2
/* 256 − 2 delimiters − 1 COBS code byte − 8 header − 2 CRC = 243, rounded down. */
#define BB_LINK_PAYLOAD_MAX 240
/* Frames sent and not yet acknowledged, per direction. */
#define BB_LINK_WINDOW 4

/* -- the bus
 * ------------------------------------------------------------------------------------------------- */

/* An identity is a ZeroMQ routing id, of at most 255 bytes. */
#define BB_IDENTITY_MAX 255
#define BB_TOPIC_MAX    1024
/* One frame of one message; larger ones are refused by the socket (ZMQ_MAXMSGSIZE). */
#define BB_FRAME_MAX (16 * 1024 * 1024)
/* Frames in one message: VIP needs 9, the rest is for subsystems of the peers' own. */
#define BB_FRAMES_MAX 64
/* All bytes of one message as they come off a connection of the vip door, headers included. */
#define BB_MESSAGE_MAX           (64 * 1024 * 1024)
#define BB_PEERS_MAX             4096
#define BB_PREFIXES_PER_PEER_MAX 16384

/* -- names
 * --------------------------------------------------------------------------------------------------- */

/* A board's name ("L1"), with its NUL. */
#define BB_NAME_MAX 16
#define BB_PATH_MAX 4096

#endif

/* The messages of the UART link, in one table: the codec of both sides (message.c) and docs/link-protocol.md
 * are made from it. A field is FIELD(type, name, unit and meaning); types u8 u16 u32 u64 i32 i64 are fixed,
 * TEXT and BLOB take the rest of the payload and stand last, IDS is a u8 count and that many u16. Source:
 * thesis §2.4.3, §2.5. */
#ifndef NODE_FW_LINK_MESSAGES_H
#define NODE_FW_LINK_MESSAGES_H

#define LINK_MAJOR 1
#define LINK_MINOR 1 /* 1.1: SLOTS, RESET, SETTINGS, ASK; a side of 1.0 does not know them and says so */

/* MESSAGE(number, NAME, name, reliable, "what it is for") */
#define LINK_MESSAGES(MESSAGE)                                                                               \
    MESSAGE(1, HELLO, hello, 0, "either side, at start and once a second until answered: who I am")          \
    MESSAGE(2, CONFIG, config, 1, "host to board: the board's place in the neighbourhood")                   \
    MESSAGE(3, DISPATCH, dispatch, 0,                                                                        \
            "either way: one broadcast of one board, passed on byte for byte; newest wins")                  \
    MESSAGE(4, SETPOINT, setpoint, 1,                                                                        \
            "host to board: the set-point, when the agent runs the dispatch for it")                         \
    MESSAGE(5, MEASURED, measured, 0, "board to host: the power really applied")                             \
    MESSAGE(6, STATUS, status, 0, "board to host: what the board believes, at every change and heartbeat")   \
    MESSAGE(7, PARAMETER, parameter, 1,                                                                      \
            "host to board: another curve from now on; the board writes it to its own file")                 \
    MESSAGE(8, COMMAND, command, 1, "host to board: hold, override, release or emergency stop")              \
    MESSAGE(9, LEAVE, leave, 1, "either way: I am going, or: leave the neighbourhood")                       \
    MESSAGE(10, CURVE, curve, 1,                                                                             \
            "board to host: the ramp and the boot counter, only when the agent runs the dispatch")           \
    MESSAGE(11, LOG, log, 0, "board to host: a line for the log")                                            \
    MESSAGE(12, FIRMWARE, firmware, 1, "host to board: a piece of an image for the idle slot")               \
    MESSAGE(13, TIME, time, 0, "host to board: the wall clock")                                              \
    MESSAGE(14, ACK, ack, 0, "either way: nothing but the header's acknowledgement")                         \
    MESSAGE(15, REFUSE, refuse, 0, "either way: why the other side's HELLO or command was not taken")        \
    MESSAGE(16, SLOTS, slots, 0,                                                                             \
            "board to host: its images; after the host's HELLO, at every change, and when asked")            \
    MESSAGE(17, RESET, reset, 1, "host to board: start again")                                               \
    MESSAGE(18, SETTINGS, board_file, 1,                                                                     \
            "host to board: a piece of the board's own file, in order from offset 0; never the other way")   \
    MESSAGE(19, ASK, ask, 1, "host to board: tell me")

#define LINK_HELLO_FIELDS(FIELD)                                                                             \
    FIELD(u8, major, "protocol; unequal is refused")                                                         \
    FIELD(u8, minor, "protocol; the smaller of the two counts")                                              \
    FIELD(u32, firmware, "version: major, minor and patch in its three low bytes; 0 from a host")            \
    FIELD(u16, board, "board id, 1 … 65534; 65535: not enrolled, named new; 0 from a host")                  \
    FIELD(u32, session, "random at each start: a reboot is seen at once")                                    \
    FIELD(u8, role, "0 generator, 1 consumer, 255 host")                                                     \
    FIELD(u16, features,                                                                                     \
          "bit 0: runs the dispatch itself; bit 1: takes firmware; bit 2: has a card, so that SETTINGS, "    \
          "RESET and ASK are taken; bit 3: not enrolled")                                                    \
    FIELD(TEXT, name, "the board's name, at most 15 bytes: L1")

#define LINK_CONFIG_FIELDS(FIELD)                                                                            \
    FIELD(u8, method, "0 curves, 1 incremental-cost")                                                        \
    FIELD(u8, where, "who runs the dispatch: 0 the board, 1 the agent")                                      \
    FIELD(u16, size, "boards configured in the neighbourhood")                                               \
    FIELD(u16, exchange_ms, "longest pause between two exchanges while there is news")                       \
    FIELD(u16, heartbeat_ms, "pause between two heartbeats")                                                 \
    FIELD(u16, expiry_ms, "silence after which a board counts as dead")                                      \
    FIELD(IDS, neighbours, "board ids, at most 64")

#define LINK_DISPATCH_FIELDS(FIELD) FIELD(BLOB, payload, "see node-fw/dispatch; at most 240 bytes")

#define LINK_SETPOINT_FIELDS(FIELD)                                                                          \
    FIELD(u32, power, "mW")                                                                                  \
    FIELD(u32, lambda, "micro-$/kWh")                                                                        \
    FIELD(u16, depth, "causal depth at which it was found")

#define LINK_MEASURED_FIELDS(FIELD) FIELD(u32, power, "mW")

#define LINK_STATUS_FIELDS(FIELD)                                                                            \
    FIELD(u32, lambda, "micro-$/kWh")                                                                        \
    FIELD(u32, setpoint, "mW, what the algorithm wants")                                                     \
    FIELD(u32, power, "mW, what the board applies")                                                          \
    FIELD(i64, residual, "mW, shortage > 0")                                                                 \
    FIELD(i64, mismatch, "mW, the audit's estimate per board")                                               \
    FIELD(u64, digest, "of the answer")                                                                      \
    FIELD(u16, depth, "causal depth at which the set-point was applied")                                     \
    FIELD(u16, certified_depth, "causal depth of the certificate; 0: none")                                  \
    FIELD(u16, exchange, "last exchange sent")                                                               \
    FIELD(u16, incarnation, "boot counter")                                                                  \
    FIELD(u16, live, "boards alive")                                                                         \
    FIELD(u16, neighbours_live, "of the configured ones")                                                    \
    FIELD(u8, mode, "0 automatic, 1 hold, 2 override, 3 stopped, 4 link lost")                               \
    FIELD(u8, flags, "bit 0 certified, bit 1 duplicate id suspected, bit 2 ramping")                         \
    FIELD(u32, bad_frames, "frames refused by the board since its start")                                    \
    FIELD(u32, uptime_s, "seconds since its start")

#define LINK_PARAMETER_FIELDS(FIELD)                                                                         \
    FIELD(u32, slope, "alpha or sigma, micro-$/kWh/kW; in all three 0xffffffff: stays as it is")             \
    FIELD(u32, intercept, "beta or omega, micro-$/kWh")                                                      \
    FIELD(u32, pmax, "mW")

#define LINK_COMMAND_FIELDS(FIELD)                                                                           \
    FIELD(u8, mode, "0 release, 1 hold, 2 override, 3 stop")                                                 \
    FIELD(u32, power, "mW, for override")

#define LINK_LEAVE_FIELDS(FIELD) FIELD(u8, reason, "0 asked, 1 shutdown, 2 duplicate id")

#define LINK_CURVE_FIELDS(FIELD)                                                                             \
    FIELD(u8, kind, "0 generator, 1 consumer")                                                               \
    FIELD(u32, lo, "micro-$/kWh")                                                                            \
    FIELD(u32, hi, "micro-$/kWh")                                                                            \
    FIELD(u32, pmax, "mW")                                                                                   \
    FIELD(u16, incarnation, "boot counter")

#define LINK_LOG_FIELDS(FIELD)                                                                               \
    FIELD(u8, severity, "syslog's 0 … 7")                                                                    \
    FIELD(TEXT, text, "one line, UTF-8; what ASK fetched begins with its uptime in seconds: 12.345 text")

#define LINK_FIRMWARE_FIELDS(FIELD)                                                                          \
    FIELD(u32, total, "bytes of the whole image")                                                            \
    FIELD(u32, offset, "of this piece: in order from 0; 0 begins anew; another one is answered with SLOTS")  \
    FIELD(u32, crc32, "of the whole image")                                                                  \
    FIELD(BLOB, data, "the piece")

#define LINK_TIME_FIELDS(FIELD) FIELD(u64, unix_ms, "milliseconds since 1970, UTC")

#define LINK_ACK_FIELDS(FIELD)

#define LINK_REFUSE_FIELDS(FIELD)                                                                            \
    FIELD(u8, code, "0 version, 1 board id, 2 range, 3 unknown message, 4 not now")                          \
    FIELD(TEXT, text, "one sentence for people")

#define LINK_SLOTS_FIELDS(FIELD)                                                                             \
    FIELD(u8, running, "0 the built-in image, 1 slot A, 2 slot B")                                           \
    FIELD(u8, state, "0 confirmed, 1 on trial, 2 rolled back: the newer image was given up")                 \
    FIELD(u32, version_builtin, "as HELLO's firmware")                                                       \
    FIELD(u32, version_a, "0: empty")                                                                        \
    FIELD(u32, version_b, "0: empty")                                                                        \
    FIELD(u32, received, "bytes of the image that is being received: the offset that is expected next")      \
    FIELD(u32, total, "its size; 0: none")                                                                   \
    FIELD(u32, crc32, "its CRC-32; a transfer of the same size and CRC-32 goes on where it stopped")         \
    FIELD(u16, boots, "starts of the board since it was made")                                               \
    FIELD(u8, cause,                                                                                         \
          "of the last start: 0 power, 1 asked, 2 watchdog, 3 update, 4 crash, 5 rollback, 6 settings")

#define LINK_RESET_FIELDS(FIELD)                                                                             \
    FIELD(u8, what, "0 start again; 1 with the image of the other slot; 2 forget the settings")

#define LINK_SETTINGS_FIELDS(FIELD)                                                                          \
    FIELD(u16, total, "bytes of the whole text, at most 4096")                                               \
    FIELD(u16, offset, "of this piece: in order from 0; 0 begins anew")                                      \
    FIELD(u32, crc32, "of the whole text")                                                                   \
    FIELD(BLOB, data, "the text; when its first line is +, only the lines that change")

#define LINK_ASK_FIELDS(FIELD)                                                                               \
    FIELD(u8, what, "0 SLOTS; 1 the log, as LOG messages, the oldest first")                                 \
    FIELD(u8, lines, "of the log, at most 64")

#endif

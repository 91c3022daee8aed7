/* The messages of the link as structs, and their codec; both are made from the table in messages.h.
 *
 * A field u8 … i64 is a member of that type; TEXT is a NUL-terminated array; BLOB is a borrowed range; IDS is
 * a struct link_ids. So MESSAGE(6, STATUS, status, …) gives LINK_STATUS, struct link_status and
 * message.status. */
#ifndef NODE_FW_LINK_MESSAGE_H
#define NODE_FW_LINK_MESSAGE_H

#include "node-fw/link/messages.h"

#include <busbar/bytes.h>
#include <busbar/limits.h>
#include <busbar/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a TEXT, without its NUL; the messages that have one begin with at least one byte of something
 * else.
 */
#define LINK_TEXT_MAX (BB_LINK_PAYLOAD_MAX - 1)

struct link_ids {
    uint8_t count; /* at most BB_NEIGHBOURS_MAX */
    uint16_t id[BB_NEIGHBOURS_MAX];
};

#define LINK_MEMBER_u8(name)   uint8_t name;
#define LINK_MEMBER_u16(name)  uint16_t name;
#define LINK_MEMBER_u32(name)  uint32_t name;
#define LINK_MEMBER_u64(name)  uint64_t name;
#define LINK_MEMBER_i32(name)  int32_t name;
#define LINK_MEMBER_i64(name)  int64_t name;
#define LINK_MEMBER_TEXT(name) char name[LINK_TEXT_MAX + 1];
#define LINK_MEMBER_BLOB(name) struct bytes name;
#define LINK_MEMBER_IDS(name)  struct link_ids name;

#define LINK_MEMBER(type, name, text) LINK_MEMBER_##type(name)
#define LINK_STRUCT(number, NAME, name, reliable, text)                                                      \
    struct link_##name {                                                                                     \
        LINK_##NAME##_FIELDS(LINK_MEMBER)                                                                    \
    };
LINK_MESSAGES(LINK_STRUCT)

enum link_type {
#define LINK_ENUMERATOR(number, NAME, name, reliable, text) LINK_##NAME = number,
    LINK_MESSAGES(LINK_ENUMERATOR)
#undef LINK_ENUMERATOR
};

/* The values of the coded fields, in the words of the table. */
enum { LINK_ROLE_GENERATOR = 0, LINK_ROLE_CONSUMER = 1, LINK_ROLE_HOST = 255 };
enum {
    LINK_FEATURE_DISPATCH = 1,
    LINK_FEATURE_FIRMWARE = 2,
    LINK_FEATURE_CARD = 4,
    LINK_FEATURE_NEW = 8 /* not enrolled: board LINK_BOARD_NEW */
};
enum { LINK_WHERE_BOARD = 0, LINK_WHERE_AGENT = 1 };
enum { LINK_COMMAND_RELEASE = 0, LINK_COMMAND_HOLD = 1, LINK_COMMAND_OVERRIDE = 2, LINK_COMMAND_STOP = 3 };
enum { LINK_FLAG_CERTIFIED = 1, LINK_FLAG_DUPLICATE = 2, LINK_FLAG_RAMPING = 4 };
enum { LINK_LEAVE_ASKED = 0, LINK_LEAVE_SHUTDOWN = 1, LINK_LEAVE_DUPLICATE = 2 };
enum { LINK_REFUSE_VERSION, LINK_REFUSE_BOARD, LINK_REFUSE_RANGE, LINK_REFUSE_UNKNOWN, LINK_REFUSE_NOT_NOW };
enum { LINK_IMAGE_BUILTIN, LINK_IMAGE_A, LINK_IMAGE_B };
enum { LINK_IMAGE_CONFIRMED, LINK_IMAGE_ON_TRIAL, LINK_IMAGE_ROLLED_BACK };
enum {
    LINK_CAUSE_POWER,
    LINK_CAUSE_ASKED,
    LINK_CAUSE_WATCHDOG,
    LINK_CAUSE_UPDATE,
    LINK_CAUSE_CRASH,
    LINK_CAUSE_ROLLBACK,
    LINK_CAUSE_SETTINGS
};
enum { LINK_RESET_RESTART, LINK_RESET_OTHER_SLOT, LINK_RESET_FORGET };
enum { LINK_ASK_SLOTS, LINK_ASK_LOG };

#define LINK_BOARD_NEW                                                                                       \
    65535 /* the board id of every board that is not enrolled; its name is LINK_NAME_NEW                     \
           */
#define LINK_NAME_NEW "new"

/* Bounds that are not in a frame. */
#define LINK_SETTINGS_MAX  4096
#define LINK_LOG_LINES_MAX 64

/* A PARAMETER that is not given. */
#define LINK_UNCHANGED UINT32_MAX

struct link_message {
    enum link_type type;
    uint16_t source; /* the board that said it; 0 from a host. DISPATCH keeps its origin's on the way down */
    union {
#define LINK_UNION(number, NAME, name, reliable, text) struct link_##name name;
        LINK_MESSAGES(LINK_UNION)
#undef LINK_UNION
    };
};

/* Writes the payload of `message` to `w`. BB_RANGE when the type is unknown, a text, blob or list is too
 * long, a text is not clean UTF-8 or a coded field has no such value; what `w` then holds is to be thrown
 * away. */
BB_MUST_CHECK enum status link_encode(const struct link_message *message, struct writer *w);

/* Reads the payload of a message of `type`; a BLOB is borrowed from it. BB_NOT_FOUND: no such type;
 * BB_MALFORMED: too short, too long, or a text with control characters or broken UTF-8; BB_RANGE: a coded
 * field has no such value. */
BB_MUST_CHECK enum status link_decode(uint8_t type, uint16_t source, struct bytes payload,
                                      struct link_message *out);

/* True when the table has a message with this number. */
bool link_known(uint8_t type);

/* True when messages of this type are sent reliably; false for unknown ones. */
bool link_reliable(uint8_t type);

/* The name in the table ("HELLO"), "?" for an unknown type. Static storage. */
const char *link_type_word(uint8_t type);

/* Copies `text` into a TEXT member of `capacity` bytes, cut before the character that does not fit. */
void link_set_text(char *member, size_t capacity, const char *text);

#endif

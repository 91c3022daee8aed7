#include "agents/mqtt/topic.h"

const char *topic_fault_text(enum topic_fault fault)
{
    static const char *const texts[] = {
        [TOPIC_FINE] = "is a topic",
        [TOPIC_EMPTY] = "is empty",
        [TOPIC_LONG] = "is longer than 1024 bytes",
        [TOPIC_DEEP] = "has more than 200 levels",
        [TOPIC_LETTERS] = "is not UTF-8 or holds control characters",
        [TOPIC_WILDCARD] = "holds + or #",
        [TOPIC_RESERVED] = "begins with $, which belongs to the MQTT broker",
    };
    return texts[fault];
}

/* Takes one character off the front; false when there is no well-formed one. Source: RFC 3629 §4. */
static bool next_letter(struct bytes *bytes, uint32_t *letter_out)
{
    static const uint32_t lowest[] = {0, 0x80, 0x800, 0x10000};
    uint8_t first = bytes->data[0];
    size_t more = first < 0x80             ? 0
                  : (first & 0xe0) == 0xc0 ? 1
                  : (first & 0xf0) == 0xe0 ? 2
                  : (first & 0xf8) == 0xf0 ? 3
                                           : SIZE_MAX;
    if (more >= bytes->size)
        return false;
    uint32_t letter = more == 0 ? first : first & (0x3fu >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((bytes->data[i] & 0xc0) != 0x80)
            return false;
        letter = letter << 6 | (bytes->data[i] & 0x3f);
    }
    if (letter < lowest[more] || letter > 0x10ffff || (letter >= 0xd800 && letter <= 0xdfff))
        return false;
    bytes->data += more + 1;
    bytes->size -= more + 1;
    *letter_out = letter;
    return true;
}

bool topic_is_text(struct bytes bytes)
{
    uint32_t letter = 0;
    while (bytes.size > 0)
        if (!next_letter(&bytes, &letter) || letter == 0)
            return false;
    return true;
}

static bool is_control(uint32_t letter)
{
    return letter < 0x20 || (letter >= 0x7f && letter <= 0x9f) || (letter >= 0xfdd0 && letter <= 0xfdef) ||
           (letter & 0xfffe) == 0xfffe;
}

enum topic_fault topic_check_bus(struct bytes topic)
{
    uint32_t letter = 0;
    if (topic.size == 0)
        return TOPIC_EMPTY;
    if (topic.size > TOPIC_MAX)
        return TOPIC_LONG;
    while (topic.size > 0)
        if (!next_letter(&topic, &letter) || is_control(letter))
            return TOPIC_LETTERS;
    return TOPIC_FINE;
}

enum topic_fault topic_check_mqtt(struct bytes topic)
{
    size_t levels = 1;
    enum topic_fault fault = topic_check_bus(topic);
    if (fault != TOPIC_FINE)
        return fault;
    if (topic.data[0] == '$')
        return TOPIC_RESERVED;
    for (size_t i = 0; i < topic.size; i++) {
        if (topic.data[i] == '+' || topic.data[i] == '#')
            return TOPIC_WILDCARD;
        levels += topic.data[i] == '/';
    }
    return levels > TOPIC_LEVELS_MAX ? TOPIC_DEEP : TOPIC_FINE;
}

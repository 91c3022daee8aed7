#include "market/accounts.h"

#include <busbar/check.h>

/* Records of by_address: an account's number, or RETIRED + a retired key's. */
#define RETIRED (1u << 31)

static uint64_t hash_of(const struct address *address)
{
    uint64_t first, second;
    uint32_t last;
    memcpy(&first, address->bytes, 8);
    memcpy(&second, address->bytes + 8, 8);
    memcpy(&last, address->bytes + 16, 4);
    return table_mix(first ^ (uint64_t)last << 32, second);
}

uint32_t accounts_find(const struct market *m, const struct address *address, uint32_t *retired_out)
{
    struct table_walk walk = table_find(&m->by_address, hash_of(address));
    if (retired_out != NULL)
        *retired_out = STATE_NONE;
    for (uint32_t record; (record = table_next(&m->by_address, &walk)) != TABLE_NONE;) {
        if (!(record & RETIRED)) {
            if (address_equal(&m->holders[record].address, address))
                return record;
        } else if (address_equal(&m->retired[record & ~RETIRED].address, address)) {
            if (retired_out != NULL)
                *retired_out = m->retired[record & ~RETIRED].account;
            return STATE_NONE;
        }
    }
    return STATE_NONE;
}

void accounts_expect_entry(const struct market *m, const struct address *address)
{
    table_expect(&m->by_address, hash_of(address));
}

void accounts_expect(const struct market *m, const struct address *address)
{
    struct table_walk walk = table_find(&m->by_address, hash_of(address));
    uint32_t record = table_next(&m->by_address, &walk);
    if (record != TABLE_NONE && !(record & RETIRED))
        __builtin_prefetch(&m->holders[record]);
}

static struct bytes name_of(const struct market *m, uint32_t index)
{
    return bytes_of(m->names[index].text);
}

uint32_t accounts_named(const struct market *m, struct bytes name)
{
    struct table_walk walk = table_find(&m->by_name, table_hash(name));
    for (uint32_t record; (record = table_next(&m->by_name, &walk)) != TABLE_NONE;)
        if (bytes_equal(name_of(m, record), name))
            return record;
    return STATE_NONE;
}

bool accounts_name_good(struct bytes name)
{
    if (name.size < 1 || name.size > MARKET_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool inner = (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
        if (!letter && (i == 0 || !inner))
            return false;
    }
    return true;
}

void accounts_add(struct market *m, const struct address *address, struct bytes name, uint8_t role)
{
    uint32_t index = m->head->accounts;
    CHECK(index < m->limits.accounts && name.size <= MARKET_NAME_MAX);
    STATE_WRITE(m, m->head);
    STATE_WRITE(m, &m->holders[index]);
    STATE_WRITE(m, &m->names[index]);
    m->head->accounts++;
    m->holders[index] = (struct holder){.address = *address, .role = role};
    m->names[index] = (struct holder_name){{0}};
    memcpy(m->names[index].text, name.data, name.size);
    if (role == ROLE_OPERATOR)
        m->head->operator_account = index + 1;
    if (role == ROLE_DISTRIBUTION)
        m->head->distribution = index + 1;
    table_put(&m->by_address, hash_of(address), index);
    table_put(&m->by_name, table_hash(name), index);
}

void accounts_add_retired(struct market *m, const struct address *address, uint32_t index)
{
    uint32_t number = m->head->retired;
    CHECK(number < m->limits.accounts);
    STATE_WRITE(m, m->head);
    STATE_WRITE(m, &m->retired[number]);
    m->head->retired++;
    m->retired[number] = (struct retired_key){*address, index, 0};
    table_put(&m->by_address, hash_of(address), RETIRED | number);
}

void accounts_rekey(struct market *m, uint32_t index, const struct address *successor)
{
    struct address old = m->holders[index].address;
    table_take(&m->by_address, hash_of(&old), index);
    accounts_add_retired(m, &old, index);
    STATE_WRITE(m, &m->holders[index]);
    m->holders[index].address = *successor;
    m->holders[index].revoked = false;
    table_put(&m->by_address, hash_of(successor), index);
}

static void touch(struct market *m, uint32_t index)
{
    if (m->touched_in[index] == m->action)
        return;
    m->touched_in[index] = m->action;
    m->touched[m->touched_count++] = index;
}

void accounts_add_to(struct market *m, uint32_t index, struct accounts_change change)
{
    struct holder *h = &m->holders[index];
    STATE_WRITE(m, h);
    bool fits = money_add(h->money, change.money, &h->money) &&
                money_add(h->escrow, change.escrow, &h->escrow) &&
                energy_add(h->energy, change.energy, &h->energy) &&
                energy_add(h->on_sale, change.on_sale, &h->on_sale);
    CHECK(fits && h->escrow.nano >= 0 && h->escrow.nano <= h->money.nano && h->on_sale.wh >= 0 &&
          h->on_sale.wh <= h->energy.wh);
    m->money_moved.nano += change.money.nano;
    m->energy_moved.wh += change.energy.wh;
    if (change.money.nano != 0 || change.escrow.nano != 0 || change.energy.wh != 0 || change.on_sale.wh != 0)
        touch(m, index);
}

#include "agents/uart/topology.h"

static enum status add(struct site_board *board, uint16_t id)
{
    if (site_are_neighbours(board, id))
        return BB_OK;
    if (board->neighbour_count == BB_NEIGHBOURS_MAX)
        return BB_FULL;
    board->neighbours[board->neighbour_count++] = id;
    return BB_OK;
}

enum status topology_link(struct site *site, size_t a, size_t b)
{
    if (a == b)
        return BB_OK;
    enum status status = add(&site->boards[a], site->boards[b].id);
    return status == BB_OK ? add(&site->boards[b], site->boards[a].id) : status;
}

enum status topology_circulant(struct site *site, const size_t *offsets, size_t count)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < site->count && status == BB_OK; i++)
        for (size_t j = 0; j < count && status == BB_OK; j++)
            status = topology_link(site, i, (i + offsets[j]) % site->count);
    return status;
}

enum status topology_complete(struct site *site)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < site->count && status == BB_OK; i++)
        for (size_t j = i + 1; j < site->count && status == BB_OK; j++)
            status = topology_link(site, i, j);
    return status;
}

void topology_sort(struct site *site)
{
    for (size_t i = 0; i < site->count; i++) {
        struct site_board *board = &site->boards[i], before = *board;
        board->neighbour_count = 0;
        for (size_t j = 0; j < site->count; j++)
            if (site_are_neighbours(&before, site->boards[j].id))
                board->neighbours[board->neighbour_count++] = site->boards[j].id;
    }
}

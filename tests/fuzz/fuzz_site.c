/* A hostile site file: refused with a reason, or a neighbourhood in which everybody is whose neighbour both
 * ways, and nobody his own. */
#include "agents/uart/site.h"

#include <busbar/check.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct site site;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_board(const struct site_board *board)
{
    CHECK(board->id != 0 && board->name[0] != '\0' && board->topic[0] != '\0');
    CHECK(memchr(board->name, '\0', sizeof board->name) != NULL);
    CHECK(site_by_id(&site, board->id) == board && site_by_name(&site, board->name) == board);
    CHECK(board->neighbour_count <= BB_NEIGHBOURS_MAX);
    for (size_t i = 0; i < board->neighbour_count; i++) {
        const struct site_board *other = site_by_id(&site, board->neighbours[i]);
        CHECK(other != NULL && other != board && site_are_neighbours(other, board->id));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    int fd = memfd_create("site", 0);
    CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    CHECK(snprintf(path, sizeof path, "/proc/self/fd/%d", fd) < (int)sizeof path);
    struct bb_reason reason = {""};
    enum status status = site_load(path, &site, &reason);
    close(fd);
    if (status != BB_OK) {
        CHECK(reason.text[0] != '\0');
        return 0;
    }
    CHECK(site.count <= BB_BOARDS_MAX);
    for (size_t i = 0; i < site.count; i++)
        check_board(&site.boards[i]);
    return 0;
}

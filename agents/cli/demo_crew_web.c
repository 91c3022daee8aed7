#include "agents/cli/demo_crew.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Ports that are tried when none is asked for: several demos may run on one machine. */
#define TRIES "100"

bool demo_crew_web_wanted(const char *where, bool once)
{
    return where == NULL ? !once : strcmp(where, "none") != 0;
}

static void address_file(const char *home, char *path, size_t size)
{
    snprintf(path, size, "%s/run/web.address", home);
}

enum status demo_crew_web_start(struct crew *crew, const char *where, struct bb_reason *reason)
{
    char program[1024], path[512];
    enum status status = crew_find("busbar-webd", reason, program, sizeof program);
    if (status != BB_OK)
        return status;
    /* What an earlier demo may have left here. */
    address_file(crew->home, path, sizeof path);
    (void)!unlink(path);
    const char *const words[] = {program,
                                 "--home",
                                 crew->home,
                                 "--listen",
                                 where == NULL ? "127.0.0.1:8087" : where,
                                 "--listen-tries",
                                 where == NULL ? TRIES : "1",
                                 NULL};
    return crew_start(crew, "busbar-webd", words, reason);
}

bool demo_crew_web_url(const char *home, char *url_out)
{
    char path[512];
    address_file(home, path, sizeof path);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool read = fgets(url_out, DEMO_CREW_URL_SIZE, file) != NULL;
    fclose(file);
    if (read)
        url_out[strcspn(url_out, "\r\n")] = '\0';
    return read;
}

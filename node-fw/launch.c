#include "node-fw/launch.h"

#include "node-fw/link/crc.h"
#include "node-fw/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PART  4096u
#define WORDS 24

static bool write_all(int fd, struct bytes part)
{
    while (part.size > 0) {
        ssize_t n = write(fd, part.data, part.size);
        if (n <= 0)
            return false;
        part.data += n;
        part.size -= (size_t)n;
    }
    return true;
}

/* Copies a slot's image to memory; its descriptor, or −1 with a reason. */
static int load_image(const struct launch *l, const char **why)
{
    const struct image_slot *slot = images_slot(&l->card->images, l->image);
    uint8_t part[PART];
    uint32_t crc = 0;
    int fd = memfd_create("busbar-node", 0);
    bool whole = fd >= 0;
    *why = "there is no memory for it";
    for (uint32_t at = 0; whole && at < slot->size; at += PART) {
        uint32_t size = slot->size - at < PART ? slot->size - at : PART;
        *why = "it cannot be read or copied";
        whole = card_read_slot(l->card, l->image, at, part, size) == BB_OK &&
                write_all(fd, (struct bytes){part, size});
        crc = whole ? crc_32(crc, (struct bytes){part, size}) : crc;
    }
    if (whole && crc == slot->crc32)
        return fd;
    if (whole)
        *why = "its CRC-32 is another one";
    if (fd >= 0)
        close(fd);
    return -1;
}

bool launch_words(char *text, char *const *last, char **words, size_t room)
{
    size_t count = 0;
    for (char *word = strsep(&text, " "); word; word = strsep(&text, " ")) {
        if (*word == '\0')
            continue;
        if (count + 1 >= room)
            return false;
        words[count++] = word;
    }
    for (; *last; last++) {
        if (count + 1 >= room)
            return false;
        words[count++] = *last;
    }
    words[count] = NULL;
    return true;
}

/* In the child: becomes the image. Returns only when it cannot. */
static void execute(const struct launch *l, int image, int tether)
{
    char number[16], path[40], port[512], runner[512];
    snprintf(number, sizeof number, "%d", tether);
    snprintf(path, sizeof path, "/proc/self/fd/%d", image);
    snprintf(port, sizeof port, "%s", l->port);
    char name[] = "busbar-node", option[] = "--worker", port_option[] = "--port";
    char *const own[] = {l->runner ? path : name, option, number, port_option, port, NULL};
    char *words[WORDS];
    extern char **environ;
    if (!l->runner) {
        fexecve(image, own, environ);
        return;
    }
    snprintf(runner, sizeof runner, "%s", l->runner);
    if (launch_words(runner, own, words, WORDS))
        execvp(words[0], words);
}

/* In the child. */
static _Noreturn void be_worker(const struct launch *l, int image, const int *pair, pid_t supervisor)
{
    int tether = pair[1];
    sigset_t none;
    sigemptyset(&none);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor)
        _exit(1);
    close(pair[0]);
    for (size_t i = 0; i < sizeof l->keep_out / sizeof *l->keep_out; i++)
        if (l->keep_out[i] >= 0)
            close(l->keep_out[i]);
    if (l->image == IMAGE_BUILTIN)
        _exit(worker_run_tether(tether, l->port, true));
    (void)fcntl(tether, F_SETFD, 0);
    execute(l, image, tether);
    _exit(LAUNCH_NOT_EXECUTED);
}

pid_t launch_worker(const struct launch *launch, int *tether_out, const char **why_out)
{
    int pair[2], image = -1;
    if (launch->image != IMAGE_BUILTIN && (image = load_image(launch, why_out)) < 0)
        return 0;
    *why_out = "there is no room for another process";
    pid_t supervisor = getpid(), pid = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
        pid = fork();
        if (pid == 0)
            be_worker(launch, image, pair, supervisor);
        close(pair[1]);
        if (pid > 0)
            *tether_out = pair[0];
        else
            close(pair[0]);
    }
    if (image >= 0)
        close(image);
    return pid > 0 ? pid : 0;
}

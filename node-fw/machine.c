#include "node-fw/machine.h"

#include "node-fw/clock.h"
#include "node-fw/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT_MAX 4096

static const struct {
    const char *type, *where;
} systems[] = {{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}};

static void mount_all(void)
{
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
        mkdir(systems[i].where, 0755);
        if (mount(systems[i].type, systems[i].where, systems[i].type, MS_NOSUID | MS_NOEXEC, NULL) != 0 &&
            errno != EBUSY)
            journal_say(clock_mono(), "not-mounted", "where=%s reason=\"%s\"", systems[i].where,
                        strerror(errno));
    }
}

static void write_word(const char *path, const char *word)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, word, strlen(word)) < 0)
        journal_say(clock_mono(), "not-set", "what=%s", path);
    close(fd);
}

/* Standard error becomes the kernel's log, whose console may be the link's own wire: what is said there must
 * go through the kernel's level. */
static void redirect(void)
{
    int null = open("/dev/null", O_RDWR), log = open("/dev/kmsg", O_WRONLY);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
    }
    if (log >= 0)
        dup2(log, STDERR_FILENO);
    if (null > STDERR_FILENO)
        close(null);
    if (log > STDERR_FILENO)
        close(log);
    write_word("/proc/sys/kernel/printk_devkmsg", "on\n");
    /* A break and a letter on a console's wire must not stop the board. */
    write_word("/proc/sys/kernel/sysrq", "0\n");
}

/* The first TEXT_MAX − 1 bytes of a file as a text; "" when it cannot be read. */
static const char *read_text(const char *path, char *text)
{
    size_t size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t n = 1; fd >= 0 && n > 0 && size<TEXT_MAX - 1; size += n> 0 ? (size_t)n : 0)
        n = read(fd, text + size, TEXT_MAX - 1 - size);
    if (fd >= 0)
        close(fd);
    text[size] = '\0';
    return text;
}

static void load_module(const char *path, const char *parameters)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    long result = fd < 0 ? -1 : syscall(SYS_finit_module, fd, parameters, 0);
    if (result != 0 && errno != EEXIST)
        journal_say(clock_mono(), "module-not-loaded", "file=%s reason=\"%s\"", path, strerror(errno));
    else
        journal_say(clock_mono(), "module", "file=%s", path);
    if (fd >= 0)
        close(fd);
}

static void load_modules(void)
{
    char text[TEXT_MAX], *rest = text;
    if (chdir("/") != 0)
        return;
    read_text("/modules", text);
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        char *parameters = line;
        char *file = strsep(&parameters, " \t");
        if (*file != '\0' && *file != '#')
            load_module(file, parameters ? parameters : "");
    }
}

static void take_path(const char *value, char *out)
{
    if (strlen(value) < MACHINE_PATH && *value != '\0')
        memcpy(out, value, strlen(value) + 1);
}

static void take_seconds(const char *value, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long seconds = strtoul(value, &end, 10);
    if (errno == 0 && end != value && *end == '\0' && *value != '-' && seconds <= 3600)
        *out = (uint32_t)seconds;
}

static void take_word(const char *word, struct machine_words *words)
{
    const struct {
        const char *key;
        char *path;
        uint32_t *seconds;
    } keys[] = {{"busbar.tty=", words->tty, NULL},
                {"busbar.card=", words->card, NULL},
                {"busbar.watchdog=", NULL, &words->watchdog_s},
                {"busbar.trial=", NULL, &words->trial_s}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t size = strlen(keys[i].key);
        if (strncmp(word, keys[i].key, size) != 0)
            continue;
        if (keys[i].path)
            take_path(word + size, keys[i].path);
        else
            take_seconds(word + size, keys[i].seconds);
    }
}

void machine_read_words(const char *line, struct machine_words *words)
{
    char text[TEXT_MAX], *rest = text;
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strsep(&rest, " \t\n"); word; word = strsep(&rest, " \t\n"))
        take_word(word, words);
}

void machine_begin(struct machine_words *words_out)
{
    char text[TEXT_MAX];
    *words_out =
        (struct machine_words){.tty = "/dev/ttyS0", .card = "memory", .watchdog_s = 16, .trial_s = 30};
    mount_all();
    redirect();
    load_modules();
    machine_read_words(read_text("/proc/cmdline", text), words_out);
}

void machine_reboot(void)
{
    sync();
    reboot(RB_AUTOBOOT);
    for (;;)
        pause(); /* the watchdog, or the operator */
}

#include "agents/cli/passphrase.h"

#include "agents/cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* The signals that would end the program while the terminal does not echo; Ctrl-Z does nothing meanwhile. */
static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
#define SIGNAL_COUNT (sizeof SIGNALS / sizeof *SIGNALS)

static void catch_signals(struct sigaction before[SIGNAL_COUNT])
{
    interrupted = 0;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        struct sigaction action = {.sa_handler = SIGNALS[i] == SIGTSTP ? SIG_IGN : on_signal};
        sigemptyset(&action.sa_mask);
        sigaction(SIGNALS[i], &action, &before[i]);
    }
}

static void release_signals(const struct sigaction before[SIGNAL_COUNT])
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        sigaction(SIGNALS[i], &before[i], NULL);
}

/* A line from the terminal without its end; false: the end of input, an error or a signal. */
static bool read_line(int tty, struct passphrase *out)
{
    out->size = 0;
    while (!interrupted) {
        char c;
        ssize_t got = read(tty, &c, 1);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        if (got < 0)
            continue;
        if (c == '\n')
            return true;
        if (out->size <= PASSPHRASE_MAX)
            out->text[out->size++] = c;
    }
    return false;
}

/* Asks once; the terminal is as it was afterwards, whatever happens. */
static enum exit_code ask(const struct call *call, int tty, const char *prompt, const char *name,
                          struct passphrase *out)
{
    struct termios shown, silent;
    struct sigaction before[SIGNAL_COUNT];
    if (tcgetattr(tty, &shown) != 0)
        return call_fail(call, EXIT_FAILED, "the terminal: %s", strerror(errno));
    silent = shown;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    silent.c_lflag |= ICANON | ISIG;
    catch_signals(before);
    bool done = false;
    if (tcsetattr(tty, TCSAFLUSH, &silent) == 0) {
        dprintf(tty, "%s %s: ", prompt, name);
        done = read_line(tty, out);
        tcsetattr(tty, TCSAFLUSH, &shown);
        dprintf(tty, "\n");
    }
    release_signals(before);
    if (interrupted)
        return call_fail(call, EXIT_INTERRUPTED, "interrupted");
    if (!done)
        return call_fail(call, EXIT_FAILED, "no passphrase was typed");
    return EXIT_DONE;
}

static enum exit_code ask_again(const struct call *call, int tty, const char *name,
                                const struct passphrase *first)
{
    struct passphrase second;
    enum exit_code code = ask(call, tty, "the same passphrase again for", name, &second);
    if (code == EXIT_DONE && !bytes_equal(passphrase_bytes(first), passphrase_bytes(&second)))
        code = call_fail(call, EXIT_USAGE, "the two passphrases differ; nothing was done");
    passphrase_wipe(&second);
    return code;
}

static enum exit_code from_terminal(const struct call *call, const char *name, bool fresh,
                                    struct passphrase *out)
{
    int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (tty < 0)
        return call_fail(call, EXIT_USAGE,
                         "there is no terminal to ask for the passphrase: give --passphrase-file FILE or set "
                         "BUSBAR_PASSPHRASE_FILE");
    enum exit_code code = ask(call, tty, fresh ? "new passphrase for" : "passphrase for", name, out);
    if (code == EXIT_DONE && fresh && out->size > 0)
        code = ask_again(call, tty, name, out);
    close(tty);
    return code;
}

static enum exit_code from_file(const struct call *call, const char *path, struct passphrase *out)
{
    struct bb_reason reason;
    struct input input;
    enum status status = input_read(path, PASSPHRASE_MAX + 1024, &reason, &input);
    if (status != BB_OK)
        return call_fail(call, status == BB_FULL ? EXIT_USAGE : exit_of(status), "the passphrase: %s",
                         reason.text);
    size_t size = 0;
    while (size < input.size && input.text[size] != '\n')
        size++;
    if (size > 0 && size < input.size && input.text[size - 1] == '\r')
        size--;
    out->size = size <= PASSPHRASE_MAX ? size : PASSPHRASE_MAX + 1;
    memcpy(out->text, input.text, out->size);
    input_wipe(&input);
    return EXIT_DONE;
}

enum exit_code passphrase_take(const struct call *call, const char *name, bool fresh, struct passphrase *out)
{
    const char *path = call_value(call, "passphrase-file");
    enum exit_code code = path != NULL ? from_file(call, path, out) : from_terminal(call, name, fresh, out);
    if (code == EXIT_DONE && out->size > PASSPHRASE_MAX)
        code = call_fail(call, EXIT_USAGE, "the passphrase is longer than %d bytes", PASSPHRASE_MAX);
    if (code == EXIT_DONE && fresh && out->size == 0)
        code = call_fail(call, EXIT_USAGE, "the passphrase is empty; a new key needs one");
    if (code != EXIT_DONE)
        passphrase_wipe(out);
    return code;
}

void passphrase_wipe(struct passphrase *passphrase)
{
    explicit_bzero(passphrase, sizeof *passphrase);
}

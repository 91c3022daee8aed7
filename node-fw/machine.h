/* The machine when busbar-node is its first process: the file systems, the modules, the words of the kernel's
 * command line. */
#ifndef NODE_FW_MACHINE_H
#define NODE_FW_MACHINE_H

#include <stdint.h>

#define MACHINE_PATH 128

/* What busbar.* says on the command line, with what holds without it. */
struct machine_words {
    char tty[MACHINE_PATH];  /* busbar.tty=/dev/ttyS0 */
    char card[MACHINE_PATH]; /* busbar.card=memory */
    uint32_t watchdog_s;     /* busbar.watchdog=16; 0: none */
    uint32_t trial_s;        /* busbar.trial=30 */
};

/* Reads the words in `line`; what does not fit or is no number stays as it was. */
void machine_read_words(const char *line, struct machine_words *words);

/* Mounts /dev, /proc and /sys, sends what is said to the kernel's log, loads the modules that /modules lists
 * (a file and its parameters a line, # begins a comment), and reads the words. What fails is logged and gone
 * by. */
void machine_begin(struct machine_words *words_out);

/* Starts the machine again, after what is written is written. */
_Noreturn void machine_reboot(void);

#endif

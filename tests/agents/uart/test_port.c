/* One suite for both back ends. Without an argument: termios on ptys. With `serial`: libserialport,
 * unmodified, on ptys under the preload shim (tests/support/serial_shim.c), reached through a symbolic link
 * as udev makes them. */
#include "agents/uart/port.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

static bool serial;
static char folder[] = "/tmp/bb-port-XXXXXX";
static char link_path[64], spec[80];
static int master;

static int plug(void **state)
{
    (void)state;
    master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        return -1;
    unlink(link_path);
    return symlink(ptsname(master), link_path);
}

static int unplug(void **state)
{
    (void)state;
    if (master >= 0)
        close(master);
    master = -1;
    return unlink(link_path);
}

static struct port open_it(void)
{
    struct port port = PORT_CLOSED;
    struct bb_reason reason = {""};
    enum status status = port_open(spec, &port, &reason);
    if (status != BB_OK)
        print_message("%s\n", reason.text);
    assert_int_equal(status, BB_OK);
    assert_int_equal(port.serial != NULL, serial);
    return port;
}

static void bytes_pass_unchanged_both_ways(void **state)
{
    (void)state;
    struct port port = open_it();
    uint8_t out[256], in[256];
    size_t count = 0;
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)i;
    assert_int_equal(port_read(&port, in, sizeof in, &count), BB_TIMEOUT);
    assert_int_equal(port_write(&port, (struct bytes){out, sizeof out}, &count), BB_OK);
    assert_int_equal(count, sizeof out);
    assert_int_equal(poll(&(struct pollfd){master, POLLIN, 0}, 1, 5000), 1);
    assert_int_equal(read(master, in, sizeof in), sizeof in); /* raw: 3, 4, 10, 13, 17, 19 … are data */
    assert_memory_equal(in, out, sizeof out);
    assert_int_equal(write(master, out, sizeof out), sizeof out);
    assert_int_equal(poll(&(struct pollfd){port.fd, POLLIN, 0}, 1, 5000), 1);
    assert_int_equal(port_read(&port, in, sizeof in, &count), BB_OK);
    assert_int_equal(count, sizeof in);
    assert_memory_equal(in, out, sizeof out);
    assert_int_equal(port_read(&port, in, sizeof in, &count), BB_TIMEOUT);
    port_close(&port);
}

static void what_was_said_before_is_not_heard(void **state)
{
    (void)state;
    uint8_t in[64];
    size_t count = 0;
    struct port port = open_it();
    port_close(&port);
    for (int i = 0; i < 50; i++)
        assert_int_equal(write(master, "before\n", 7), 7);
    port = open_it();
    assert_int_equal(port_read(&port, in, sizeof in, &count), BB_TIMEOUT);
    assert_int_equal(write(master, "after", 5), 5);
    assert_int_equal(poll(&(struct pollfd){port.fd, POLLIN, 0}, 1, 5000), 1);
    assert_int_equal(port_read(&port, in, sizeof in, &count), BB_OK);
    assert_int_equal(count, 5);
    assert_memory_equal(in, "after", 5);
    port_close(&port);
}

static void it_is_115200_8n1_without_handshake(void **state)
{
    (void)state;
    struct port port = open_it();
    struct termios t;
    assert_int_equal(tcgetattr(port.fd, &t), 0);
    assert_int_equal(cfgetispeed(&t), B115200);
    assert_int_equal(cfgetospeed(&t), B115200);
    assert_int_equal(t.c_cflag & (CSIZE | PARENB | CSTOPB | CRTSCTS), CS8);
    assert_int_equal(t.c_iflag & (IXON | IXOFF), 0);
    port_close(&port);
}

static void a_port_is_held_alone(void **state)
{
    (void)state;
    struct port port = open_it(), other = PORT_CLOSED;
    struct bb_reason reason = {""};
    assert_int_equal(port_open(spec, &other, &reason), BB_EXISTS);
    assert_non_null(strstr(reason.text, "another process holds it"));
    assert_int_equal(other.fd, -1);
    port_close(&port);
    port_close(&port); /* harmless */
    port = open_it();
    port_close(&port);
}

static void a_reader_that_sleeps_fills_the_port_and_blocks_nobody(void **state)
{
    (void)state;
    struct port port = open_it();
    static const uint8_t block[4096];
    size_t count = 0, total = 0;
    enum status status = BB_OK;
    for (int i = 0; i < 1000 && status == BB_OK; i++) {
        status = port_write(&port, (struct bytes){block, sizeof block}, &count);
        total += status == BB_OK ? count : 0;
    }
    assert_int_equal(status, BB_TIMEOUT);
    assert_true(total > 0 && total < 1000 * sizeof block);
    port_close(&port);
}

static void an_unplugged_port_says_so(void **state)
{
    (void)state;
    struct port port = open_it();
    uint8_t in[16];
    size_t count = 0;
    close(master);
    master = -1;
    assert_int_equal(port_read(&port, in, sizeof in, &count), BB_CLOSED);
    assert_int_equal(port_write(&port, bytes_of("x"), &count), BB_CLOSED);
    port_close(&port);
    assert_int_equal(port.fd, -1);
}

static void no_such_port_is_not_found(void **state)
{
    (void)state;
    struct port port = PORT_CLOSED;
    struct bb_reason reason = {""};
    assert_int_equal(port_open(serial ? "/dev/ttyNOSUCH9" : "pty:/dev/pts/none", &port, &reason),
                     BB_NOT_FOUND);
    assert_true(strlen(reason.text) > 5);
    assert_int_equal(port_open(serial ? "/dev/null" : "pty:/dev/null", &port, &reason),
                     serial ? BB_NOT_FOUND : BB_IO);
    assert_int_equal(port.fd, -1);
}

#define PORT_TEST(f) cmocka_unit_test_setup_teardown(f, plug, unplug)

int main(int argc, char **argv)
{
    (void)argv;
    serial = argc > 1;
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(link_path, sizeof link_path, "%s/tty", folder);
    snprintf(spec, sizeof spec, "%s%s", serial ? "" : "pty:", link_path);
    const struct CMUnitTest tests[] = {
        PORT_TEST(bytes_pass_unchanged_both_ways),
        PORT_TEST(what_was_said_before_is_not_heard),
        PORT_TEST(it_is_115200_8n1_without_handshake),
        PORT_TEST(a_port_is_held_alone),
        PORT_TEST(a_reader_that_sleeps_fills_the_port_and_blocks_nobody),
        PORT_TEST(an_unplugged_port_says_so),
        PORT_TEST(no_such_port_is_not_found),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}

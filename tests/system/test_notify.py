#!/usr/bin/env python3
"""Programs under a service manager: ready when their doors are open, a fed watchdog, reloads, their end; and lines for the journal."""
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import vip
from ledger import Ledger
from neighbourhood import BIN, PATIENCE_S, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
WATCHDOG_MS = 400


class Manager:
    """What systemd does for one service: the socket, the watchdog's interval, the journal's stream."""

    def __init__(self, home, *command):
        self.path = str(pathlib.Path(home, "notify.sock"))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.log, writer = os.pipe()
        about = os.fstat(writer)
        self.popen = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stderr=writer, stdout=writer, env={
            **os.environ, "BUSBAR_HOME": str(home), "NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": str(WATCHDOG_MS * 1000),
            "JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"})
        os.close(writer)

    def hear(self, word, wait_s=PATIENCE_S):
        """The next datagram that has this assignment."""
        deadline = time.monotonic() + wait_s
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            told = self.socket.recv(4096).decode()
            if word in told.split("\n"):
                return told
        raise TimeoutError(word)

    def end(self):
        """Its exit status, and its lines."""
        self.popen.terminate()
        self.hear("STOPPING=1")
        status = self.popen.wait(PATIENCE_S)
        self.close()
        with os.fdopen(self.log) as text:
            return status, text.read().splitlines()

    def close(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        self.socket.close()
        pathlib.Path(self.path).unlink(missing_ok=True)


class Notify(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp")))
        for name in ("mqtt-agent", "federation", "modbus-agent"):
            subprocess.run([BIN / "busbar", "init", "--home", self.home, "--agent", name], check=True, stdout=subprocess.DEVNULL)
        self.doors = [f"--{name}={vip.door(self.home, name)}" for name in ("vip", "sub", "pub")]

    def manage(self, *command):
        manager = Manager(self.home, *self.confined(command))
        self.addCleanup(manager.close)
        return manager

    def confined(self, command):
        return command

    def check_lines(self, lines):
        """<N> for the journal, whose own the time is; no colour."""
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, r"^<[3-7]>level=(error|warning|info|debug) program=\S+ event=")
            self.assertNotIn("time=", line.split(" ")[0])
            self.assertNotIn("\x1b", line)

    def check(self, *command):
        manager = self.manage(*command)
        told = manager.hear("READY=1")
        self.assertRegex(told, r"\nSTATUS=\S.*")
        manager.hear("WATCHDOG=1")
        manager.hear("WATCHDOG=1")
        status, lines = manager.end()
        self.assertEqual(status, 0)
        self.check_lines(lines)

    def broker(self):
        broker = subprocess.Popen([BIN / "busbard", "--home", self.home, *self.doors], stderr=subprocess.DEVNULL)
        self.addCleanup(broker.wait)
        self.addCleanup(broker.terminate)
        wait_until((self.home / "run/vip.address").exists, PATIENCE_S, "busbard is up")

    def test_busbard_is_ready_when_its_doors_are_open(self):
        manager = self.manage(BIN / "busbard", "--home", self.home, *self.doors)
        told = manager.hear("READY=1")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.connect(str(self.home / "run/vip.sock"))  # at once: not a moment's wait
        self.assertIn("ipc://", told)
        peer = vip.Peer(self.home)
        self.addCleanup(peer.close)
        for _ in range(4):  # alone and idle, it goes on
            manager.hear("WATCHDOG=1")
        manager.popen.send_signal(signal.SIGHUP)
        self.assertRegex(manager.hear("RELOADING=1"), r"\nMONOTONIC_USEC=\d+")
        manager.hear("READY=1")
        status, lines = manager.end()
        self.assertEqual(status, 0)
        self.check_lines(lines)

    def test_nothing_is_ready_that_cannot_be(self):
        (self.home / "access.json").write_text("{")
        manager = self.manage(BIN / "busbard", "--home", self.home, *self.doors)
        self.assertEqual(manager.popen.wait(PATIENCE_S), 2)
        manager.socket.settimeout(0)
        with self.assertRaises(BlockingIOError):
            manager.socket.recv(4096)

    def test_an_agent_is_ready_when_it_is_on_the_bus(self):
        manager = self.manage(BIN / "listener-agent", "--address", f"ipc://{self.home}/run/vip.sock?serverkey="
                              + (self.home / "keys/busbard.pub").read_text().strip())
        manager.socket.settimeout(1)
        with self.assertRaises(TimeoutError):
            manager.socket.recv(4096)  # there is no broker yet

    def test_agents(self):
        self.broker()
        (self.home / "federation.json").write_text('{"platform":"here","links":[]}')
        for command in ([BIN / "federation-agent"], [BIN / "mqtt-agent", "--port", "1", "--to-mqtt", "Data/ => x/"],
                        [BIN / "historian-agent"], [BIN / "modbus-agent", "--devices", ROOT / "configs/modbus/modbus.json"],
                        [BIN / "busbar-agentd"]):
            with self.subTest(command[0].name):
                self.check(*command)

    def test_uart_agent(self):
        self.broker()
        (self.home / "site.json").write_text(
            '{"name":"one","method":"curves","topology":"complete","exchange_ms":150,"heartbeat_ms":1000,"expiry_ms":4000,'
            '"boards":[{"id":1,"name":"L1","kind":"consumer","agent":"consumer-agent","topic":"Data/consumer/consumer1"},'
            '{"id":2,"name":"DG1","kind":"generator","agent":"dg-agent","topic":"Data/dg/dg1"}]}')
        self.check(BIN / "busbar-uart-agent", "--identity", "consumer-agent", "--ports", "/nonexistent/*")

    def test_ledger(self):
        with Ledger(start=False) as ledger:
            self.home = ledger.home
            self.check(BIN / "busbar-ledgerd", "--home", ledger.home)


def sanitized():
    cache = BIN.parent / "CMakeCache.txt"
    return cache.exists() and "BUSBAR_SANITIZE:BOOL=ON" in cache.read_text()


@unittest.skipIf(sanitized(), "the sanitizers make calls of their own")
class Confined(Notify):
    """The same with the system calls alone that each program's unit leaves it."""

    def confined(self, command):
        program = pathlib.Path(command[0]).name
        units = ROOT / "configs/systemd"
        unit = units / f"{program}.service"
        if not unit.exists():
            unit = units / (f"{program}@.service" if (units / f"{program}@.service").exists() else "busbar-agent@.service")
        return ("/usr/bin/python3", ROOT / "tests/system/filtered.py", unit, *command)

    def test_the_filter_holds(self):
        unit = self.home / "strict.service"
        unit.write_text("SystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources\n")
        done = subprocess.run(["/usr/bin/python3", ROOT / "tests/system/filtered.py", unit, BIN / "busbard", "--home", self.home, *self.doors],
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, -signal.SIGABRT)
        self.assertIn("Operation not permitted", done.stderr)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Every command line of README.md works as it stands there, in a home of its own, in their order."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

from neighbourhood import BIN, PATIENCE_S, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

# ./check is the one that runs this test; that it takes its arguments is all that can be asked here.
INSTEAD = {"./check": "./check --help"}
# Lines that go on until Ctrl-C: one is left running for the lines after it, from the others a first line is awaited.
STAYS = {"./demo --home ~/busbar-demo": "Ctrl-C stops it", "busbar-agentd": "event=started",
         "historian-agent": "event=target-connected", "modbus-agent --devices configs/modbus/modbus.json": "event=device-up"}
STREAMS = ("busbar sub", "example-agent", "listener-agent")


def commands():
    return [line for block in re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL) for line in block.splitlines()]


class Readme(unittest.TestCase):
    def setUp(self):
        self.home = self.enterContext(tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp"))
        self.exports = []

    def shell(self, line, **options):
        script = "\n".join([*self.exports, line])
        environment = {**os.environ, "HOME": self.home, "NO_COLOR": "1", "BUSBAR_ETC": self.home}
        environment.pop("BUSBAR_HOME", None)
        return subprocess.Popen(["bash", "-c", script], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, text=True,
                                start_new_session=True, **options)

    def end(self, process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stay(self, line):
        log = pathlib.Path(self.home, "stays.log")
        with log.open("w") as to:
            process = self.shell(line, stdout=to, stderr=subprocess.STDOUT)
        self.addCleanup(self.end, process)
        wait_until(lambda: STAYS[line] in log.read_text(encoding="utf-8") or process.poll() is not None, PATIENCE_S, line)
        self.assertIsNone(process.poll(), log.read_text(encoding="utf-8"))

    def stream(self, line):
        process = self.shell(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        guard = time.monotonic()
        try:
            self.assertTrue(process.stdout.readline().strip())
            self.assertLess(time.monotonic() - guard, PATIENCE_S)
        finally:
            self.end(process)
            process.stdout.close()
        self.assertIn(process.returncode, (0, 130, -signal.SIGINT))

    def run_once(self, line, before=None):
        """`before`: the exit status of a question that is asked too early; it is asked again."""
        deadline = time.monotonic() + PATIENCE_S
        while (told := self.run_now(line))[0] == before and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(told[0], 0, told[1])

    def run_now(self, line):
        process = self.shell(INSTEAD.get(line, line), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            output, _ = process.communicate(timeout=2 * PATIENCE_S)
        finally:
            self.end(process)
        return process.returncode, output

    def test_every_command(self):
        lines = commands()
        self.assertGreater(len(lines), 10)
        for line in lines:
            with self.subTest(line):
                if line.startswith("export "):
                    self.exports.append(line)
                elif line in STAYS:
                    self.stay(line)
                elif line.startswith(STREAMS):
                    self.stream(line)
                elif line.startswith("busbar historian query"):
                    self.run_once(line, before=3)  # no readings yet
                else:
                    self.run_once(line)

    def test_the_example_is_the_file(self):
        blocks = re.findall(r"^```c\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
        self.assertIn((ROOT / "agents/example/example.c").read_text(encoding="utf-8"), blocks)

    def test_the_programs_are_there(self):
        self.assertTrue((BIN / "busbar").exists())


if __name__ == "__main__":
    unittest.main()

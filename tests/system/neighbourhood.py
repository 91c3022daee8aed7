"""A neighbourhood of real processes in a home of its own: boards on virtual cables, busbard with CURVE, both agents.

    with Neighbourhood(cases.TABLE_1) as town:
        town.certified()

Nothing waits by sleeping: every wait listens on the bus, or looks at a process, until a condition holds or a deadline has passed.
Logs are in <home>/log; the home is kept when BUSBAR_KEEP is set.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import zmq

import cases
import vip

BIN = pathlib.Path(os.environ.get("BUSBAR_BIN") or pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")
AGENTS = {"consumer": "consumer-agent", "generator": "dg-agent"}
# Under sanitizers and on a busy machine everything takes longer: deadlines are generous, they are not measurements.
PATIENCE_S = float(os.environ.get("BUSBAR_PATIENCE", "60"))


def wait_until(condition, wait_s, what):
    """For what cannot be heard on the bus: looks every few milliseconds."""
    deadline = time.monotonic() + wait_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {wait_s} s: {what}")
        time.sleep(0.01)


def z85_to_base64url(key):
    import base64
    from zmq.utils import z85
    return base64.urlsafe_b64encode(z85.decode(key)).decode().rstrip("=")


class Process:
    """A program of ours with its log; it is ended with the neighbourhood."""

    def __init__(self, name, arguments, home):
        self.name, self.arguments, self.home = name, [str(a) for a in arguments], home
        self.popen = None
        self.start()

    def start(self):
        environment = {**os.environ, "BUSBAR_HOME": str(self.home)}
        with open(self.home / "log" / f"{self.name}.log", "ab") as log:
            self.popen = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        """As a power cut would."""
        self.popen.kill()
        self.popen.wait()

    def stop(self):
        if self.running():
            self.popen.terminate()
            self.popen.send_signal(signal.SIGCONT)
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()

    def resident_kib(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def log(self):
        return (self.home / "log" / f"{self.name}.log").read_text(errors="replace")

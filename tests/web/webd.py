"""A broker and a busbar-webd of the test's own: ipc doors, a port that nobody has.

    with Site() as site:
        site.get("/healthz")  # Answer(status, headers, body)
"""
import collections
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import vip

BIN = pathlib.Path(os.environ.get("BUSBAR_BIN", pathlib.Path(__file__).resolve().parents[2] / "build/dev/bin"))
PATIENCE_S = 30
Answer = collections.namedtuple("Answer", "status headers body")


def eventually(check, what, wait_s=PATIENCE_S):
    deadline = time.monotonic() + wait_s
    while not (found := check()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {wait_s} s: {what}")
        time.sleep(0.02)
    return found


class Site:
    """`settings` are flags of busbar-webd. `bus` false: no broker yet, but its address is known."""

    def __init__(self, *settings, bus=True, scheme="http"):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="bw-", dir="/tmp"))
        self.environment = {**os.environ, "BUSBAR_HOME": str(self.home)}
        self.scheme, self.settings, self.processes = scheme, settings, {}
        self.busbar("init")
        self.start_broker()
        if not bus:
            self.stop("busbard")
        try:
            self.start_web()
        except Exception:
            for process in self.processes.values():
                process.kill()
                process.wait()
            shutil.rmtree(self.home)
            raise

    def busbar(self, *words, code=0):
        done = subprocess.run([BIN / "busbar", *words], env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        if done.returncode != code:
            raise AssertionError(f"busbar {' '.join(words)}: {done.returncode}: {done.stderr}")
        return done.stdout

    def start(self, name, *words):
        with open(self.home / (name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen([BIN / name, "--home", self.home, *words], env=self.environment, stdout=log, stderr=log)
        return self.processes[name]

    def start_broker(self):
        self.start("busbard", *(word for door in ("vip", "sub", "pub") for word in (f"--{door}", f"ipc://{self.home}/run/{door}.sock")))
        eventually((self.home / "run/vip.address").exists, "busbard is up: " + self.log("busbard"))

    def start_web(self):
        (self.home / "run/web.address").unlink(missing_ok=True)
        process = self.start("busbar-webd", "--listen", "127.0.0.1:0", *self.settings)
        eventually(lambda: (self.home / "run/web.address").exists() or process.poll() is not None, "busbar-webd is up")
        if process.poll() is not None:
            raise RuntimeError("busbar-webd: " + self.log("busbar-webd"))
        self.url = (self.home / "run/web.address").read_text().strip()
        self.port = int(self.url.rsplit(":", 1)[1].strip("/"))
        self.pid = process.pid

    def log(self, name):
        return (self.home / (name + ".log")).read_text()

    def stop(self, name, how=signal.SIGTERM):
        process = self.processes.pop(name)
        process.send_signal(how)
        return process.wait(PATIENCE_S)

    def request(self, method, target, body=None, headers=None, address="127.0.0.1"):
        connection = http.client.HTTPConnection(address, self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, target, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, target, **headers):
        return self.request("GET", target, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, target, document, **headers):
        return self.request("POST", target, json.dumps(document), {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}})

    def raw(self, data, wait_s=PATIENCE_S):
        """Sends bytes and reads to the end of the connection."""
        with socket.create_connection(("127.0.0.1", self.port), wait_s) as s:
            s.sendall(data)
            got = b""
            try:
                while piece := s.recv(65536):
                    got += piece
            except (ConnectionResetError, TimeoutError):
                pass
            return got

    def token(self, name, role):
        token = self.busbar("web", "token", "add", name, "--role", role).strip()
        time.sleep(1.2)  # it holds within a second; who asks with it again and again before is held up as a guesser
        return token

    def memory_kb(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError("busbar-webd has gone")

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        for name in list(self.processes)[::-1]:
            code = self.stop(name)
            if code != 0:
                raise AssertionError(f"{name} ended with {code}: {self.log(name)[-3000:]}")
        shutil.rmtree(self.home)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Stream:
    """A client of /api/v1/events."""

    def __init__(self, site, query, **headers):
        self.socket = socket.create_connection(("127.0.0.1", site.port), PATIENCE_S)
        lines = [f"GET /api/v1/events?{query} HTTP/1.1", f"Host: 127.0.0.1:{site.port}", *(f"{k}: {v}" for k, v in headers.items())]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        while self.file.readline().strip():
            pass
        self.text = b""

    def event(self, wait_s=PATIENCE_S):
        """The next (channel, data); None at the end of the stream."""
        self.socket.settimeout(wait_s)
        while b"\n\n" not in self.text:
            size = int(self.file.readline() or b"0", 16)
            if size == 0:
                return None
            self.text += self.file.read(size)
            self.file.readline()
        piece, self.text = self.text.split(b"\n\n", 1)
        fields = dict(line.split(b": ", 1) for line in piece.split(b"\n"))
        return (fields[b"event"].decode(), json.loads(fields[b"data"])) if b"event" in fields else self.event(wait_s)

    def until(self, condition, what, wait_s=PATIENCE_S):
        deadline = time.monotonic() + wait_s
        while (left := deadline - time.monotonic()) > 0:
            event = self.event(left)
            if event is None or condition(*event):
                return event
        raise TimeoutError(f"not within {wait_s} s: {what}")

    def close(self):
        self.file.close()
        self.socket.close()


def peer(site, identity="cli.test", key="cli"):
    return vip.Peer(site.home, identity, key)


def board(name, number, **values):
    """A board object as the uart agents publish it."""
    return {"board": number, "name": name, "kind": "consumer", "agent": "consumer-agent", "online": True, "mode": "automatic", "kw": 1.5, "setpoint_kw": 1.5,
            "lambda": 7.371025, "residual_kw": 0, "mismatch_kw": 0, "digest": "0123456789abcdef", "certified": True, "depth": 4, "certified_depth": 9,
            "exchange": 12, "incarnation": 1, "live": 16, "neighbours_live": 4, "bad_frames": 0, "uptime_s": 3, "port": "pty:/x", **values}

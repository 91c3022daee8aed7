"""A home with busbard and busbar-agentd, and bundles made here from the format alone (docs/platform.md), without Busbar's own code."""
import base64
import hashlib
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import zmq
from zmq.utils import z85

import vip

BIN = pathlib.Path(os.environ.get("BUSBAR_BIN") or pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")
PATIENCE_S = 30


def eventually(check, what, wait_s=PATIENCE_S):
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        value = check()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("never: " + what)


def text_of(key):
    return base64.urlsafe_b64encode(z85.decode(key)).decode().rstrip("=")


def header(path, size, mode):
    """A ustar header as bundles have them: owner 0, time 0."""
    fields = [path.encode().ljust(100, b"\0"), b"%06o \0" % mode, b"000000 \0", b"000000 \0", b"%011o " % size, b"%011o " % 0, b" " * 8, b"0",
              b"\0" * 100, b"ustar\0" b"00", b"\0" * 64, b"000000 \0", b"000000 \0", b"\0" * 155]
    fields[6] = b"%06o\0 " % sum(b"".join(fields))
    return b"".join(fields).ljust(512, b"\0")


def bundle(files, **manifest):
    """The bytes of an unsigned bundle: `files` is {path: text or bytes}, those that begin with `#!` or are bytes are executable."""
    entries = {"manifest.json": (json.dumps({"version": 1, "release": "1.0.0", **manifest}).encode(), 0o644)}
    for path, text in files.items():
        data = text if isinstance(text, bytes) else text.encode()
        entries[path] = (data, 0o755 if data[:2] == b"#!" or isinstance(text, bytes) else 0o644)
    contents = "".join(f"{hashlib.sha256(data).hexdigest()} {mode:04o} {len(data)} {path}\n"
                       for path, (data, mode) in sorted(entries.items(), key=lambda e: e[0].encode()))
    order = ["manifest.json", "contents", *sorted((p for p in entries if p != "manifest.json"), key=str.encode)]
    entries["contents"] = (contents.encode(), 0o644)
    out = io.BytesIO()
    for path in order:
        data, mode = entries[path]
        out.write(header(path, len(data), mode) + data + b"\0" * (-len(data) % 512))
    return out.getvalue() + b"\0" * 1024


class Home:
    """`boss`'s key has the capability agents; `guest`'s has none. The key `cli` is the boss's, too."""

    def __init__(self, prefix="host", landlock=True):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=f"{prefix}.", dir="/tmp"))
        (self.home / "keys").mkdir(mode=0o700)
        self.log = open(self.home / "log", "ab")
        self.broker = self.agentd = None
        self.landlock, self.peers, entries = landlock, [], []
        for name, identities, capabilities in (("busbard", [], []), ("agentd", ["agentd"], ["admin"]),
                                               ("boss", ["boss", "boss.*"], ["agents", "admin"]), ("guest", ["guest"], [])):
            public, secret = zmq.curve_keypair()
            path = self.home / "keys" / f"{name}.json"
            path.touch(mode=0o600)
            path.write_text(json.dumps({"public": text_of(public), "secret": text_of(secret)}))
            if name == "busbard":
                (self.home / "keys/busbard.pub").write_text(text_of(public) + "\n")
                continue
            entries.append({"key": text_of(public), "identities": identities, "publish": [""], "subscribe": [""],
                            "capabilities": capabilities})
        (self.home / "access.json").write_text(json.dumps({"version": 1, "entries": entries}))
        (self.home / "signers.json").write_text(json.dumps({"version": 1, "signers": [], "unsigned": True}))

    def start_broker(self):
        (self.home / "run/vip.address").unlink(missing_ok=True)
        doors = [f"--{name}={vip.door(self.home, name)}" for name in ("vip", "sub", "pub")]  # no port that another one may have
        self.broker = subprocess.Popen([BIN / "busbard", "--home", self.home, *doors], stdout=self.log, stderr=self.log)
        eventually(lambda: (self.home / "run/vip.address").exists(), "busbard")

    def start_agentd(self, *arguments):
        flags = [] if self.landlock else ["--landlock=false"]
        self.agentd = subprocess.Popen([BIN / "busbar-agentd", "--home", self.home, *flags, *arguments], stdout=self.log, stderr=self.log)

    def start(self):
        self.start_broker()
        self.start_agentd()
        self.boss = self.peer("boss", "boss")
        eventually(lambda: self.answers(), "agentd")

    def peer(self, identity, key):
        self.peers.append(vip.Peer(self.home, identity, key))
        return self.peers[-1]

    def answers(self):
        try:
            return self.call("agent.list", wait_s=1) is not None
        except (vip.Refused, TimeoutError):
            return False

    def call(self, method, peer=None, wait_s=PATIENCE_S, **params):
        return (peer or self.boss).call("agentd", method, params, wait_s=wait_s)

    def call_all(self, method, calls, wait_s=PATIENCE_S):
        """The same method many times, all under way at once; the results in the order of the calls."""
        numbers = {}
        for i, params in enumerate(calls):
            request = {"jsonrpc": "2.0", "id": f"{i}-{time.monotonic_ns()}", "method": method, "params": params}
            numbers[request["id"]] = i
            self.boss.send("agentd", "RPC", json.dumps(request))
        results, deadline = {}, time.monotonic() + wait_s
        while len(results) < len(calls) and time.monotonic() < deadline:
            got = self.boss.receive("RPC", deadline - time.monotonic())
            if got is None or got[0] == "error":
                break
            answer = json.loads(got[1])
            if answer.get("id") in numbers:
                results[numbers[answer["id"]]] = answer.get("result") or vip.Refused(answer["error"])
        assert len(results) == len(calls), f"{method}: {len(results)} of {len(calls)} answers"
        return [results[i] for i in range(len(calls))]

    def upload(self, data, piece=200000):
        upload = self.call("upload.open", size=len(data), sha256=hashlib.sha256(data).hexdigest())["upload"]
        for at in range(0, len(data), piece):
            self.call("upload.write", upload=upload, offset=at, data=base64.b64encode(data[at:at + piece]).decode())
        return upload

    def install(self, data, **params):
        return self.call("agent.install", upload=self.upload(data), **params)["agent"]

    def agent(self, name):
        return self.call("agent.show", name=name)["agent"]

    def state(self, name):
        return self.agent(name)["state"]

    def logs(self, name):
        return [line["text"] for line in self.call("agent.logs", name=name, after=-1, max=1000)["lines"]]

    def kill(self, process):
        process.kill()
        process.wait()

    def stop(self):
        for peer in self.peers:
            peer.close()
        for process in (self.agentd, self.broker):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(PATIENCE_S)
                except subprocess.TimeoutExpired:
                    self.kill(process)
        self.log.close()
        text = (self.home / "log").read_text(errors="replace")
        subprocess.run(["chmod", "-R", "u+w", self.home], check=False)
        shutil.rmtree(self.home, ignore_errors=True)
        return text

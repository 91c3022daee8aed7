"""Platforms linked with each other: real busbards and federation-agents, keys of their own, spoken to by plain pyzmq peers."""
import base64
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import zmq
from zmq.utils import z85

BIN = pathlib.Path(os.environ.get("BUSBAR_BIN") or pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")
PATIENCE_S = 30
QUIET_S = 0.6
CONTEXT = zmq.Context.instance()


def text_of(key):
    return base64.urlsafe_b64encode(z85.decode(key)).decode().rstrip("=")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def eventually(check, what, wait_s=PATIENCE_S):
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        value = check()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("never: " + what)


class Platform:
    """A home, its busbard and its federation-agent. `peer`'s key may do everything; a guest's key only be a guest."""

    def __init__(self, name):
        self.name, self.port = name, free_port()
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=f"fed-{name}.", dir="/tmp"))
        (self.home / "keys").mkdir(mode=0o700)
        self.broker = self.agent = None
        self.durable = []  # topics that its broker keeps
        self.log = open(self.home / "log", "ab")
        self.keys, self.entries, self.links = {}, [], []
        for key in ("busbard", "peer", "federation", f"federation.{name}"):
            self.make_key(key)
        self.admit("peer", ["peer", "p.*", "meter", "cli", "cli.*"], publish=[""], subscribe=[""])
        self.admit("federation", ["federation"], publish=[""], subscribe=[""])

    def make_key(self, name):
        self.keys[name] = zmq.curve_keypair()
        path = self.home / "keys" / f"{name}.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps({"public": text_of(self.keys[name][0]), "secret": text_of(self.keys[name][1])}))

    def admit(self, key, identities, publish=(), subscribe=(), public=None):
        self.entries.append({"key": text_of(public or self.keys[key][0]), "identities": identities,
                             "publish": list(publish), "subscribe": list(subscribe)})
        self.write_access()

    def write_access(self):
        part = self.home / "access.part"
        part.write_text(json.dumps({"version": 1, "entries": self.entries}))
        part.rename(self.home / "access.json")

    def address(self, port=None):
        return f"tcp://127.0.0.1:{port or self.port}?serverkey={text_of(self.keys['busbard'][0])}"

    def link(self, other, dials=False, port=None, **rules):
        """Adds a link of this platform's own rules; the one that dials is admitted as a guest over there."""
        link = {"platform": other.name, **{"export": [""], "import": [""], **rules}}
        if dials:
            link["address"] = other.address(port)
            other.admit(None, [f"federation.{self.name}"], public=self.keys[f"federation.{self.name}"][0])
        self.links.append(link)

    def start_broker(self):
        (self.home / "busbard.json").write_text(json.dumps({"durable": self.durable} if self.durable else {}))
        (self.home / "run/vip.address").unlink(missing_ok=True)
        self.broker = subprocess.Popen([BIN / "busbard", "--home", self.home, "--vip", f"tcp://127.0.0.1:{self.port}",
                                        "--sub", f"ipc://{self.home}/run/sub.sock", "--pub", f"ipc://{self.home}/run/pub.sock",
                                        "--instance-name", self.name],
                                       stdout=self.log, stderr=self.log)
        eventually(lambda: (self.home / "run/vip.address").exists(), "busbard " + self.name)

    def start_agent(self, **more):
        (self.home / "federation.json").write_text(
            json.dumps({"platform": self.name, "links": self.links, "hello_ms": 200, **more}))
        self.agent = subprocess.Popen([BIN / "federation-agent", "--home", self.home], stdout=self.log, stderr=self.log)

    def shown(self, *words):
        """What `busbar` prints."""
        (self.home / "keys/cli.json").write_bytes((self.home / "keys/peer.json").read_bytes())
        (self.home / "keys/cli.json").chmod(0o600)
        (self.home / "keys/busbard.pub").write_text(text_of(self.keys["busbard"][0]) + "\n")
        run = subprocess.run([BIN / "busbar", *words, "--home", self.home], capture_output=True, text=True, timeout=PATIENCE_S,
                             env={**os.environ, "BUSBAR_VIP": ""})
        assert run.returncode == 0, run.stderr
        return run.stdout

    def report(self, peer):
        return peer.call("federation", "platforms")["result"]

    def stop(self):
        codes = []
        for process in (self.agent, self.broker):
            if process is None:
                continue
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
            codes.append(process.wait(PATIENCE_S))
        self.log.close()
        text = (self.home / "log").read_text()
        shutil.rmtree(self.home)
        return codes, text


class Peer:
    """A peer of one platform; hears what it subscribed, answers what it serves when asked to."""

    def __init__(self, platform, identity="peer", key="peer", subscribe=(), wait_s=PATIENCE_S):
        self.platform, self.identity = platform, identity
        self.socket = CONTEXT.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        self.socket.setsockopt(zmq.RCVHWM, 0)
        self.socket.curve_serverkey = platform.keys["busbard"][0]
        self.socket.curve_publickey, self.socket.curve_secretkey = key if isinstance(key, tuple) else platform.keys[key]
        self.socket.connect(f"tcp://127.0.0.1:{platform.port}")
        self.heard, self.other, self.serial = [], [], 0
        self.send("", "hello", "hello")
        self.wait(lambda f: f[4] in ("hello", "error"), wait_s)
        for prefix in subscribe:
            self.send("", "pubsub", "subscribe", json.dumps({"prefix": prefix, "bus": ""}))
            self.wait(lambda f: f[4] == "pubsub" and f[5] == "request_response")

    def send(self, recipient, subsystem, *arguments, user=""):
        self.serial += 1
        self.socket.send_multipart([x.encode() for x in (recipient, "VIP1", user, f"m{self.serial}", subsystem, *arguments)])

    def next(self, wait_s):
        if not self.socket.poll(max(0, wait_s) * 1000):
            return None
        frames = [f.decode("latin-1") for f in self.socket.recv_multipart()]
        if frames[4:6] == ["pubsub", "publish"]:
            self.heard.append((frames[6], json.loads(frames[7])))
        elif frames[4] == "RPC":
            body = json.loads(frames[5])
            if "method" in body:
                self.serve(frames, body)
        return frames

    def serve(self, frames, body):
        """Answers `who` with its caller and parameters; `break` with an error; `silent` never."""
        if body["method"] == "silent":
            return
        answer = {"jsonrpc": "2.0", "id": body["id"]}
        if body["method"] == "break":
            answer["error"] = {"code": -7, "message": "broken", "data": {"part": 1}}
        else:
            answer["result"] = {"caller": frames[0], "user": frames[2], "params": body.get("params"), "by": self.identity}
        self.send(frames[0], "RPC", json.dumps(answer))

    def wait(self, wanted, wait_s=PATIENCE_S):
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            frames = self.next(deadline - time.monotonic())
            if frames is not None and wanted(frames):
                return frames
        raise AssertionError(f"{self.identity} of {self.platform.name} waited in vain")

    def listen(self, count, wait_s=PATIENCE_S, quiet_s=QUIET_S):
        """Hears until `count` messages are there, and then that nothing more comes; what was heard since the last call."""
        deadline = time.monotonic() + wait_s
        while len(self.heard) < count and time.monotonic() < deadline:
            self.next(deadline - time.monotonic())
        deadline = time.monotonic() + quiet_s
        while time.monotonic() < deadline:
            self.next(deadline - time.monotonic())
        heard, self.heard = self.heard, []
        return heard

    def publish(self, topic, message, headers=None, user=""):
        self.send("", "pubsub", "publish", topic,
                  json.dumps({"bus": "", "headers": headers or {}, "message": message}), user=user)

    def call(self, peer, method, params=None, wait_s=PATIENCE_S, helpers=()):
        """Calls and waits for the answer, which must come from who was called; `helpers` serve meanwhile."""
        self.serial += 1
        call_id = f"{self.identity}-{self.serial}"
        self.send(peer, "RPC", json.dumps({"jsonrpc": "2.0", "method": method, "id": call_id,
                                           **({} if params is None else {"params": params})}))
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            for helper in helpers:
                helper.next(0)
            frames = self.next(0.005 if helpers else deadline - time.monotonic())
            if frames is not None and frames[4] == "error":
                return {"vip": frames[5:], "from": frames[0]}
            if frames is not None and frames[4] == "RPC" and json.loads(frames[5]).get("id") == call_id:
                return {**json.loads(frames[5]), "from": frames[0]}
        raise AssertionError(f"no answer of {peer} to {method}")


class Relay:
    """A TCP wire between a dialling agent and a broker, which can be cut and mended."""

    def __init__(self, port):
        self.to, self.open, self.pairs = port, True, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.listener.fileno() >= 0:
            try:
                client, _ = self.listener.accept()
                if not self.open:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                continue
            self.pairs += [client, server]
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        a.close()

    def cut(self):
        self.open = False
        for s in self.pairs:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.pairs = []

    def mend(self):
        self.open = True

    def end(self):
        self.cut()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Federation(unittest.TestCase):
    def setUp(self):
        self.platforms, self.peers = [], {}

    def tearDown(self):
        for peer in self.peers.values():
            peer.socket.close()
        for platform in self.platforms:
            codes, log = platform.stop()
            self.assertNotIn("Sanitizer", log)
            self.assertNotIn("CHECK", log)
            for code in codes:
                self.assertIn(code, (0, -signal.SIGKILL), log)

    def make(self, names):
        self.platforms = [Platform(name) for name in names]
        return self.platforms

    def start(self, subscribe=("T/",), wait_up=True, **more):
        for p in self.platforms:
            p.start_broker()
            self.peers[p.name] = Peer(p, subscribe=subscribe)
        for p in self.platforms:
            p.start_agent(**more)
        if wait_up:
            for p in self.platforms:
                self.wait_state(p, "up")
        return [self.peers[p.name] for p in self.platforms]

    def state(self, platform):
        try:
            report = platform.report(self.peers[platform.name])
        except KeyError:
            return {}
        return {link["platform"]: link for link in report["links"]}

    def wait_state(self, platform, state, other=None):
        def check():
            links = self.state(platform)
            return links and all(l["state"] == state for l in links.values() if other in (None, l["platform"]))
        eventually(check, f"{platform.name} {state}")

    def connect(self, pairs, **rules):
        for a, b in pairs:
            a.link(b, dials=True, **rules)
            b.link(a, **rules)


BROKER = "busbar.broker"
TOPIC = "D/x"


class Publisher(threading.Thread):
    """A peer that publishes numbers until each is acknowledged, through restarts of its broker."""

    def __init__(self, platform, count, pause_s=0.002):
        super().__init__(daemon=True)
        self.platform, self.count, self.pause_s = platform, count, pause_s
        self.taken, self.ended, self.error = 0, False, None
        self.start()

    def run(self):
        try:
            peer = None
            while self.taken < self.count and not self.ended:
                try:
                    peer = peer or Peer(self.platform, "p.publisher", wait_s=1)
                    peer.publish(TOPIC, self.taken)
                    answer = peer.wait(lambda f: f[4] in ("pubsub", "error"), 0.5)
                    self.taken += answer[4:6] == ["pubsub", "request_response"]
                    time.sleep(self.pause_s)
                except AssertionError:  # no answer: the broker was killed; the number is published again
                    if peer:
                        peer.socket.close()
                    peer = None
            if peer:
                peer.socket.close()
        except Exception as error:
            self.error = error


class DurableFederation(Federation):
    """Platforms that keep what is below D/, their links carrying it durably."""

    def pair(self, names="ab", durable=("D/",), relay=None, **rules):
        platforms = self.make(names)
        for p in platforms:
            p.durable = ["D/"]
        if relay is None:
            self.connect(list(zip(platforms, platforms[1:])), export=[], durable=list(durable), **rules)
        return platforms

    def kept(self, platform, name="sub", prefix="D/"):
        """All that the platform's disk holds, read by a durable subscriber of its own."""
        peer = self.peers[platform.name]
        peer.call(BROKER, "durable.open", [name, [prefix], "start", False])
        rows, after = [], 0
        while True:
            page = peer.call(BROKER, "durable.read", {"name": name, "after": after, "max": 256})["result"]
            rows += [(json.loads(m["message"]), m["sender"], json.loads(m["headers"])) for m in page["messages"]]
            after = page["next"]
            if not page["more"]:
                return rows

    def until_kept(self, platform, count, wait_s=12):
        """Waits until the disk holds `count` different messages; the numbers as they came."""
        rows = []

        def all_there():
            rows[:] = self.kept(platform)
            return len({r[0] for r in rows}) >= count
        try:
            eventually(all_there, f"{count} messages at {platform.name}", wait_s)
        except AssertionError as error:
            missing = sorted(set(range(count)) - {r[0] for r in rows})
            raise AssertionError(f"{error}: {len(missing)} are missing, {missing[:5]}…, {self.state(platform)}") from error
        return [r[0] for r in rows]

    def restart_broker(self, platform):
        platform.broker.kill()
        platform.broker.wait()
        self.peers[platform.name].socket.close()
        platform.start_broker()
        self.peers[platform.name] = Peer(platform)

    def restart_agent(self, platform):
        platform.agent.kill()
        platform.agent.wait()
        platform.start_agent()

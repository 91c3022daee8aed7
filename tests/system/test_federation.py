#!/usr/bin/env python3
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

    def __init__(self, platform, identity="peer", key="peer", subscribe=()):
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
        self.wait(lambda f: f[4] in ("hello", "error"))
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

    def test_a_message_crosses_as_it_is(self):
        a, b = self.make("ab")
        self.connect([(a, b)], export=["T/"])
        pa, pb = self.start(subscribe=["T/", "other/"])
        pa.publish("T/x", {"kw": 52.400911, "name": "é\"\\"}, {"Unit": "kW", "n": 1.10})
        (topic, got), = pb.listen(1)
        self.assertEqual(topic, "T/x")
        self.assertEqual(got["sender"], "peer@a")
        self.assertEqual(got["message"], {"kw": 52.400911, "name": "é\"\\"})
        self.assertEqual(got["headers"], {"Unit": "kW", "n": 1.10, "Busbar-Via": ["a"]})
        pb.publish("T/y", 1)
        self.assertEqual([(t, m["sender"]) for t, m in pa.listen(2)], [("T/x", "peer"), ("T/y", "peer@b")])
        # What is not exported stays, and what is not imported does not come in.
        pa.publish("other/x", 1)
        self.assertEqual([t for t, _ in pb.listen(2)], ["T/y"])
        self.assertEqual(len(pa.listen(1)), 1)

    def test_imports_are_the_receivers_rule(self):
        a, b = self.make("ab")
        a.link(b, dials=True, **{"export": [""]})
        b.link(a, **{"import": ["T/ok/"]})
        pa, pb = self.start(subscribe=["T/"])
        pa.publish("T/no", 1)
        pa.publish("T/ok/1", 2)
        self.assertEqual([t for t, _ in pb.listen(1)], ["T/ok/1"])

    def test_a_forged_way_and_a_forged_sender_mean_nothing(self):
        a, b = self.make("ab")
        self.connect([(a, b)])
        pa, pb = self.start()
        pa.publish("T/1", 1, {"Busbar-Via": ["b"]}, user="meter@b")
        (_, got), = pb.listen(1)
        self.assertEqual((got["sender"], got["headers"]["Busbar-Via"]), ("peer@a", ["a"]))
        (_, here), = pa.listen(1)
        self.assertEqual(here["sender"], "peer")

    def every_message_once(self, names, pairs, count=1000):
        platforms = self.make(names)
        by_name = {p.name: p for p in platforms}
        self.connect([(by_name[a], by_name[b]) for a, b in pairs], relay=True)
        peers = self.start()
        each = count // len(peers)
        for i in range(each):
            for peer in peers:
                peer.publish(f"T/{peer.platform.name}", i)
            if i % 50 == 49:
                for peer in peers:
                    while peer.next(0) is not None:
                        pass
        for peer in peers:
            heard = peer.listen(each * len(peers))
            for source in names:
                sender = "peer" if source == peer.platform.name else f"peer@{source}"
                numbers = [m["message"] for _, m in heard if m["sender"] == sender]
                self.assertEqual(sorted(numbers), list(range(each)), f"{source} at {peer.platform.name}")
            self.assertEqual(len(heard), each * len(peers))

    def test_line(self):
        self.every_message_once("abc", ["ab", "bc"])

    def test_triangle(self):
        self.every_message_once("abc", ["ab", "bc", "ca"])

    def test_ring_of_four(self):
        self.every_message_once("abcd", ["ab", "bc", "cd", "da"])

    def test_without_relay_nothing_goes_on(self):
        a, b, c = self.make("abc")
        self.connect([(a, b), (b, c)], calls=["meter/*"])
        pa, pb, pc = self.start()
        pa.publish("T/1", 1)
        self.assertEqual(len(pb.listen(1)), 1)
        self.assertEqual(pc.listen(0), [])
        answer = pa.call("meter@c", "who")
        self.assertEqual((answer["error"]["code"], answer["from"]), (-32006, "meter@c"))

    def test_calls_both_ways(self):
        a, b = self.make("ab")
        self.connect([(a, b)], calls=["meter/who", "meter/break"])
        pa, pb = self.start()
        for here, there, name in ((pa, b, "a"), (pb, a, "b")):
            meter = self.peers["meter" + name] = Peer(there, "meter")
            answer = here.call(f"meter@{there.name}", "who", {"x": [1.50, "é"]}, helpers=[meter])
            self.assertEqual(answer["from"], f"meter@{there.name}")
            self.assertEqual(answer["result"], {"caller": f"peer@{name}", "user": f"peer@{name}", "by": "meter",
                                                "params": {"x": [1.5, "é"]}})
            self.assertIsNone(here.call(f"meter@{there.name}", "who", helpers=[meter])["result"]["params"])
            broken = here.call(f"meter@{there.name}", "break", helpers=[meter])
            self.assertEqual(broken["error"], {"code": -7, "message": "broken", "data": {"part": 1}})
        self.assertEqual(self.state(a)["b"]["calls_out"], 3)
        self.assertEqual(self.state(a)["b"]["calls_in"], 3)

    def test_calls_over_two_hops(self):
        a, b, c = self.make("abc")
        self.connect([(a, b), (b, c)], calls=["meter/*"], relay=True)
        pa, pb, pc = self.start()
        meter = self.peers["meter"] = Peer(c, "meter")
        eventually(lambda: a.report(pa)["routes"] == {"c": "b"}, "a knows the way to c")
        answer = pa.call("meter@c", "who", [1], helpers=[meter])
        self.assertEqual((answer["from"], answer["result"]["caller"]), ("meter@c", "peer@a"))
        meter2 = self.peers["meter2"] = Peer(a, "meter")
        eventually(lambda: c.report(pc)["routes"] == {"a": "b"}, "c knows the way to a")
        self.assertEqual(pc.call("meter@a", "who", helpers=[meter2])["result"]["caller"], "peer@c")

    def test_refused_calls(self):
        a, b = self.make("ab")
        self.connect([(a, b)], calls=["meter/who"])
        pa, pb = self.start()
        self.peers["meter"] = Peer(b, "meter")
        for name, method, code in (("meter@b", "other", -32001), ("cli@b", "who", -32001), ("meter@zz", "who", -32006),
                                   ("federation@b", "platforms", -32001), ("config.store@b", "get_config", -32001),
                                   ("meter@a", "who", -32006)):
            answer = pa.call(name, method)
            self.assertEqual((answer["error"]["code"], answer["from"]), (code, name), answer)
            self.assertIn("exc_type", answer["error"]["data"]["exception.py"])
        self.peers["meter"].socket.close()
        del self.peers["meter"]
        self.assertEqual(pa.call("meter@b", "who")["error"]["code"], -32006)
        # Names that are none, and subsystems that do not cross.
        self.assertEqual(pa.call("meter@b@c", "who")["error"]["code"], -32006)
        pa.send("meter@b", "ping", "ping")
        self.assertEqual(pa.wait(lambda f: f[4] == "error")[5], "113")

    def test_a_platform_without_agent_refuses_at_once(self):
        (a,) = self.make("a")
        a.start_broker()
        self.peers["a"] = Peer(a)
        self.assertEqual(self.peers["a"].call("meter@b", "who")["error"]["code"], -32006)

    def test_a_guest_reaches_nobody_but_the_gate(self):
        a, b = self.make("ab")
        b.link(a, calls=[])
        b.admit(None, ["federation.a"], public=a.keys["federation.a"][0])
        b.start_broker()
        self.peers["b"] = Peer(b, subscribe=["T/"])
        a.start_broker()
        b.start_agent()
        eventually(lambda: self.state(b), "the agent of b")
        guest = self.peers["guest"] = Peer(b, "federation.a", key=a.keys["federation.a"])
        self.assertEqual(guest.call("peer", "who")["vip"][0], "-32001")
        self.assertEqual(guest.call("config.store", "list_stores")["vip"][0], "-32001")
        self.assertEqual(guest.call("peer@b", "who")["vip"][0], "-32001")
        self.assertIn("error", guest.call("federation", "platforms"))
        guest.publish("T/x", 1)
        self.assertEqual(guest.wait(lambda f: f[4] in ("error", "pubsub"))[4], "error")
        guest.send("", "pubsub", "subscribe", json.dumps({"prefix": "", "bus": ""}))
        self.assertEqual(guest.wait(lambda f: f[4] in ("error", "pubsub"))[4], "error")
        # What is no carry of ours: another platform's way, a sender of this platform, a way that was here.
        hello = {"version": 1, "platform": "a", "imports": [], "routes": {}}
        self.assertIn("error", guest.call("federation", "hello", [{**hello, "platform": "c"}]))
        self.assertEqual(guest.call("federation", "hello", [hello])["result"]["platform"], "b")
        good = {"way": ["a"], "incarnation": 1, "number": 1, "topic": "T/x", "sender": "x@a", "headers": "{}", "message": "1"}
        bad = [{"way": []}, {"way": ["c"]}, {"way": ["a", "a"]}, {"sender": "x@b"}, {"sender": "x"}, {"way": ["b", "a"], "sender": "x@b"},
               {"message": "{"}, {"headers": "[]"}, {"number": 0}, {"topic": 1}, {"topic": "t" * 2000}, {"way": ["x"] * 40 + ["a"]}]
        for n, change in enumerate(bad):
            guest.call("federation", "carry", [[{**good, "number": n + 2, **change}]])
        self.assertEqual(self.peers["b"].listen(0), [])
        for junk in (None, [], [1], [[1]], {"x": 1}, [[{}]], [[good] * 300]):
            guest.call("federation", "carry", junk)
            guest.call("federation", "call", junk)
            guest.call("federation", "hello", junk)
        for _ in range(2):
            guest.call("federation", "carry", [[good, good]])
        self.assertEqual([m["sender"] for _, m in self.peers["b"].listen(1)], ["x@a"])
        link = self.state(b)["a"]
        self.assertEqual((link["received"], link["again"]), (1, 3 + 1))
        # A call that has been here, or says it comes from elsewhere.
        for change in ({"way": ["b", "a"]}, {"way": ["c"]}, {"caller": "x@c"}, {"caller": "x"}):
            call = {"way": ["a"], "caller": "x@a", "peer": "peer", "platform": "b", "method": "who", **change}
            self.assertIn("error", guest.call("federation", "call", [call]))

    def test_a_stranger_is_not_let_in(self):
        a, b = self.make("ab")
        self.connect([(a, b)])
        b.entries = [e for e in b.entries if e["identities"] != ["federation.a"]]
        b.admit(None, ["federation.a"], public=zmq.curve_keypair()[0])
        pa, pb = self.start(wait_up=False)
        eventually(lambda: "does not know the key" in self.state(a).get("b", {}).get("reason", ""), "a says why it is down")
        pa.publish("T/1", 1)
        self.assertEqual(pb.listen(0), [])
        self.assertEqual(pa.call("meter@b", "who")["error"]["code"], -32006)

    def test_a_cut_wire_heals(self):
        a, b = self.make("ab")
        relay = Relay(b.port)
        self.addCleanup(relay.end)
        a.link(b, dials=True, port=relay.port, calls=["meter/*"])
        b.link(a, calls=["meter/*"])
        pa, pb = self.start(queue_messages=100)
        self.peers["meter"] = meter = Peer(b, "meter")
        self.peers["meter2"] = Peer(a, "meter")
        pa.publish("T/0", 0)
        self.assertEqual(len(pb.listen(1)), 1)
        # A call on its way when the wire is cut is answered with an error on both sides.
        for peer, name in ((pa, "meter@b"), (pb, "meter@a")):
            peer.send(name, "RPC", json.dumps({"jsonrpc": "2.0", "method": "silent", "id": "s"}))
        time.sleep(0.2)
        relay.cut()
        for peer in (pa, pb):
            frames = peer.wait(lambda f: f[4] == "RPC" and "\"s\"" in f[5])
            self.assertEqual(json.loads(frames[5])["error"]["code"], -32006)
        self.wait_state(a, "down")
        self.wait_state(b, "down")
        started = time.monotonic()
        self.assertEqual(pa.call("meter@b", "who")["error"]["code"], -32006)
        self.assertEqual(pb.call("meter@a", "who")["error"]["code"], -32006)
        self.assertLess(time.monotonic() - started, 5)
        for i in range(150):
            pa.publish("T/c", i)
            pb.publish("T/d", i)
        pa.listen(151)
        pb.listen(150)
        self.assertEqual(self.state(a)["b"]["dropped"], 50)
        relay.mend()
        self.wait_state(a, "up")
        # The newest hundred come, in order, once.
        self.assertEqual([m["message"] for _, m in pb.listen(100)], list(range(50, 150)))
        self.assertEqual([m["message"] for _, m in pa.listen(100)], list(range(50, 150)))
        self.assertIn("result", pa.call("meter@b", "who", helpers=[meter]))
        self.assertEqual(self.state(a)["b"]["cuts"], 1)

    def test_messages_on_their_way_when_the_wire_is_cut_come_once(self):
        a, b = self.make("ab")
        relay = Relay(b.port)
        self.addCleanup(relay.end)
        a.link(b, dials=True, port=relay.port)
        b.link(a)
        pa, pb = self.start()
        for i in range(1000):
            pa.publish("T/c", i)
            if i % 250 == 125:
                relay.cut()
                time.sleep(0.1)
                relay.mend()
        self.assertEqual([m["message"] for _, m in pb.listen(1000)], list(range(1000)))

    def test_a_killed_broker_and_a_stopped_one(self):
        a, b = self.make("ab")
        self.connect([(a, b)], calls=["meter/*"])
        pa, pb = self.start()
        b.broker.kill()
        b.broker.wait()
        self.wait_state(a, "down")
        pa.publish("T/1", 1)
        pb.socket.close()
        b.start_broker()
        pb = self.peers["b"] = Peer(b, subscribe=["T/"])
        self.wait_state(a, "up")
        self.wait_state(b, "up")
        self.assertEqual([m["message"] for _, m in pb.listen(1)], [1])
        # Stopped, it says nothing: that is noticed too, and nothing is lost.
        b.broker.send_signal(signal.SIGSTOP)
        self.wait_state(a, "down")
        pa.publish("T/2", 2)
        self.assertEqual(pa.call("meter@b", "who")["error"]["code"], -32006)
        b.broker.send_signal(signal.SIGCONT)
        self.wait_state(a, "up")
        self.assertEqual([m["message"] for _, m in pb.listen(1)], [2])
        # The agent on the other side: killed, and back.
        b.agent.kill()
        b.agent.wait()
        self.wait_state(a, "down")
        pa.publish("T/3", 3)
        b.start_agent()
        self.wait_state(a, "up")
        self.assertEqual([m["message"] for _, m in pb.listen(1)], [3])
        pa.listen(3)

    def test_both_may_dial(self):
        a, b = self.make("ab")
        a.link(b, dials=True)
        b.link(a, dials=True)
        pa, pb = self.start()
        for i in range(20):
            pa.publish("T/a", i)
            pb.publish("T/b", i)
        for peer in (pa, pb):
            self.assertEqual(len(peer.listen(40)), 40)

    def test_busbar_platforms(self):
        a, b = self.make("ab")
        self.connect([(a, b)])
        self.start()
        (a.home / "keys/cli.json").write_bytes((a.home / "keys/peer.json").read_bytes())
        (a.home / "keys/cli.json").chmod(0o600)
        (a.home / "keys/busbard.pub").write_text(text_of(a.keys["busbard"][0]) + "\n")
        run = lambda *words: subprocess.run([BIN / "busbar", "platforms", "--home", a.home, *words], capture_output=True, text=True,
                                            timeout=PATIENCE_S, env={**os.environ, "BUSBAR_VIP": ""})
        shown = run("--json")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        document = json.loads(shown.stdout)
        self.assertEqual((document["version"], document["platform"], document["links"][0]["state"]), (1, "a", "up"))
        table = run()
        self.assertRegex(table.stdout, r"(?m)^b\s+up")


class Configuration(unittest.TestCase):
    def test_what_is_wrong_is_told_with_its_line(self):
        key = text_of(zmq.curve_keypair()[0])
        for text, said in (("[]", "object"), ('{"platform":"a",\n"x":1}', ':2: "x"'), ('{"links":[]}', '"platform" is missing'),
                           ('{"platform":"7"}', "platform"), ('{"platform":"a","hops":99}', "1 to 16"),
                           ('{"platform":"a",\n"links":[{"platform":"b",\n"address":"tcp://h:1"}]}', ":3:"),
                           ('{"platform":"a","links":[{"platform":"a"}]}', "own name"),
                           ('{"platform":"a","links":[{"platform":"b"},{"platform":"b"}]}', "twice"),
                           ('{"platform":"a","links":[{"platform":"b","calls":["meter"]}]}', "PEER/METHOD"),
                           ('{"platform":"a","links":[{"address":"tcp://h:1?serverkey=%s"}]}' % key, "without"),
                           ('{"platform":"a","links":[{"platform":"b","relay":1}]}', "relay")):
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                file.write(text)
                file.flush()
                run = subprocess.run([BIN / "federation-agent", "--links", file.name], capture_output=True, text=True, timeout=PATIENCE_S)
                self.assertEqual(run.returncode, 2, text)
                self.assertIn(said, run.stderr, text)
                self.assertNotIn("Sanitizer", run.stderr)


if __name__ == "__main__":
    unittest.main()

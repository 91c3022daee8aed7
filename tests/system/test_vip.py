#!/usr/bin/env python3
"""busbard as a process, over real sockets, spoken to frame by frame: VIP1, the plain doors, access rules, bad company.

Everything here is what a stranger's client would send and see; nothing of Busbar's own client is used.
"""
import base64
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import zmq
from zmq.utils import z85

BIN = pathlib.Path(os.environ.get("BUSBAR_BIN") or pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")
PATIENCE_MS = 20000
CONTEXT = zmq.Context.instance()
# How long nothing must come to count as nothing.
QUIET_MS = 400
# What a broker may have grown by when everything is over: its allocator, and AddressSanitizer's store of freed blocks.
GROWTH = (300 if "dev" in str(BIN) else 16) << 20
# Identities that the broker hosts itself.
HOSTED = ["config.store", "platform.config_store", "platform.auth", "busbar.broker"]


def text_of(key):
    return base64.urlsafe_b64encode(z85.decode(key)).decode().rstrip("=")


class Broker:
    """A busbard in a home of its own; keys and rules for aa (all Data/), bb (hears all), cc.* (nothing)."""

    def __init__(self, security="curve", arguments=()):
        self.security = security
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="bb.", dir="/tmp"))
        (self.home / "keys").mkdir(mode=0o700)
        self.keys, self.sockets = {}, []
        for name in ("busbard", "aa", "bb", "cc", "stranger"):
            self.keys[name] = zmq.curve_keypair()
            path = self.home / "keys" / f"{name}.json"
            path.touch(mode=0o600)
            path.write_text(json.dumps({"public": text_of(self.keys[name][0]), "secret": text_of(self.keys[name][1])}))
        self.grant(aa=(["aa", "aa.*"], ["Data/", "heartbeat/"], ["Data/"]), bb=(["bb"], [], [""]), cc=(["cc.*"], [], []))
        self.start(arguments)

    def grant(self, **entries):
        rules = [{"key": text_of(self.keys[name][0]), "identities": i, "publish": p, "subscribe": s, "capabilities": c[0] if c else []}
                 for name, (i, p, s, *c) in entries.items()]
        (self.home / "access.json").write_text(json.dumps({"version": 1, "entries": rules}))

    def start(self, arguments=()):
        doors = [word for door in ("vip", "sub", "pub") for word in (f"--{door}", "tcp://127.0.0.1:*")]
        self.log = open(self.home / "log", "ab")
        self.process = subprocess.Popen([BIN / "busbard", "--home", self.home, "--security", self.security, *doors, *arguments],
                                        stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not (self.home / "run/pub.address").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("busbard did not start: " + (self.home / "log").read_text())
            time.sleep(0.01)
        self.address = {d: (self.home / f"run/{d}.address").read_text().strip().split("?")[0] for d in ("vip", "sub", "pub")}

    def logged(self, event, wait_s=PATIENCE_MS / 1000):
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            lines = [line for line in (self.home / "log").read_text().splitlines() if f"event={event}" in line]
            if lines:
                return lines
            time.sleep(0.02)
        raise AssertionError(f"no {event} in the log")

    def open(self, kind, key):
        s = CONTEXT.socket(kind)
        self.sockets.append(s)
        s.linger = 0
        s.rcvtimeo = s.sndtimeo = PATIENCE_MS
        if self.security == "curve":
            s.curve_serverkey = self.keys["busbard"][0]
            s.curve_publickey, s.curve_secretkey = self.keys[key]
        return s

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_MS / 1000)
        self.log.close()
        for s in self.sockets:
            s.close()
        log = (self.home / "log").read_text()
        shutil.rmtree(self.home)
        return code, log


class Peer:
    def __init__(self, broker, identity, key=None, hello=True):
        self.broker = broker
        self.socket = broker.open(zmq.DEALER, key or identity.split(".")[0])
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        self.socket.connect(broker.address["vip"])
        if hello:
            self.send("", "VIP1", "", "h", "hello", "hello")
            self.welcome = self.answer("hello")

    def send(self, *frames):
        self.socket.send_multipart([f if isinstance(f, bytes) else f.encode("latin-1") for f in frames])

    def next(self, wait_ms=PATIENCE_MS):
        """The next message that is no announcement of peers."""
        while self.socket.poll(wait_ms):
            frames = [f.decode("latin-1") for f in self.socket.recv_multipart()]
            if frames[4:6] not in (["peerlist", "add"], ["peerlist", "drop"]):
                return frames
        return None

    def answer(self, subsystem):
        frames = self.next()
        if frames is None or frames[4] not in (subsystem, "error"):
            raise AssertionError(f"wanted {subsystem}, got {frames}")
        return frames

    def announced(self, what, identity):
        while self.socket.poll(PATIENCE_MS):
            if self.socket.recv_multipart()[4:] == [b"peerlist", what.encode(), identity.encode()]:
                return True
        return False

    def subscribe(self, *prefixes):
        self.send("", "VIP1", "", "s", "pubsub", "subscribe", json.dumps({"prefix": prefixes, "bus": "", "all_platforms": False}))
        return self.answer("pubsub")[6]

    def publish(self, topic, message, message_id="p"):
        self.send("", "VIP1", "", message_id, "pubsub", "publish", topic,
                  json.dumps({"bus": "", "headers": {}, "message": message}))

    def query(self, key):
        self.send("", "VIP1", "", "q", "query", key)
        return self.answer("query")[6]

    def stats(self):
        return json.loads(self.query("busbar.stats"))

    def rest(self):
        """Waits until the broker has taken all that this peer sent, before it is stopped: libzmq 4.3.4 loses a buffer when a CURVE
        socket is closed while messages stream in."""
        self.send("", "VIP1", "", "rest", "ping", "x")
        while self.next()[3] != "rest":
            pass

    def close(self):
        self.socket.close()


class WithBroker(unittest.TestCase):
    security = "curve"
    arguments = ()

    def setUp(self):
        self.broker = Broker(self.security, self.arguments)
        self.addCleanup(self.end)

    def end(self):
        code, log = self.broker.stop()
        self.assertEqual(code, 0, log)
        self.assertNotIn("Sanitizer", log)


class Golden(WithBroker):
    """The frames of every conversation, in full."""

    def test_hello_and_peer_list(self):
        a = Peer(self.broker, "aa")
        router = a.welcome[7]
        self.assertEqual(a.welcome, ["", "VIP1", "aa", "h", "hello", "welcome", "1.0", router, "aa"])
        b = Peer(self.broker, "bb")
        self.assertTrue(a.announced("add", "bb"))
        a.send("", "VIP1", "", "l", "peerlist", "list")
        self.assertEqual(a.next(), ["", "VIP1", "", "l", "peerlist", "listing", "aa", "bb", *HOSTED])
        b.send("", "VIP1", "", "x", "agentstop", "bb")
        self.assertTrue(a.announced("drop", "bb"))
        a.send("", "VIP1", "", b"\0\xff", "ping", "ping", "x", b"\x01\x00")
        self.assertEqual(a.next(), ["", "VIP1", "aa", "\0\xff", "ping", "pong", "x", "\x01\0"])

    def test_router_probe_joins(self):
        b = Peer(self.broker, "bb")
        a = Peer(self.broker, "aa", hello=False)
        a.send("")
        self.assertTrue(b.announced("add", "aa"))

    def test_publish(self):
        a, b = Peer(self.broker, "aa"), Peer(self.broker, "bb")
        self.assertEqual(b.subscribe("Data/consumer", "Data/"), "\x01")
        self.assertEqual(a.subscribe("Data/"), "\x01")
        a.send("", "VIP1", "liar", "p1", "pubsub", "publish", "Data/consumer1",
               '{"bus":"","headers":{"h":1},"message":[1.50, NaN],"sender":"liar"}')
        delivery = ["", "VIP1", "aa", "p1", "pubsub", "publish", "Data/consumer1",
                    '{"bus":"","headers":{"h":1},"message":[1.50, NaN],"sender":"aa"}']
        self.assertEqual(b.next(), delivery)
        self.assertEqual(a.next(), delivery, "the publisher hears itself, before the acknowledgement")
        self.assertEqual(a.next(), ["", "VIP1", "aa", "p1", "pubsub", "request_response", "\x02\0\0\0"])
        b.send("", "VIP1", "", "u", "pubsub", "unsubscribe", '{"internal":{"prefix":null,"bus":""},"all":{"prefix":null}}')
        self.assertEqual(b.next()[4:], ["pubsub", "request_response", "\x01"])
        b.send("", "VIP1", "", "l", "pubsub", "list",
               '{"prefix":"","all_platforms":false,"subscribed":false,"reverse":false,"bus":""}')
        self.assertEqual(b.next()[5:], ["list_response", '[["","Data/",false]]'])
        a.publish("Data/consumer1", 1)
        self.assertEqual(a.next()[5], "publish")
        self.assertEqual(a.next()[6], "\x01\0\0\0")
        self.assertIsNone(b.next(QUIET_MS))

    def test_latin1_topics(self):
        a, b = Peer(self.broker, "aa"), Peer(self.broker, "bb")
        self.assertEqual(b.subscribe("Data/\u00e9"), "\x01")
        a.publish("Data/\xe9/x", 1)
        self.assertEqual(b.next()[6], "Data/\xe9/x")

    def test_rpc(self):
        a, b = Peer(self.broker, "aa"), Peer(self.broker, "bb")
        call = '{"jsonrpc":"2.0","method":"f","params":[1],"id":"1.5"}'
        a.send("bb", "VIP1", "liar", b"\0id", "RPC", call, b"\xff\x00")
        self.assertEqual(b.next(), ["aa", "VIP1", "aa", "\0id", "RPC", call, "\xff\0"])
        b.send("aa", "VIP1", "", b"\0id", "RPC", '{"jsonrpc":"2.0","result":2,"id":"1.5"}')
        self.assertEqual(a.next(), ["bb", "VIP1", "bb", "\0id", "RPC", '{"jsonrpc":"2.0","result":2,"id":"1.5"}'])
        for absent in ("zz", "control"):
            a.send(absent, "VIP1", "", "r", "RPC", call)
            answer = a.next()
            self.assertEqual(answer[:5], [absent, "VIP1", "", "r", "RPC"])
            error = json.loads(answer[5])
            self.assertEqual((error["id"], error["error"]["code"]), ("1.5", -32006))

    def test_errors(self):
        a = Peer(self.broker, "aa")
        a.send("zz", "VIP1", "", "m", "other", "x")
        self.assertEqual(a.next(), ["", "VIP1", "", "m", "error", "113", "No route to host", "zz", "other"])
        a.send("", "VIP1", "", "m", "nothing", "x")
        self.assertEqual(a.next(), ["", "VIP1", "", "m", "error", "93", "Protocol not supported", "", "nothing"])

    def test_query(self):
        a = Peer(self.broker, "aa")
        key = text_of(self.broker.keys["busbard"][0]) if self.security == "curve" else ""
        self.assertEqual(a.query("serverkey"), key)
        self.assertEqual(a.query("message-bus"), "zmq")
        self.assertEqual(a.query("instance-name"), "busbar")
        self.assertEqual(json.loads(a.query("addresses")), [self.broker.address["vip"]])
        self.assertTrue(a.query("local_address").startswith(self.broker.address["vip"]))
        self.assertEqual(a.query("no such key"), "")
        stats = a.stats()
        self.assertEqual([p["identity"] for p in stats["peers"]], ["aa"])
        self.assertEqual(stats["security"], self.security)

    def test_every_door_to_every_door(self):
        b = Peer(self.broker, "bb")
        b.subscribe("Data/")
        ear = self.broker.open(zmq.SUB, "bb")
        ear.subscribe(b"Data/")
        ear.connect(self.broker.address["sub"])
        mouth = self.broker.open(zmq.PUB, "aa")
        mouth.connect(self.broker.address["pub"])
        name = "aa" if self.security == "curve" else "anonymous"
        first = None
        while first is None:  # until both plain connections are up
            mouth.send_multipart([b"Data/x", b'{"message":{"v":1},"sender":"liar"}'])
            if ear.poll(100):
                first = ear.recv_multipart()
        self.assertEqual(first[0], b"Data/x")
        heard = json.loads(first[1])
        self.assertEqual({**heard, "seq": 0}, {"sender": name, "headers": {}, "message": {"v": 1}, "seq": 0})
        frames = b.next()
        self.assertEqual(frames[:7], ["", "VIP1", name, "", "pubsub", "publish", "Data/x"])
        self.assertEqual(json.loads(frames[7]), {"bus": "", "headers": {}, "message": {"v": 1}, "sender": name})
        a = Peer(self.broker, "aa")
        for i in (1, 2):
            a.send("", "VIP1", "", "p", "pubsub", "publish", "Data/y",
                   b'{"bus":"","headers":{"a":1},"message":[NaN,-Infinity,"\xe9"]}')
            while True:
                topic, body = ear.recv_multipart()
                if topic == b"Data/y":
                    break
            self.assertEqual(body.decode("ascii"), '{"sender":"aa","headers":{"a":1},"message":[null,null,"\\u00e9"],"seq":%d}' % i)


class GoldenWithoutSecurity(Golden):
    security = "none"


class Access(WithBroker):
    def test_topics(self):
        a, b = Peer(self.broker, "aa"), Peer(self.broker, "bb")
        refused = ["", "VIP1", "", "s", "error", "-32001", "subscribing to this prefix is not granted to aa", "", "pubsub"]
        for prefixes in ([""], ["Data/", "alerts/"]):  # all of a list or nothing
            a.send("", "VIP1", "", "s", "pubsub", "subscribe", json.dumps({"prefix": prefixes, "bus": ""}))
            self.assertEqual(a.next(), refused)
        self.assertEqual(a.stats()["subscriptions"], 0)
        self.assertEqual(b.subscribe(""), "\x01")
        a.publish("alerts/x", 1)
        self.assertEqual(a.next(), ["", "VIP1", "", "p", "error", "-32001", "publishing to this topic is not granted to aa", "",
                                    "pubsub"])
        a.send("", "VIP1", "", "s", "pubsub", "synchronize", "connected",
               '{"subscriptions":{"internal":{"":["Data/","alerts/"]},"all":{"":[""]}}}')
        self.assertEqual(a.next()[4:7], ["error", "-32001", "subscribing to some of these prefixes is not granted to aa"])
        self.assertEqual(a.stats()["subscriptions"], 2, "bb's and the one that is granted")
        self.assertIsNone(b.next(QUIET_MS))

    def test_plain_doors(self):
        b = Peer(self.broker, "bb")
        b.subscribe("")
        everything, granted = self.broker.open(zmq.SUB, "aa"), self.broker.open(zmq.SUB, "aa")
        everything.subscribe(b"")
        granted.subscribe(b"Data/")
        mouth = self.broker.open(zmq.PUB, "aa")
        for s, door in ((everything, "sub"), (granted, "sub"), (mouth, "pub")):
            s.connect(self.broker.address[door])
        while not granted.poll(100):
            mouth.send_multipart([b"alerts/x", b'{"message":1}'])
            mouth.send_multipart([b"Data/x", b'{"message":1}'])
        self.assertEqual(b.next()[6], "Data/x")
        self.assertFalse(everything.poll(QUIET_MS))
        self.assertGreater(b.stats()["plain"]["refused"], 0)
        self.broker.logged("subscription-refused")

    def test_strangers_and_false_identities(self):
        a = Peer(self.broker, "aa")
        stranger = Peer(self.broker, "aa.1", key="stranger", hello=False)
        false = Peer(self.broker, "bb", key="cc", hello=False)
        number = Peer(self.broker, "1e5", key="aa", hello=False)
        for peer in (stranger, false, number):
            peer.send("", "VIP1", "", "h", "hello", "hello")
        self.assertIn("fingerprint=", self.broker.logged("key-refused")[0])
        self.broker.logged("identity-refused")
        for peer in (false, number):
            self.assertEqual(peer.next(), ["", "VIP1", "", "h", "error", "-32001",
                                           "this identity is not granted to the key of this connection", "", "hello"])
        for peer in (stranger, false, number):
            self.assertIsNone(peer.next(QUIET_MS))
        stats = a.stats()
        self.assertEqual([p["identity"] for p in stats["peers"]], ["aa"])
        self.assertEqual(stats["access"]["pending"], 2, "the stranger's key, and bb for cc; a number is no identity for anybody")
        self.assertEqual(len(self.broker.logged("key-refused")), 1, "once, however often it tries")

    def test_reload_and_revoke(self):
        a, b = Peer(self.broker, "aa"), Peer(self.broker, "bb")
        b.subscribe("Data/", "alerts/")
        (self.broker.home / "access.json").write_text('{"version":1,"entries":[{"key":"x"}]}')
        self.broker.process.send_signal(signal.SIGHUP)
        self.assertIn("entry 1", self.broker.logged("rules-kept")[0])
        a.publish("Data/x", 1)
        self.assertEqual(b.next()[6], "Data/x", "the old rules stay")
        self.broker.grant(bb=(["bb"], [], ["Data/"]))
        self.broker.process.send_signal(signal.SIGHUP)
        self.broker.logged("rules-read")
        self.assertTrue(b.announced("drop", "aa"))
        self.assertEqual(b.stats()["subscriptions"], 1, "what was narrowed ends")
        again = Peer(self.broker, "aa", hello=False)
        again.send("", "VIP1", "", "h", "hello", "hello")
        self.assertIsNone(again.next(QUIET_MS))

    def test_nobody_evicts_the_owner(self):
        """Connections of another key under an agent's identity: they take nothing from it, and hear only that it is not theirs."""
        a, b = Peer(self.broker, "aa"), Peer(self.broker, "bb")
        b.subscribe("Data/")
        silent = Peer(self.broker, "aa", key="cc", hello=False)
        loud = Peer(self.broker, "aa", key="cc", hello=False)
        for nothing in (["x"], ["", "VIP2", "", "h", "hello", "hello"], ["", "VIP1"]):
            loud.send(*nothing)  # nothing that joins, and nothing that takes the owner's place
        loud.send("", "VIP1", "", "h", "hello", "hello")
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            b.send("aa", "VIP1", "", "m", "RPC", "{}")
            self.assertEqual(a.next()[0], "bb", "the owner keeps what is sent to it")
            time.sleep(0.1)
        a.publish("Data/x", 1)
        self.assertEqual(b.next()[2], "aa")
        self.assertEqual(loud.next()[4:6], ["error", "-32001"])
        self.assertFalse(loud.socket.poll(0))
        self.assertFalse(silent.socket.poll(0))

    def test_a_silent_squatter_does_not_keep_the_owner_out(self):
        squatters = [Peer(self.broker, "aa", key=key, hello=False) for key in ("cc", "cc", "aa", "aa")]
        time.sleep(0.5)
        start = time.monotonic()
        owner = Peer(self.broker, "aa")
        self.assertEqual(owner.welcome[5], "welcome")
        self.assertLess(time.monotonic() - start, 2)
        for squatter in squatters:
            self.assertFalse(squatter.socket.poll(0))


class Rivals(WithBroker):
    """Two connections of one key under one identity: it belongs to the first, as long as that gives signs of life."""

    def holder(self):
        """An agent bb in a process of its own, which can be stopped."""
        keys = (self.broker.keys["busbard"][0], *self.broker.keys["bb"]) if self.security == "curve" else ()
        child = subprocess.Popen([sys.executable, "-c", PEER_SCRIPT, self.broker.address["vip"], *[k.decode() for k in keys]])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def test_the_first_keeps_it_while_it_answers(self):
        a = Peer(self.broker, "aa")
        self.holder()
        self.assertTrue(a.announced("add", "bb"))
        start = time.monotonic()
        rival = Peer(self.broker, "bb", hello=False)
        rival.send("", "VIP1", "", "h", "hello", "hello")
        self.assertEqual(rival.next(), ["", "VIP1", "", "h", "error", "98", "another connection has this identity, and it answers",
                                        "", "hello"])
        self.assertLess(time.monotonic() - start, 2)
        rival.close()
        a.send("bb", "VIP1", "", "m", "RPC", "{}")
        self.assertIsNone(a.next(QUIET_MS), "it is there, and takes the call")

    def test_one_that_gives_no_sign_of_life_is_replaced(self):
        a = Peer(self.broker, "aa")
        child = self.holder()
        self.assertTrue(a.announced("add", "bb"))
        child.send_signal(signal.SIGSTOP)
        start = time.monotonic()
        rival = Peer(self.broker, "bb", hello=False)
        rival.send("", "VIP1", "", "h", "hello", "hello")
        rival.send("", "VIP1", "", "q", "ping", "x")
        self.assertEqual(rival.next()[3:6], ["h", "hello", "welcome"])
        self.assertEqual(rival.next()[3:6], ["q", "ping", "pong"], "what came behind the first message is not lost")
        self.assertLess(time.monotonic() - start, 5)
        self.assertTrue(a.announced("drop", "bb"))
        self.assertTrue(a.announced("add", "bb"))
        self.broker.logged("identity-taken-over")
        rival.rest()

    def test_it_is_free_at_once_when_the_first_is_gone(self):
        for _ in range(20):
            b = Peer(self.broker, "bb")
            b.close()
            start = time.monotonic()
            self.assertEqual(Peer(self.broker, "bb").welcome[5], "welcome")
            self.assertLess(time.monotonic() - start, 1)
            self.broker.sockets[-1].close()

    def test_duplicates_keep_no_memory(self):
        """Forty connections under a live agent's identity, each with megabytes: libzmq's ROUTER kept them for good."""
        a, b = Peer(self.broker, "aa"), Peer(self.broker, "bb")
        before = a.stats()["resident_bytes"]
        for round in range(2):
            rivals = [Peer(self.broker, "bb", hello=False) for _ in range(20)]
            for rival in rivals:
                rival.socket.sndtimeo = 0
                try:
                    for _ in range(30):
                        rival.send("", "VIP1", "", "p", "pubsub", "publish", "Data/x", b"x" * 100000)
                except zmq.Again:
                    pass
            for rival in rivals:
                frames = rival.next()
                self.assertEqual(frames[4:6], ["error", "98"])
                rival.close()
            b.rest()
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while a.stats()["connections"] > 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        stats = a.stats()
        self.assertEqual(stats["connections"], 2)
        self.assertLess(stats["resident_bytes"] - before, GROWTH)


class RivalsWithoutSecurity(Rivals):
    security = "none"


class BadCompany(WithBroker):
    def test_garbage_on_every_door(self):
        a, b = Peer(self.broker, "aa"), Peer(self.broker, "bb")
        b.subscribe("Data/")
        chance = random.Random(int(os.environ.get("BUSBAR_SEED", "1")))
        noisy = Peer(self.broker, "cc.noise", hello=False)
        mouth = self.broker.open(zmq.PUB, "cc")
        mouth.connect(self.broker.address["pub"])
        words = [b"", b"VIP1", b"pubsub", b"publish", b"hello", b"{", b"[" * 500, b'{"prefix":[', b"\xff" * 300, b"zz", b"RPC"]
        for _ in range(2000):
            noisy.send(*[chance.choice(words) for _ in range(chance.randrange(1, 80))])
            mouth.send_multipart([chance.choice(words) for _ in range(chance.randrange(1, 5))])
        for door in self.broker.address.values():
            host, port = door.removeprefix("tcp://").rsplit(":", 1)
            with socket.create_connection((host, int(port))) as raw:
                try:
                    raw.sendall(chance.randbytes(5000))
                except OSError:
                    pass
        a.publish("Data/x", 1)
        self.assertEqual(b.next()[6], "Data/x")
        a.next()
        self.assertGreater(a.stats()["malformed"], 0)
        noisy.rest()

    def test_a_slow_subscriber_loses_the_oldest_and_nobody_else_waits(self):
        a, b = Peer(self.broker, "aa"), Peer(self.broker, "bb")
        slow = self.broker.open(zmq.DEALER, "aa")
        slow.setsockopt(zmq.IDENTITY, b"aa.slow")
        slow.setsockopt(zmq.RCVHWM, 1)
        slow.setsockopt(zmq.RCVBUF, 4096)
        slow.connect(self.broker.address["vip"])
        for frames in (["h", "hello", "hello"], ["s", "pubsub", "subscribe", '{"prefix":"Data/","bus":""}']):
            slow.send_multipart([b"", b"VIP1", b""] + [f.encode() for f in frames])
            while slow.recv_multipart()[3] != frames[0].encode():
                pass
        b.subscribe("Data/")
        count, payload = 6000, "x" * 4000
        heard = 0
        for i in range(count):
            a.publish("Data/x", [i, payload])
            self.assertEqual(a.next()[6], "\x02\0\0\0")
            while heard <= i:
                self.assertEqual(json.loads(b.next()[7])["message"][0], heard)
                heard += 1
        dropped = {p["identity"]: p["dropped"] for p in b.stats()["peers"]}
        self.assertEqual((dropped["aa"], dropped["bb"]), (0, 0))
        self.assertGreater(dropped["aa.slow"], 0)
        # It was published to aa.slow meanwhile; what it has missed is counted, and the newest is there.
        numbers = []
        while not numbers or numbers[-1] != count - 1:
            frames = slow.recv_multipart()
            if frames[4:6] == [b"pubsub", b"publish"]:
                numbers.append(json.loads(frames[7])["message"][0])
        self.assertEqual(numbers, sorted(numbers))
        self.assertEqual(count - len(numbers), dropped["aa.slow"])

    def test_rpc_to_a_full_queue_is_refused(self):
        a = Peer(self.broker, "aa")
        slow = Peer(self.broker, "bb")
        slow.socket.close()
        slow = self.broker.open(zmq.DEALER, "bb")
        slow.setsockopt(zmq.IDENTITY, b"bb")
        slow.setsockopt(zmq.RCVHWM, 1)
        self.assertTrue(a.announced("drop", "bb"))
        slow.connect(self.broker.address["vip"])
        slow.send_multipart([b"", b"VIP1", b"", b"h", b"hello", b"hello"])
        self.assertTrue(a.announced("add", "bb"))
        refusal, sent = None, 0
        while refusal is None and sent < 20000:
            a.send("bb", "VIP1", "", str(sent), "RPC", '{"jsonrpc":"2.0","method":"f","id":1,"params":["%s"]}' % ("x" * 10000))
            sent += 1
            refusal = a.next(0)
        self.assertEqual(refusal[4:], ["error", "11", "Resource temporarily unavailable", "bb", "RPC"])
        a.rest()

    def test_ten_thousand_subscriptions(self):
        a, b = Peer(self.broker, "aa"), Peer(self.broker, "bb")
        for first in range(0, 10000, 500):
            self.assertEqual(b.subscribe(*[f"devices/{i}/" for i in range(first, first + 500)]), "\x01")
        self.assertEqual(b.subscribe("Data/"), "\x01")
        self.assertEqual(a.stats()["subscriptions"], 10001)
        a.publish("Data/x", 1)
        self.assertEqual(b.next()[6], "Data/x")
        self.assertEqual(b.subscribe(*[f"more/{i:05}/" for i in range(7000)]), "\0", "16 384 are all that one peer may hold")
        b.close()
        self.assertTrue(a.announced("drop", "bb"))
        self.assertEqual(a.stats()["subscriptions"], 0)

    def test_a_killed_peer_is_announced(self):
        a = Peer(self.broker, "aa")
        child = subprocess.Popen([sys.executable, "-c", PEER_SCRIPT, self.broker.address["vip"],
                                  *[k.decode() for k in (self.broker.keys["busbard"][0], *self.broker.keys["bb"])]])
        self.assertTrue(a.announced("add", "bb"))
        start = time.monotonic()
        child.kill()
        child.wait()
        self.assertTrue(a.announced("drop", "bb"))
        self.assertLess(time.monotonic() - start, 10)
        b = Peer(self.broker, "bb")
        self.assertEqual(b.welcome[5], "welcome")

    def test_a_message_before_a_quick_goodbye_arrives(self):
        b = Peer(self.broker, "bb")
        b.subscribe("Data/")
        for i in range(20):
            a = Peer(self.broker, f"aa.{i}")
            a.socket.linger = 2000
            a.publish("Data/x", i)
            a.close()
            self.assertEqual(json.loads(b.next()[7])["message"], i)
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while len(b.stats()["peers"]) > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual([p["identity"] for p in b.stats()["peers"]], ["bb"])


PEER_SCRIPT = """
import sys, time, zmq
s = zmq.Context().socket(zmq.DEALER)
s.setsockopt(zmq.IDENTITY, b"bb")
if len(sys.argv) > 2:
    s.curve_serverkey, s.curve_publickey, s.curve_secretkey = [k.encode() for k in sys.argv[2:5]]
s.connect(sys.argv[1])
s.send_multipart([b"", b"VIP1", b"", b"h", b"hello", b"hello"])
time.sleep(60)
"""


class Process(unittest.TestCase):
    """Starting, refusing to start, ending."""

    def run_busbard(self, *arguments):
        return subprocess.run([BIN / "busbard", *arguments], capture_output=True, text=True, timeout=PATIENCE_MS / 1000)

    def test_without_keys(self):
        with tempfile.TemporaryDirectory() as home:
            result = self.run_busbard("--home", home)
            self.assertEqual(result.returncode, 2)
            self.assertIn(f"run: busbar init --home {home}", result.stderr)
            result = self.run_busbard("--home", f"{home}/missing")
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(f"run: busbar init --home {home}/missing", result.stderr)

    def test_no_security_only_at_home(self):
        with tempfile.TemporaryDirectory() as home:
            for door in ("vip", "sub", "pub"):
                result = self.run_busbard("--home", home, "--security", "none", f"--{door}", "tcp://0.0.0.0:*")
                self.assertEqual(result.returncode, 2)
                self.assertIn("tcp://0.0.0.0:*", result.stderr)

    def test_one_per_home(self):
        broker = Broker()
        second = self.run_busbard("--home", broker.home, "--vip", "tcp://127.0.0.1:*")
        self.assertEqual(second.returncode, 1)
        self.assertIn("another busbard runs on this home", second.stderr)
        code, log = broker.stop()
        self.assertEqual(code, 0, log)

    def test_address_in_use(self):
        broker = Broker()
        with tempfile.TemporaryDirectory() as home:
            taken = broker.address["vip"]
            result = self.run_busbard("--home", home, "--security", "none", "--vip", taken)
            self.assertEqual(result.returncode, 1)
            self.assertIn(taken, result.stderr)
            self.assertIn('--vip, --sub and --pub, or "vip", "sub" and "pub" in busbard.json', result.stderr)
        broker.stop()

    def test_stale_socket_and_files(self):
        broker = Broker("none")
        broker.process.kill()
        broker.process.wait()
        (broker.home / "run/pub.address").unlink()
        sock = broker.home / "run/vip.sock"
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(str(sock))
        stale.close()
        broker.log.close()
        broker.start(["--vip", f"ipc://{sock}"])
        self.assertTrue(Peer(broker, "aa").welcome)
        home = broker.home
        broker.process.send_signal(signal.SIGTERM)
        self.assertEqual(broker.process.wait(PATIENCE_MS / 1000), 0)
        self.assertEqual([p.name for p in (home / "run").iterdir()], ["busbard.lock"])
        broker.stop()

    def test_configuration(self):
        printed = self.run_busbard("--print-config", "--security", "none")
        self.assertEqual(json.loads(printed.stdout)["security"], "none")
        for flag in ("--help", "--version"):
            self.assertEqual(self.run_busbard(flag).returncode, 0)
        refused = self.run_busbard("--security", "maybe")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("curve", refused.stderr)


if __name__ == "__main__":
    unittest.main()

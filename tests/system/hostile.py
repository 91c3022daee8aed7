#!/usr/bin/env python3
"""hostile.py [--seconds N] [--seed S] [--peers N]: seeded hostile traffic against a busbard, with a neighbour whose calls are timed.

Every number of frames, order, size and encoding, on all three doors and on bare TCP, with keys and without; peers that flood, that
never read, that stop in the middle of a message, that come and go. All the while a well-behaved neighbour publishes, hears and
calls: none of its messages may be missing, and none may take longer than --patience seconds. In the end the broker must still be
there, hold no more memory than RESIDENT_MAX_KIB, and end with status 0 (under sanitizers that says that it leaks nothing).

The same seed makes the same attacks; what they meet depends on the machine's timing.
"""
import argparse
import json
import os
import random
import socket
import struct
import subprocess
import sys
import time

import zmq

import test_vip
from test_vip import Broker, Peer

SUBSYSTEMS = [b"hello", b"ping", b"pubsub", b"peerlist", b"query", b"RPC", b"error", b"agentstop", b"external_rpc", b"", b"\0", b"x" * 300]
OPERATIONS = [b"publish", b"subscribe", b"unsubscribe", b"synchronize", b"list", b"", b"list", b"connected", b"ping", b"pong", b"hello"]
RECIPIENTS = [b"", b"", b"", b"bb", b"cc.none", b"busbar.broker", b"platform.auth", b"config.store", b"platform.config_store", b"federation", b"a@b", b"\xff", b"x" * 255,
              b"x" * 256]
METHODS = ["peers", "topics", "retained", "durable.open", "durable.read", "durable.ack", "durable.list", "durable.drop", "get_capabilities",
           "initialize_configs", "get_configs", "manage_store", "set_config", "get_config", "list_configs", "delete_config", "inspect", "peers.inspect", "x", ""]
VALUES = [None, True, -1, 0, 1, 2 ** 63, 1e308, "", "x", "\u0100", "Data/", "a" * 5000, [], {}, [None] * 50, {"*args": [], "**kwargs": {}},
          ["Data/"], {"time_ms": 1}, "start"]
TEXTS = [b"", b"{}", b"[]", b"null", b"NaN", b"-Infinity", b"[" * 100, b"{" * 100, b'{"a":' * 80, b'"\\ud800"', b'"\xc3\x28"', b"\xef\xbb\xbf{}",
         b'{"prefix":"","bus":""}', b'{"prefix":["Data/","Data/a","x"],"bus":"","all_platforms":true}', b'{"prefix":null,"bus":null}',
         b'{"bus":"","headers":{},"message":1}', b'{"bus":"","headers":{},"message":NaN,"sender":"bb","\\u0073ender":1}',
         b'{"bus":"","headers":{},"message":"\xe9\x00"}', b'{"subscriptions":{"internal":{"":["Data/"]},"all":{"":[]}}}', b'{"prefix":',
         b'{"bus":"","headers":[],"message":{}}', b'{"bus":"x","headers":{},"message":{}}', b"1e999", b"0" * 5000, b"\0" * 64]


# What the broker may hold in the end, with its peers gone: freed memory that its allocator keeps (AddressSanitizer keeps 256 MiB).
RESIDENT_MAX_KIB = (900 if "/dev/" in str(test_vip.BIN) else 128) << 10


def say(*words):
    print(*words, flush=True)


class Hostile:
    """One source of hostile traffic; each method is one attack."""

    def __init__(self, broker, seed, number):
        self.broker, self.number = broker, number
        self.chance = random.Random(f"{seed}.{number}")
        self.sockets, self.count = [], {}

    def pick(self, *what):
        return self.chance.choice(what)

    def blob(self, most=400):
        size = self.chance.randrange(most) if self.chance.random() < 0.98 else self.chance.randrange(1 << self.chance.randrange(1, 21))
        return self.chance.randbytes(size)

    def text(self):
        kind = self.chance.random()
        if kind < 0.5:
            return self.chance.choice(TEXTS)
        if kind < 0.8:
            text = bytearray(self.chance.choice(TEXTS))
            for _ in range(self.chance.randrange(1, 4)):
                if text:
                    text[self.chance.randrange(len(text))] = self.chance.randrange(256)
            return bytes(text)
        return self.blob()

    def call(self):
        request = {"jsonrpc": self.pick("2.0", "2.0", "2.0", "1.0", 2), "id": self.chance.choice(VALUES + ["1", "2"]),
                   "method": self.chance.choice(METHODS),
                   "params": self.pick([self.chance.choice(VALUES) for _ in range(self.chance.randrange(6))],
                                       {self.pick("name", "prefix", "after", "max", "from", "x"): self.chance.choice(VALUES)}, self.chance.choice(VALUES))}
        batch = [request] * self.chance.randrange(1, 70) if self.chance.random() < 0.1 else request
        return json.dumps(batch).encode()

    def frames(self):
        """A message that is nearly one of VIP's, or nothing of the kind."""
        if self.chance.random() < 0.1:
            return [self.blob() for _ in range(self.chance.randrange(1, 80))]
        subsystem = self.chance.choice(SUBSYSTEMS)
        frames = [self.chance.choice(RECIPIENTS), self.pick(b"VIP1", b"VIP1", b"VIP1", b"VIP2", b""), self.pick(b"", b"bb", self.blob(20)),
                  self.blob(30), subsystem]
        if subsystem == b"RPC":
            frames += [self.call() if self.chance.random() < 0.8 else self.text() for _ in range(self.chance.randrange(4))]
        else:
            frames += [self.chance.choice(OPERATIONS)]
            frames += [self.pick(self.text(), b"Data/x", b"Data/d/x", b"", self.blob(2000)) for _ in range(self.chance.randrange(4))]
        kind = self.chance.random()
        if kind < 0.1:
            self.chance.shuffle(frames)
        elif kind < 0.2:
            del frames[self.chance.randrange(len(frames)):]
        elif kind < 0.25:
            frames += [b""] * self.chance.randrange(80)
        return frames or [b""]

    def open(self, kind, key, identity=None):
        if len(self.sockets) > 12:
            self.sockets.pop(self.chance.randrange(len(self.sockets))).close()
        s = test_vip.CONTEXT.socket(kind)
        s.linger = 0
        s.sndtimeo = 0
        if identity is not None:
            s.setsockopt(zmq.IDENTITY, identity)
        if key is not None:
            s.curve_serverkey = self.broker.keys["busbard"][0]
            s.curve_publickey, s.curve_secretkey = self.broker.keys[key]
        self.sockets.append(s)
        return s

    def send_all(self, s, messages):
        for message in messages:
            try:
                s.send_multipart(message)
            except zmq.Again:
                return

    def on_the_vip_door(self):
        """A key with few rights, under identities that it may take, may not take, or cannot be."""
        key = self.pick("aa", "cc", "cc", "stranger", None)
        own = f"{key}.h{self.number}.{self.chance.randrange(6)}".encode()
        s = self.open(zmq.DEALER, key, self.pick(own, own, own, own, b"bb", b"busbar.broker", b"12", b"null", b"\x01\x02", b"x" * 255))
        s.connect(self.broker.address["vip"])
        self.send_all(s, [[b"", b"VIP1", b"", b"h", b"hello", b"hello"]] * self.chance.randrange(2))
        self.send_all(s, [self.frames() for _ in range(self.chance.randrange(1, 120))])
        if self.chance.random() < 0.5:
            s.poll(20)
            while self.chance.random() < 0.9 and s.poll(0):
                s.recv_multipart()

    def flood(self):
        """Valid messages as fast as they go, answers unread."""
        s = self.open(zmq.DEALER, "aa", f"aa.flood{self.number}.{self.chance.randrange(2)}".encode())
        s.connect(self.broker.address["vip"])
        body = json.dumps({"bus": "", "headers": {}, "message": "x" * self.chance.randrange(1, 3000)}).encode()
        self.send_all(s, [[b"", b"VIP1", b"", b"h", b"hello", b"hello"], [b"", b"VIP1", b"", b"s", b"pubsub", b"subscribe", b'{"prefix":["Data/"],"bus":""}']])
        s.poll(30, zmq.POLLOUT)
        self.send_all(s, [[b"", b"VIP1", b"", b"p", b"pubsub", b"publish", b"Data/flood/%d" % self.chance.randrange(9999), body]] * 900)

    def plain(self):
        kind, door = self.pick((zmq.PUB, "pub"), (zmq.XSUB, "sub"), (zmq.XPUB, "pub"), (zmq.DEALER, "pub"), (zmq.SUB, "sub"), (zmq.REQ, "vip"))
        s = self.open(kind, self.pick("aa", "cc", "stranger", None))
        s.connect(self.broker.address[door])
        if kind == zmq.SUB:
            for _ in range(self.chance.randrange(100)):
                s.setsockopt(zmq.SUBSCRIBE, self.blob(60))
            return
        s.poll(20, zmq.POLLOUT)
        for _ in range(self.chance.randrange(1, 200)):
            try:
                s.send_multipart([self.pick(b"Data/x", b"\x01", b"\x00", b"\x01Data/", self.blob(1100)) or b"x"] +
                                 [self.text() for _ in range(self.chance.randrange(4))])
            except zmq.ZMQError:
                return

    def bare_bytes(self):
        """No ZMTP, half of it, or a greeting and then lies about sizes."""
        host, port = self.broker.address[self.pick("vip", "sub", "pub")].removeprefix("tcp://").split(":")
        greeting = b"\xff" + b"\0" * 8 + b"\x7f\x03\x00" + self.pick(b"NULL", b"CURVE", b"PLAIN").ljust(20, b"\0") + b"\0" * 32
        ready = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x06DEALER"
        lie = self.pick(b"\x00\xff", b"\x02" + struct.pack(">Q", 1 << self.chance.randrange(64)), b"\x06" + b"\xff" * 8, b"\x01\x05abc", b"\x04\xff", b"")
        data = self.pick(self.blob(3000), greeting[:self.chance.randrange(65)], greeting + self.blob(300), greeting + ready + lie + self.blob(500))
        with socket.socket() as raw:
            raw.settimeout(1)
            try:
                raw.connect((host, int(port)))
                raw.sendall(data)
                if self.chance.random() < 0.3:
                    raw.recv(1000)
            except OSError:
                pass

    def storm(self):
        """Comes and goes, many times."""
        for _ in range(self.chance.randrange(2, 12)):
            s = self.open(zmq.DEALER, self.pick("aa", "cc", "stranger"), f"cc.storm{self.number}.{self.chance.randrange(4)}".encode())
            s.connect(self.broker.address["vip"])
            self.send_all(s, [[b"", b"VIP1", b"", b"h", b"hello", b"hello"]])
            s.poll(self.chance.randrange(15))
            self.sockets.remove(s)
            s.close()

    def rivals(self):
        """Connections under one identity, each with a megabyte for the broker to keep, and messages that are never whole."""
        name = f"aa.rival{self.number}".encode()
        body = b"x" * 100000
        for _ in range(self.chance.randrange(2, 6)):
            s = self.open(zmq.DEALER, "aa", name)
            s.connect(self.broker.address["vip"])
            self.send_all(s, [[b"", b"VIP1", b"", b"h", b"hello", b"hello"]] * self.chance.randrange(2))
            self.send_all(s, [[b"", b"VIP1", b"", b"p", b"pubsub", b"publish", b"Data/x", body]] * 10)
            s.poll(10)

    ATTACKS = [(on_the_vip_door, 8), (flood, 2), (plain, 3), (bare_bytes, 6), (storm, 1), (rivals, 1)]

    def run(self, end):
        attacks, weights = zip(*self.ATTACKS)
        while time.monotonic() < end:
            attack = self.chance.choices(attacks, weights)[0]
            attack(self)
            self.count[attack.__name__] = self.count.get(attack.__name__, 0) + 1
        say(json.dumps(self.count))


class Target:
    """What a source must know of the broker, as another process."""

    def __init__(self, text):
        parts = json.loads(text)
        self.address = parts["address"]
        self.keys = {name: [key.encode() for key in pair] for name, pair in parts["keys"].items()}

    @staticmethod
    def text(broker):
        return json.dumps({"address": broker.address, "keys": {n: [k.decode() for k in pair] for n, pair in broker.keys.items() if n != "bb"}})


class Sources:
    """Processes that attack. libzmq has flaws of its own on the attacking side; one that dies of them is replaced."""

    def __init__(self, broker, seed, peers, seconds):
        self.broker, self.seed, self.end = broker, seed, time.monotonic() + seconds
        self.generation, self.died, self.counts = 0, 0, {}
        self.processes = [self.start() for _ in range(peers)]

    def start(self):
        self.generation += 1
        process = subprocess.Popen([sys.executable, __file__, "--source", str(self.generation), "--seed", str(self.seed), "--seconds",
                                    str(self.end - time.monotonic())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        process.stdin.write(Target.text(self.broker) + "\n")
        process.stdin.close()
        return process

    def look(self):
        for i, process in enumerate(self.processes):
            if process.poll() is not None and time.monotonic() < self.end - 1:
                self.take(process)
                self.processes[i] = self.start()

    def take(self, process):
        for name, count in json.loads(process.stdout.read() or "{}").items():
            self.counts[name] = self.counts.get(name, 0) + count
        self.died += process.returncode != 0

    def stop(self):
        for process in self.processes:
            try:
                process.wait(max(0, self.end - time.monotonic()) + 20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.take(process)


class Neighbour:
    """Publishes, hears and asks, one after the other, and times it."""

    def __init__(self, broker):
        self.a = Peer(broker, "bb", "bb")
        self.a.subscribe("good/")
        self.rounds, self.worst = 0, 0.0

    def round(self, patience):
        start = time.monotonic()
        self.a.publish("good/n", self.rounds, f"g{self.rounds}")
        self.a.send("busbar.broker", "VIP1", "", f"r{self.rounds}", "RPC",
                    json.dumps({"jsonrpc": "2.0", "id": f"r{self.rounds}", "method": "inspect"}))
        wanted = {("publish", f"g{self.rounds}"), ("request_response", f"g{self.rounds}"), ("RPC", f"r{self.rounds}")}
        while wanted:
            left = patience - (time.monotonic() - start)
            frames = self.a.next(max(0, int(left * 1000)))
            if frames is None:
                raise AssertionError(f"the neighbour waited {patience} s for {wanted}")
            key = ("RPC" if frames[4] == "RPC" else "".join(frames[5:6]), frames[3])
            # What others send to it is none of its business.
            wanted.discard(key)
        self.worst = max(self.worst, time.monotonic() - start)
        self.rounds += 1


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def state_of(broker):
    """What a newcomer sees of the broker: for the report of a failure."""
    try:
        stats = Peer(broker, "aa.report", "aa").stats()
        return {k: v for k, v in stats.items() if k != "peers"}, [p for p in stats["peers"] if p["identity"] == "bb"]
    except (AssertionError, TypeError) as error:
        return f"no answer to a newcomer either: {error}"


def run(broker, neighbour, sources, seconds, patience):
    """Rounds of the neighbour until the end; what failed, or None, and the broker's memory after a quarter of the time."""
    begin = told = time.monotonic()
    early = None
    while time.monotonic() < begin + seconds:
        if broker.process.poll() is not None:
            return f"busbard ended with {broker.process.returncode}", early
        try:
            neighbour.round(patience)
        except AssertionError as error:
            say(state_of(broker))
            return str(error), early
        sources.look()
        if early is None and time.monotonic() > begin + seconds / 4:
            early = resident_kib(broker.process.pid)
        if time.monotonic() - told > 60:
            told = time.monotonic()
            say(f"{int(begin + seconds - told)} s left, {neighbour.rounds} rounds, worst {neighbour.worst * 1000:.0f} ms, "
                f"{resident_kib(broker.process.pid)} KiB")
    return None, early


def attack(seconds, seed, peers, patience):
    """Runs it all; the exit status."""
    broker = Broker("curve", ["--durable", "Data/d/", "--durable", '{"prefix":"Data/e/","keep_bytes":100000}'])
    broker.grant(aa=(["aa", "aa.*"], ["Data/"], ["Data/"]), bb=(["bb"], [""], [""], ["admin"]), cc=(["cc.*"], [], []))
    broker.logged("rules-read")
    neighbour, sources = Neighbour(broker), Sources(broker, seed, peers, seconds)
    failed, early = run(broker, neighbour, sources, seconds, patience)
    sources.stop()
    if failed is None and broker.process.poll() is None:
        neighbour.a.rest()
        stats = neighbour.a.stats()
        say({k: stats[k] for k in ("received", "published", "delivered", "malformed", "refused", "unreachable", "dropped", "keys_refused")},
            f"{early} KiB early, {resident_kib(broker.process.pid)} KiB now")
        if resident_kib(broker.process.pid) > RESIDENT_MAX_KIB:
            failed = f"busbard holds {resident_kib(broker.process.pid)} KiB when all is over"
    say("attacks:", sources.counts, f"sources that died of themselves: {sources.died}")
    say(f"the neighbour: {neighbour.rounds} rounds, the worst {neighbour.worst * 1000:.0f} ms")
    code, log = broker.stop()
    if code != 0 or "Sanitizer" in log or "runtime error" in log:
        failed = failed or f"busbard ended with {code}"
    if failed:
        say(log[-8000:])
    say("FAILED: " + failed if failed else "ok")
    return 1 if failed else 0


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--seed", default=os.environ.get("BUSBAR_SEED", "1"))
    options.add_argument("--peers", type=int, default=4, help="sources of hostile traffic")
    options.add_argument("--patience", type=float, default=15, help="seconds that a round of the neighbour may take")
    options.add_argument("--source", type=int, help="be a source of hostile traffic; standard input says against whom")
    given = options.parse_args()
    if given.source is not None:
        Hostile(Target(sys.stdin.readline()), given.seed, given.source).run(time.monotonic() + given.seconds)
        os._exit(0)
    say(f"hostile.py --seconds {given.seconds:g} --seed {given.seed} --peers {given.peers}")
    return attack(given.seconds, given.seed, given.peers, given.patience)


if __name__ == "__main__":
    sys.exit(main())

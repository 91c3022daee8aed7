#!/usr/bin/env python3
"""Durable topics over real processes and a real disk: what was acknowledged to its publisher reaches each named subscriber, through
kill -9 of either side; bounds, a full disk, access. BUSBAR_SEED repeats a run."""
import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time
import unittest

import zmq

import test_vip
from test_hosted import Caller
from test_overload import BROKER, Overload, shim
from test_vip import BIN, Peer, text_of

SEED = int(os.environ.get("BUSBAR_SEED", "1"))


class Durable(Overload):
    """`orders/` and `Data/d/` are durable."""

    policies = [{"prefix": "orders/", "keep_days": 2}, "Data/d/"]

    def setUp(self):
        # The broker reads busbard.json of its home; the test's own Broker makes the home and starts at once.
        self.settings = json.dumps({"durable": self.policies})
        super().setUp()
        self.restart()

    def start(self, environment=None):
        (self.broker.home / "busbard.json").write_text(self.settings)
        for door in ("vip", "sub", "pub"):
            (self.broker.home / f"run/{door}.address").unlink(missing_ok=True)
        before = dict(os.environ)
        os.environ.update(environment or {})
        try:
            self.broker.start(self.arguments)
        finally:
            os.environ.clear()
            os.environ.update(before)

    def restart(self, how=signal.SIGTERM, environment=None):
        self.broker.process.send_signal(how)
        self.broker.process.wait(20)
        self.broker.log.close()
        self.start(environment)

    def publish(self, peer, topic, message):
        """Publishes and waits for the answer: the frames behind the subsystem."""
        peer.publish(topic, message)
        return peer.answer("pubsub")[5:]

    def open(self, caller, name, *prefixes, start="start", seek=False):
        return caller.result(BROKER, "durable.open", name, list(prefixes), start, seek)

    def read(self, caller, name, **more):
        page = caller.result(BROKER, "durable.read", name=name, **more)
        return [(m["offset"], m["topic"], json.loads(m["message"])) for m in page["messages"]], page


class Kept(Durable):
    def test_from_open_to_drop(self):
        a, b = Caller(self.broker, "aa"), Caller(self.broker, "bb")
        for i in range(5):
            self.assertEqual(self.publish(b, f"orders/{i}", i)[0], "request_response")
        self.publish(b, "other", 1)
        self.publish(a, "Data/d/x", "d")
        opened = self.open(b, "books", "orders/")
        created_ms = b.result(BROKER, "durable.list")["names"][0]["created_ms"]
        self.assertEqual(opened, {"name": "books", "acknowledged": 0, "lost": 0, "created_ms": created_ms})
        rows, page = self.read(b, "books", max=2)
        self.assertEqual(rows, [(1, "orders/0", 0), (2, "orders/1", 1)])
        self.assertTrue(page["more"])
        self.assertEqual(b.result(BROKER, "durable.ack", "books", 2)["acknowledged"], 2)
        rows, page = self.read(b, "books")
        self.assertEqual([r[0] for r in rows], [3, 4, 5])
        self.assertEqual((page["next"], page["more"]), (6, False))
        self.restart(signal.SIGKILL)
        b = Caller(self.broker, "bb")
        self.assertEqual([r[0] for r in self.read(b, "books")[0]], [3, 4, 5])
        listed = b.result(BROKER, "durable.list")
        self.assertEqual([(n["name"], n["acknowledged"], n["behind"], n["prefixes"]) for n in listed["names"]], [("books", 2, 4, ["orders/"])])
        self.assertEqual([(s["prefix"], s["messages"]) for s in listed["streams"]], [("orders/", 5), ("Data/d/", 1)])
        b.result(BROKER, "durable.drop", "books")
        self.assertEqual(b.refused(BROKER, "durable.read", "books"), -32000)

    def test_positions(self):
        b = Caller(self.broker, "bb")
        for i in range(4):
            self.publish(b, "orders/x", i)
        middle = time.time()
        time.sleep(0.05)
        for i in range(4, 8):
            self.publish(b, "orders/x", i)
        for start, first in (("start", 1), (3, 3), ({"time_ms": int(middle * 1000) + 20}, 5), ("now", None)):
            self.open(b, "n", "orders/", start=start, seek=True)
            rows = self.read(b, "n")[0]
            self.assertEqual(rows[0][0] if rows else None, first, start)
        # A name that is there goes on where it was.
        self.open(b, "n", "orders/", start="start")
        self.assertEqual(self.read(b, "n")[0], [])

    def test_waiting_for_a_message(self):
        a, b = Caller(self.broker, "aa"), Caller(self.broker, "bb")
        self.open(a, "n", "Data/d/", start="now")
        a.send(BROKER, "VIP1", "", "m", "RPC", json.dumps({"jsonrpc": "2.0", "id": "w", "method": "durable.read",
                                                           "params": {"name": "n", "wait_ms": 20000}}))
        self.publish(b, "orders/x", 1)
        self.publish(b, "Data/d/x", 2)
        answer = json.loads(a.answer("RPC")[5])["result"]
        self.assertEqual([m["topic"] for m in answer["messages"]], ["Data/d/x"])
        before = time.monotonic()
        self.assertEqual(self.read(a, "n", after=answer["next"], wait_ms=500)[0], [])
        self.assertGreater(time.monotonic() - before, 0.4)

    def test_the_plain_door_and_live_subscribers(self):
        a, b = Caller(self.broker, "aa"), Caller(self.broker, "bb")
        a.subscribe("Data/")
        mouth = self.broker.open(zmq.PUB, "aa")
        mouth.connect(self.broker.address["pub"])
        mouth.poll(500, zmq.POLLOUT)
        time.sleep(0.3)
        mouth.send_multipart([b"Data/d/plain", b'{"headers":{},"message":7}'])
        frames = a.next()
        self.assertEqual((frames[6], json.loads(frames[7])["sender"]), ("Data/d/plain", "aa"))
        self.open(b, "n", "")
        self.assertEqual(self.read(b, "n")[0], [(1, "Data/d/plain", 7)])

    def test_the_publisher_leaves_before_the_disk_is_done(self):
        b = Caller(self.broker, "bb")
        b.subscribe("Data/")
        for i in range(20):
            a = Peer(self.broker, f"aa.gone{i}", "aa")
            a.publish("Data/d/x", i)
            a.send("", "VIP1", "", "s", "agentstop", f"aa.gone{i}")
            self.assertEqual(json.loads(b.next()[7])["message"], i)
            a.close()

    def test_who_may(self):
        a, b, c = Caller(self.broker, "aa"), Caller(self.broker, "bb"), Caller(self.broker, "cc")
        self.assertEqual(a.refused(BROKER, "durable.open", "n", ["orders/"]), -32001)
        self.assertEqual(c.refused(BROKER, "durable.open", "n", [""]), -32001)
        self.open(a, "n", "Data/d/")
        self.open(b, "all", "")
        for peer in (b, c):
            for method, arguments in (("open", (["Data/d/"],) if peer is b else ([""],)), ("read", ()), ("ack", (1,))):
                self.assertEqual(peer.refused(BROKER, f"durable.{method}", "n", *arguments), -32001, method)
        self.assertEqual(c.refused(BROKER, "durable.drop", "n"), -32001)
        self.assertEqual([n["name"] for n in a.result(BROKER, "durable.list")["names"]], ["n"])
        self.assertEqual(sorted(n["name"] for n in b.result(BROKER, "durable.list")["names"]), ["all", "n"])
        self.assertEqual(c.result(BROKER, "durable.list")["names"], [])
        # Narrower rules hold for what is kept already.
        self.publish(b, "Data/d/x", 1)
        self.publish(b, "orders/x", 2)
        self.broker.grant(aa=(["aa"], [], []), bb=(["bb"], [""], ["orders/"], ["admin"]))
        self.broker.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while [r[1] for r in self.read(b, "all")[0]] != ["orders/x"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        b.result(BROKER, "durable.drop", "n")

    def test_wrong_arguments(self):
        b = Caller(self.broker, "bb")
        self.open(b, "n", "orders/")
        for method, arguments in (("open", ("", ["orders/"])), ("open", ("a b", ["orders/"])), ("open", ("x", [])),
                                  ("open", ("x", [1])), ("open", ("x", ["orders/"] * 33)), ("open", ("x", ["orders/"], "then")),
                                  ("open", ("x", ["orders/"], -1)), ("read", ("n", 0)), ("read", ("n", 257)), ("read", ("n", 1, -1)),
                                  ("read", ("n", 1, 0, 60001)), ("ack", ("n", -1))):
            self.assertEqual(b.refused(BROKER, f"durable.{method}", *arguments), -32602, (method, arguments))
        self.assertEqual(b.refused(BROKER, "durable.open", "x", ["elsewhere"]), -32000)
        self.assertIn("never there", b.result(BROKER, "durable.ack", "n", 1)["refused"])

    def test_the_command_line(self):
        a, b = Caller(self.broker, "aa"), Caller(self.broker, "bb")
        for i in range(6):
            self.publish(b, "orders/x", i)

        def sub(*words):
            process = self.busbar("sub", "--durable", "books", "--jsonl", "--timeout", "20", *words, "orders/", key="bb.cli")
            out, err = process.communicate(timeout=40)
            self.assertEqual(process.returncode, 0, err)
            return [(m["offset"], m["message"]) for m in map(json.loads, out.splitlines())]

        self.assertEqual(sub("--from", "start", "--count", "2"), [(1, 0), (2, 1)])
        self.assertEqual(sub("--count", "3"), [(3, 2), (4, 3), (5, 4)])
        self.assertEqual(sub("--from", "2", "--count", "1"), [(2, 1)])
        self.assertEqual(sub("--from", "-1h", "--count", "1"), [(1, 0)])
        waiting = self.busbar("sub", "--durable", "books", "--jsonl", "--from", "now", "--count", "1", "orders/", key="bb.cli")
        while b.result(BROKER, "durable.list")["names"][0]["acknowledged"] != 6:
            time.sleep(0.05)
        self.publish(b, "orders/y", "later")
        self.assertEqual(json.loads(waiting.communicate(timeout=20)[0])["message"], "later")
        out, err = self.busbar("durable", "list", "--json", key="bb.cli").communicate(timeout=20)
        self.assertEqual([(n["name"], n["acknowledged"]) for n in json.loads(out)["names"]], [("books", 7)], err)
        self.assertEqual(self.busbar("durable", "drop", "books", key="bb.cli").wait(20), 0)
        self.assertEqual(self.busbar("durable", "drop", "books", key="bb.cli").wait(20), 3)
        self.assertEqual(self.busbar("sub", "--durable", "a b", "orders/", key="bb.cli").wait(20), 1)


class Bounded(Durable):
    policies = [{"prefix": "orders/", "keep_bytes": 20000}]

    def test_what_is_let_go_is_counted(self):
        b = Caller(self.broker, "bb")
        self.open(b, "n", "orders/")
        for i in range(100):
            self.publish(b, "orders/x", "x" * 1000)
        rows, page = self.read(b, "n", max=256)
        self.assertEqual(page["lost"] + len(rows), 100)
        self.assertEqual(rows[-1][0], 100)
        self.assertGreater(len(rows), 10)
        self.assertEqual(b.result(BROKER, "durable.list")["streams"][0]["trimmed"], page["lost"])


class FullDisk(Durable):
    def test_publishes_are_refused_and_everything_else_goes_on(self):
        full = self.broker.home / "full"
        self.restart(environment={"LD_PRELOAD": shim(), "BUSBAR_DISK_FULL": str(full)})
        a, b = Caller(self.broker, "aa"), Caller(self.broker, "bb")
        a.subscribe("Data/")
        self.assertEqual(self.publish(b, "orders/x", 1)[0], "request_response")
        full.touch()
        frames = self.publish(b, "orders/x", 2)
        self.assertIn(frames[0], ("28", "5"))
        self.assertIn("could not be kept", frames[1])
        self.assertEqual(self.publish(b, "Data/live", 3)[0], "request_response")
        self.assertEqual(a.next()[6], "Data/live")
        trouble = [h["trouble"] for h in b.stats()["hosted"] if h["identity"] == BROKER]
        self.assertEqual(trouble, ["the disk does not take durable messages"])
        self.assertIn("refused", b.result(BROKER, "durable.open", "n", ["orders/"]))
        out = self.busbar("pub", "orders/x", "4", key="bb.cli")
        err = out.communicate(timeout=20)[1]
        self.assertIn("could not be kept", err)
        full.unlink()
        self.assertEqual(self.publish(b, "orders/x", 5)[0], "request_response")
        self.open(b, "n", "orders/")
        self.assertEqual([r[2] for r in self.read(b, "n")[0]], [1, 5])


class Crashes(Durable):
    """A publisher that counts up while broker and subscriber are killed, over and over."""

    def listen(self, out):
        """The subscriber, on an address that stays the same when the broker starts anew."""
        return subprocess.Popen([BIN / "busbar", "sub", "--durable", "books", "--jsonl", "orders/", "--home", self.broker.home,
                                 "--address", f"ipc://{self.broker.home}/run/fixed.sock", "--as", "bb.cli"], stdout=out)

    def publish_until(self, stop, acknowledged):
        """Publishes numbers, 32 at a time without an answer, and notes those that are acknowledged; connects anew when the broker
        is another."""
        number, broker, peer, waiting = 0, None, None, {}
        while not stop.is_set():
            if broker is not self.broker.process or self.broker.process.poll() is not None:
                if not self.up.wait(0.1):
                    continue
                broker, waiting = self.broker.process, {}
                try:
                    peer = Peer(self.broker, "bb.publisher", "bb")
                except (AssertionError, zmq.ZMQError):
                    broker = None
                    continue
            while len(waiting) < 32:
                number += 1
                waiting[f"p{number}"] = number
                peer.publish("orders/x", number, f"p{number}")
            frames = peer.next(200)
            if frames is not None and frames[5] == "request_response" and frames[3] in waiting:
                acknowledged.append(waiting.pop(frames[3]))

    def kill_broker(self):
        self.up.clear()
        self.broker.process.kill()
        self.broker.process.wait()
        self.broker.log.close()
        self.start()
        self.up.set()

    def test_nothing_acknowledged_is_lost(self):
        print(f"\nseed {SEED}", flush=True)
        chance = random.Random(SEED)
        self.arguments = ("--vip", f"ipc://{self.broker.home}/run/fixed.sock")
        self.restart()
        self.key_file("bb.cli")
        (self.broker.home / "keys/busbard.pub").write_text(text_of(self.broker.keys["busbard"][0]))
        self.open(Caller(self.broker, "bb"), "books", "orders/")
        acknowledged, stop = [], threading.Event()
        self.up = threading.Event()
        self.up.set()
        heard = self.broker.home / "heard"
        thread = threading.Thread(target=self.publish_until, args=(stop, acknowledged))
        with open(heard, "ab") as out:
            reader = self.listen(out)
            thread.start()
            for turn in range(6):
                time.sleep(chance.uniform(0.3, 0.8))
                if turn % 2 == 0:
                    self.kill_broker()
                else:
                    reader.kill()
                    reader.wait()
                    # What it was writing when it died ends here.
                    out.write(b"\n")
                    out.flush()
                    reader = self.listen(out)
            time.sleep(0.5)
            stop.set()
            thread.join()
            b, deadline = Caller(self.broker, "bb"), time.monotonic() + 30
            while (name := b.result(BROKER, "durable.list")["names"][0])["behind"] > 0:
                self.assertLess(time.monotonic(), deadline, name)
                time.sleep(0.05)
            reader.kill()
            reader.wait()
        numbers, cut = [], 0
        for line in heard.read_bytes().splitlines():
            try:
                numbers.append(json.loads(line)["message"])
            except ValueError:
                cut += 1
        print(f"{len(acknowledged)} acknowledged, {len(numbers)} heard, {len(numbers) - len(set(numbers))} of them again", flush=True)
        self.assertGreater(len(acknowledged), 100)
        self.assertEqual(set(acknowledged) - set(numbers), set())
        self.assertLessEqual(cut, 2 * 4)
        self.assertEqual(name["lost"], 0)


if __name__ == "__main__":
    unittest.main()

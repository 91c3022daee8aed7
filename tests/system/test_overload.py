#!/usr/bin/env python3
"""What the broker counts and keeps, and what happens when a peer is slow, stopped, flooding, lying, or one of very many."""
import json
import subprocess
import threading
import time
import unittest

import zmq

import test_vip
from test_hosted import Caller
from test_vip import BIN, Peer, text_of

BROKER = "busbar.broker"


class Overload(test_vip.WithBroker):
    """`aa` publishes and hears Data/; `bb` hears all and may do everything; `cc` may nothing."""

    def setUp(self):
        super().setUp()
        self.broker.grant(aa=(["aa", "aa.*"], ["Data/", "heartbeat/"], ["Data/"]), bb=(["bb", "bb.*"], [""], [""], ["admin"]),
                          cc=(["cc", "cc.*"], [], []))
        self.broker.process.send_signal(test_vip.signal.SIGHUP)
        self.broker.logged("rules-read")

    def row(self, caller, identity):
        rows, after = {}, None
        while True:
            page = caller.result(BROKER, "peers", *([after] if after else []))
            rows.update({row["identity"]: row for row in page["peers"]})
            after = page["next"]
            if after is None:
                return rows.get(identity)

    def key_file(self, identity):
        """The key of `identity` is that of what stands before its dot."""
        path = self.broker.home / "keys" / f"{identity}.json"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text((self.broker.home / "keys" / f"{identity.split('.')[0]}.json").read_text())

    def busbar(self, *words, key="bb", **more):
        """A busbar of this home with the identity `key`, and the key of what stands before its dot."""
        self.key_file(key)
        address = (self.broker.home / "run/vip.address").read_text().strip()
        return subprocess.Popen([BIN / "busbar", *words, "--home", self.broker.home, "--address", address, "--as", key],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


class Counted(Overload):
    def test_a_row_of_the_peers(self):
        a, b = Caller(self.broker, "aa"), Caller(self.broker, "bb")
        a.subscribe("Data/x", "Data/y")
        for i in range(10):
            a.publish("Data/x", i)
            self.assertEqual(a.next()[5], "publish")
            self.assertEqual(a.answer("pubsub")[5], "request_response")
        row = self.row(b, "aa")
        self.assertEqual((row["user"], row["key"], row["published"], row["subscriptions"]), ("aa", text_of(self.broker.keys["aa"][0]), 10, 2))
        # hello, subscribe, 10 publishes; welcome, acknowledgement, 10 deliveries, 10 acknowledgements, and bb's arrival.
        self.assertEqual((row["received"], row["delivered"], row["dropped"], row["queued"]), (12, 23, 0, 0))
        self.assertGreater(row["received_bytes"], 10 * len('Data/x{"bus": "", "headers": {}, "message": 0}'))
        self.assertGreater(row["delivered_bytes"], row["received_bytes"])
        self.assertEqual(row["address"], "127.0.0.1")
        self.assertLess(abs(row["connected_ms"] / 1000 - time.time()), 60)
        self.assertLessEqual(row["connected_ms"], row["heard_ms"])

    def test_others_see_their_own_row_only(self):
        c = Caller(self.broker, "cc")
        Caller(self.broker, "bb")
        self.assertEqual([row["identity"] for row in c.result(BROKER, "peers")["peers"]], ["cc"])

    def test_drops_are_counted_exactly(self):
        """Who does not read gets the oldest messages and the newest ones; what lies between is counted."""
        a, b = Caller(self.broker, "aa"), Caller(self.broker, "bb")
        slow = Peer(self.broker, "aa.slow", "aa", hello=False)
        slow.socket.rcvhwm = 10
        slow.socket.rcvbuf = 4096
        slow.send("", "VIP1", "", "h", "hello", "hello")
        slow.answer("hello")
        slow.subscribe("Data/")
        total, text = 6000, "x" * 3000
        for i in range(total):
            a.publish("Data/n", {"n": i, "text": text})
            self.assertEqual(a.answer("pubsub")[5], "request_response")
        row = self.row(b, "aa.slow")
        self.assertGreater(row["dropped"], 0)
        self.assertGreater(row["dropped_bytes"], row["dropped"] * 3000)
        self.assertEqual(b.stats()["dropped"], row["dropped"])
        got = []
        while len(got) < total - row["dropped"]:
            frames = slow.next()
            self.assertIsNotNone(frames, f"{len(got)} of {total - row['dropped']}")
            got.append(json.loads(frames[7])["message"]["n"])
        self.assertIsNone(slow.next(300))
        self.assertEqual(got, sorted(set(got)))
        self.assertEqual(got[-1], total - 1)
        self.assertEqual(self.row(b, "aa.slow")["dropped"], row["dropped"])

    def test_topic_stats(self):
        a, b, c = Caller(self.broker, "aa"), Caller(self.broker, "bb"), Caller(self.broker, "cc")
        for i in range(5):
            a.publish("Data/one", i)
            a.answer("pubsub")
        b.publish("other/\xe9", [1])
        b.answer("pubsub")
        rows = {row["topic"]: row for row in b.result(BROKER, "topics")["topics"]}
        self.assertEqual(set(rows), {"Data/one", "other/\xe9"})
        one = rows["Data/one"]
        self.assertEqual((one["messages"], one["bytes"], one["sender"], one["retained"]), (5, 5 * 3, "aa", True))
        self.assertGreater(one["rate"], 0)
        self.assertEqual([r["topic"] for r in a.result(BROKER, "topics")["topics"]], ["Data/one"])
        self.assertEqual([r["topic"] for r in b.result(BROKER, "topics", "other/\xe9")["topics"]], ["other/\xe9"])
        self.assertEqual(c.result(BROKER, "topics")["topics"], [])

    def test_the_command_line(self):
        a = Caller(self.broker, "aa")
        a.publish("Data/one", 1)
        a.answer("pubsub")
        out, err = self.busbar("peers", "--json").communicate(timeout=20)
        self.assertEqual({p["identity"] for p in json.loads(out)["peers"]}, {"aa", "bb"}, err)
        out, err = self.busbar("topic", "stats", "Data/", "--json").communicate(timeout=20)
        self.assertEqual([(t["topic"], t["messages"]) for t in json.loads(out)["topics"]], [("Data/one", 1)], err)
        for words in (["peers"], ["topic", "stats"]):
            out, err = self.busbar(*words).communicate(timeout=20)
            self.assertIn("aa", out, err)


class Retained(Overload):
    def test_pages(self):
        a, b = Caller(self.broker, "aa"), Caller(self.broker, "bb")
        for i in range(25):
            for k in range(2):
                a.publish(f"Data/{i:02}", [i, k])
                a.answer("pubsub")
        got, after = [], None
        while True:
            page = a.result(BROKER, "retained", prefix="Data/", max=7, **({"after": after} if after else {}))
            got += page["messages"]
            after = page["next"]
            if after is None:
                break
        self.assertEqual([(m["topic"], json.loads(m["message"])) for m in got], [(f"Data/{i:02}", [i, 1]) for i in range(25)])
        self.assertEqual({m["sender"] for m in got}, {"aa"})
        self.assertEqual(len(b.result(BROKER, "retained")["messages"]), 25)

    def test_nobody_reads_what_he_may_not_subscribe(self):
        b, c, a = Caller(self.broker, "bb"), Caller(self.broker, "cc"), Caller(self.broker, "aa")
        for topic in ("secret/x", "Data/x", "Dat"):
            b.publish(topic, 1)
            b.answer("pubsub")
        self.assertEqual(c.result(BROKER, "retained")["messages"], [])
        self.assertEqual([m["topic"] for m in a.result(BROKER, "retained")["messages"]], ["Data/x"])

    def test_refused_arguments(self):
        a = Caller(self.broker, "aa")
        for arguments in ({"max": 0}, {"max": 257}, {"prefix": 1}, {"prefix": "\u0100"}, {"after": "x" * 1025}, {"more": 1}):
            self.assertEqual(a.refused(BROKER, "retained", **arguments), -32602, arguments)

    def test_state_then_what_comes_without_gap_or_repeat(self):
        """While 40 topics count up, a late subscriber sees each count on from some number, every number once."""
        a = Caller(self.broker, "aa")
        stop, last = threading.Event(), [0]

        def publish():
            n = 0
            while not stop.is_set():
                n += 1
                for t in range(40):
                    a.publish(f"Data/{t:02}", n)
                for t in range(40):
                    a.answer("pubsub")
            last[0] = n

        thread = threading.Thread(target=publish)
        thread.start()
        time.sleep(0.3)
        late = self.busbar("sub", "--retained", "--jsonl", "Data/", "--count", "4000")
        out, err = late.communicate(timeout=60)
        stop.set()
        thread.join()
        self.assertEqual(late.returncode, 0, err)
        seen = {}
        for line in out.splitlines():
            m = json.loads(line)
            seen.setdefault(m["topic"], []).append((m["message"], m.get("retained", False)))
        self.assertEqual(len(seen), 40)
        for topic, values in seen.items():
            self.assertTrue(values[0][1], topic)
            self.assertFalse(any(kept for _, kept in values[1:]), topic)
            self.assertEqual([n for n, _ in values], list(range(values[0][0], values[0][0] + len(values))), topic)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Durable topics over links: what a broker has acknowledged to its publisher reaches the durable subscriber of the other platform,
once, wherever it is cut and whatever is refused. BUSBAR_SEED repeats a run."""
import json
import os
import random
import time
import unittest

from federation import BROKER, TOPIC, DurableFederation, Federation, Peer, Publisher, Relay, eventually

SEED = int(os.environ.get("BUSBAR_SEED", "1"))


class Durable(DurableFederation):
    def test_it_crosses_with_its_origin(self):
        a, b = self.pair()
        pa, pb = self.start(subscribe=["D/"])
        pa.publish(TOPIC, {"kw": 1.50}, {"Unit": "kW", "Busbar-Origin": [1, 1], "Busbar-Via": ["b"]})
        (topic, got), = pb.listen(1)
        self.assertEqual((topic, got["sender"], got["message"]), (TOPIC, "peer@a", {"kw": 1.5}))
        self.assertEqual((got["headers"]["Unit"], got["headers"]["Busbar-Via"]), ("kW", ["a"]))
        offset, time_ms = got["headers"]["Busbar-Origin"]
        self.assertEqual(offset, 1)
        self.assertLess(abs(time_ms - time.time() * 1000), 60000)
        pb.publish(TOPIC, 2)
        self.assertEqual([m["sender"] for _, m in pa.listen(2)], ["peer", "peer@b"])
        # It does not come back, and the exporter knows that it arrived.
        self.assertEqual([m["sender"] for _, m in pb.listen(1)], ["peer"])
        out = self.state(a)["b"]["durable_out"]
        self.assertEqual((out["name"], out["sent"], out["reason"]), ("federation.b", 1, ""))
        eventually(lambda: self.state(a)["b"]["durable_out"]["acknowledged"] == 2, "both are acknowledged")
        names = pa.call(BROKER, "durable.list")["result"]["names"]
        self.assertEqual(names, [])  # another key's name is nobody's business

    def test_what_was_there_before_the_agents_crosses(self):
        a, b = self.pair()
        for p in (a, b):
            p.start_broker()
            self.peers[p.name] = Peer(p)
        for i in range(300):
            self.peers["a"].publish(TOPIC, i)
        a.start_agent()
        time.sleep(0.3)
        b.start_agent()
        self.assertEqual(self.until_kept(b, 300), list(range(300)))

    def test_a_cut_wire_loses_nothing_and_repeats_nothing(self):
        chance = random.Random(SEED)
        a, b = self.pair(relay=False)
        relay = Relay(b.port)
        self.addCleanup(relay.end)
        a.link(b, dials=True, port=relay.port, export=[], durable=["D/"])
        b.link(a, export=[])
        self.start(queue_messages=10)  # the ordinary queue plays no part
        publisher = Publisher(a, 1000, 0.001)
        while publisher.is_alive():
            time.sleep(chance.uniform(0.05, 0.3))
            relay.cut()
            time.sleep(chance.uniform(0.01, 0.2))
            relay.mend()
        self.assertIsNone(publisher.error)
        self.assertEqual(self.until_kept(b, 1000), list(range(1000)), f"seed {SEED}")

    def test_a_refusal_holds_and_is_told(self):
        a, b = self.pair()
        for entry in b.entries:
            if entry["identities"] == ["federation"]:
                entry["publish"] = ["T/"]
        b.write_access()
        pa, pb = self.start(subscribe=["D/"])
        pa.publish(TOPIC, 7)
        reason = eventually(lambda: self.state(a)["b"]["durable_out"]["reason"], "a says why it waits")
        self.assertIn("not granted", reason)
        for entry in b.entries:
            if entry["identities"] == ["federation"]:
                entry["publish"] = ["D/"]
        b.write_access()
        self.assertEqual([m["message"] for _, m in pb.listen(1)], [7])
        eventually(lambda: self.state(a)["b"]["durable_out"]["reason"] == "", "the trouble is over")
        self.assertIn("durable to b: 1 sent, 0 lost, acknowledged up to offset 1\n", a.shown("platforms"))
        self.assertIn("durable from a: 1 received, 0 came again\n", b.shown("platforms"))

    def test_a_broker_that_keeps_nothing_is_told(self):
        a, b = self.pair()
        a.durable = []
        self.start()
        reason = eventually(lambda: self.state(a)["b"]["durable_out"]["reason"], "a says why nothing crosses")
        self.assertIn("durable", reason)

    def test_what_the_disk_let_go_and_what_is_too_large_is_told(self):
        a, b = self.pair()
        a.durable = [{"prefix": "D/", "keep_bytes": 3000000}]
        for p in (a, b):
            p.start_broker()
            self.peers[p.name] = Peer(p)
        a.start_agent()
        eventually(lambda: self.state(a).get("b", {}).get("durable_out", {}).get("opened"), "the name is there")
        pa = self.peers["a"]
        for i in range(8):
            pa.publish(TOPIC, str(i) * 600000)
        pa.publish(TOPIC, "x" * (2 << 20))
        pa.publish(TOPIC, "last")
        for _ in range(10):
            pa.wait(lambda f: f[4:6] == ["pubsub", "request_response"])
        b.start_agent()
        eventually(lambda: "last" in [m for m, _, _ in self.kept(b)], "what is left has crossed")
        out = self.state(a)["b"]["durable_out"]
        came = [m for m, _, _ in self.kept(b)]
        self.assertGreater(out["lost"], 3)
        self.assertEqual((out["too_large"], out["lost"] + len(came) + 1), (1, 10))
        self.assertIn("event=durable-lost", (a.home / "log").read_text())

    def test_over_a_ring_each_comes_once_everywhere(self):
        names = "abc"
        platforms = self.pair(names, relay=True)
        for x, y in ("ab", "bc", "ca"):
            one, other = platforms[names.index(x)], platforms[names.index(y)]
            one.link(other, dials=True, export=[], durable=["D/"], relay=True)
            other.link(one, export=[], durable=["D/"], relay=True)
        peers = self.start(subscribe=[])
        for i in range(100):
            for peer in peers:
                peer.publish(TOPIC, i)
        for peer in peers:
            self.until_kept(peer.platform, 100)
        eventually(lambda: all(len(self.kept(p)) >= 300 for p in platforms), "300 everywhere")
        time.sleep(0.5)
        for platform in platforms:
            rows = self.kept(platform)
            self.assertEqual(len(rows), 300, platform.name)
            for source in names:
                sender = "peer" if source == platform.name else f"peer@{source}"
                self.assertEqual(sorted(r[0] for r in rows if r[1] == sender), list(range(100)))

    def test_a_guest_with_nonsense(self):
        a, b = self.make("ab")
        b.durable = ["D/"]
        b.link(a)
        b.admit(None, ["federation.a"], public=a.keys["federation.a"][0])
        b.start_broker()
        self.peers["b"] = Peer(b, subscribe=["D/"])
        b.start_agent()
        eventually(lambda: self.state(b), "the agent of b")
        guest = self.peers["guest"] = Peer(b, "federation.a", key=a.keys["federation.a"])
        good = {"way": ["a"], "incarnation": 1, "number": 1, "topic": TOPIC, "sender": "x@a", "headers": "{}", "message": "1",
                "offset": 1, "time_ms": 5}
        for junk in (None, [], [1], {"x": 1}, [{}], [{"stream": 1}], [{"stream": 0, "messages": []}], [{"stream": 1, "messages": [1]}],
                     [{"stream": 1, "messages": [good, good]}], [{"stream": 1, "messages": [good] * 300}],
                     [{"stream": 1, "messages": [{**good, "offset": -1}]}], [{"stream": "1", "messages": [good]}],
                     [{"stream": 1, "messages": [{**good, "time_ms": -1}]}]):
            self.assertIn("error", guest.call("federation", "carry_durable", junk), junk)
        bad = [{"way": []}, {"way": ["c"]}, {"sender": "x@b"}, {"message": "{"}, {"headers": "[]"}, {"topic": ""}, {"way": ["b", "a"], "sender": "x@b"}]
        for n, change in enumerate(bad):
            self.assertEqual(guest.call("federation", "carry_durable", [{"stream": 1, "messages": [{**good, **change, "offset": n + 1}]}])["result"], True)
        self.assertEqual(self.peers["b"].listen(0), [])
        batch = [{"stream": 1, "messages": [{**good, "offset": 20}, {**good, "offset": 21, "number": 2}]}]
        for _ in range(3):
            self.assertEqual(guest.call("federation", "carry_durable", batch)["result"], True)
        self.assertEqual(len(self.peers["b"].listen(2)), 2)
        # After a restart of the agent they are known still; of another stream they are other messages.
        self.restart_agent(b)
        eventually(lambda: self.state(b), "the agent of b is back")
        eventually(lambda: guest.call("federation", "carry_durable", batch).get("result"), "it takes batches")
        self.assertEqual(self.peers["b"].listen(0), [])
        guest.call("federation", "carry_durable", [{**batch[0], "stream": 2}])
        self.assertEqual(len(self.peers["b"].listen(2)), 2)
        # An offset that was there before, but later: the log was brought back from a copy.
        later = [{"stream": 2, "messages": [{**good, "offset": 20, "number": 20, "time_ms": 9}]}]
        guest.call("federation", "carry_durable", later)
        self.assertEqual(len(self.peers["b"].listen(1)), 1)


class Memory(Federation):
    def test_a_damaged_memory_is_told_and_loses_nothing(self):
        a, b = self.make("ab")
        for p in (a, b):
            p.durable = ["D/"]
            (p.home / "federation-crossed.json").write_text('{"version":1,"links":{"a":7}}')
        self.connect([(a, b)], export=[], durable=["D/"])
        pa, pb = self.start(subscribe=["D/"])
        pa.publish(TOPIC, 1)
        self.assertEqual(len(pb.listen(1)), 1)
        self.assertIn("crossed-not-read", (b.home / "log").read_text())
        self.assertEqual(json.loads((b.home / "federation-crossed.json").read_text())["links"]["a"]["offset"], 1)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""The directory on the bus: registered by Python peers and by agents in C, found by calls and by the command line, also on another platform;
gone with its peer, back after restarts; nobody speaks for another."""
import json
import unittest

import agents
import vip
from agents import eventually
from movers import Platform, example_in_c, pair

METER = {"name": "meter", "version": "2", "methods": [{"name": "read", "params": {"type": "object", "properties": {"phase": {"type": "integer"}}},
                                                        "result": {"type": "number"}}, "reset"],
         "topics": ["Data/"], "properties": {"unit": "kW"}}


class Directory(unittest.TestCase):
    def setUp(self):
        self.p = Platform("north")

        def end():
            log = self.p.stop()
            self.assertNotIn("Sanitizer", log)
            self.assertNotIn("CHECK", log)
        self.addCleanup(end)
        self.p.start_all()

    def lookup(self, peer=None, **conditions):
        return (peer or self.p.boss).call("agentd", "directory.lookup", conditions)["services"]

    def found(self, **conditions):
        return [(s["peer"], s["name"]) for s in self.lookup(**conditions)]

    def test_who_offers_what(self):
        p = self.p
        ear = vip.Ear(p.home, "directory/", key="boss")
        self.addCleanup(ear.close)
        meter, other = p.peer("boss.meter", "boss"), p.peer("guest", "guest")
        # A subscription takes its time to reach the broker: said again until it is heard.
        added = {"change": "add", "peer": "boss.meter", "service": "meter"}
        for _ in range(20):
            self.assertIs(p.call("directory.register", peer=meter, services=[METER]), True)
            ear.listen(0.5)
            if ear.last.get("directory/changes") == added:
                break
            self.assertIs(p.call("directory.withdraw", peer=meter), True)
        self.assertEqual(ear.last.get("directory/changes"), added)
        service = self.lookup(other, name="met*", method="read", properties={"unit": "kW"})[0]
        self.assertEqual({k: service[k] for k in ("peer", "platform", "name", "version", "topics", "properties")},
                         {"peer": "boss.meter", "platform": "north", "name": "meter", "version": "2", "topics": ["Data/"],
                          "properties": {"unit": "kW"}})
        self.assertEqual([m["name"] for m in service["methods"]], ["read", "reset"])
        self.assertGreater(service["since_ms"], 1.7e12)
        # A peer speaks for itself only: what it says of another changes nothing.
        self.assertIs(p.call("directory.register", peer=other, services=[{"name": "meter"}]), True)
        self.assertEqual(self.found(name="meter"), [("boss.meter", "meter"), ("guest", "meter")])
        with self.assertRaisesRegex(vip.Refused, "unknown member"):
            p.call("directory.register", peer=other, peer_="boss.meter", services=[])
        with self.assertRaisesRegex(vip.Refused, "nothing else"):
            p.call("directory.register", peer=other, services=[{"name": "meter", "peer": "boss.meter"}])
        with self.assertRaisesRegex(vip.Refused, "at most 64"):
            p.call("directory.register", peer=other, services=[{"name": f"s{i}"} for i in range(65)])
        with self.assertRaisesRegex(vip.Refused, "no service clock"):
            p.call("directory.withdraw", peer=other, name="clock")
        self.assertEqual(self.found(name="meter"), [("boss.meter", "meter"), ("guest", "meter")])
        self.assertIs(p.call("directory.withdraw", peer=other), True)
        self.assertEqual(self.found(name="meter"), [("boss.meter", "meter")])
        # The command line.
        shown = p.busbar("directory", "find", "met*", "--method", "read", "--peer", "boss.meter")
        self.assertRegex(shown.stdout, r"(?m)^meter\s+2\s+boss.meter\s+north\s+read, reset\s+Data/", shown.stderr)
        self.assertEqual([s["peer"] for s in json.loads(p.busbar("directory", "find", "meter", "--json").stdout)["services"]], ["boss.meter"])
        self.assertTrue(p.busbar("directory", "find", "--csv").stdout.startswith("service,version,peer,platform,methods,topics,since"))
        shown = p.busbar("directory", "show", "boss.meter")
        self.assertIn('params {"type":"object","properties":{"phase":{"type":"integer"}}}', shown.stdout)
        self.assertEqual(json.loads(p.busbar("directory", "show", "boss.meter", "--json").stdout)["version"], 1)
        for words, code, said in ((("show", "nobody"), 3, "has registered nothing"), (("find", "a", "b"), 2, "argument"),
                                  (("find", "--platform", "south"), 4, "agentd@south"), (("show",), 2, "")):
            run = p.busbar("directory", *words)
            self.assertEqual(run.returncode, code, run.stderr)
            self.assertIn(said, run.stderr)
        self.assertIn("--platform", p.busbar("directory", "find", "--help").stdout)
        # When it leaves the bus it is gone.
        meter.send("", "agentstop", "boss.meter")
        ear.until(lambda last: last.get("directory/changes", {}).get("change") == "drop", 10, "drop")
        self.assertEqual(self.found(name="meter"), [])

    def test_agents_in_c_are_there_again_after_restarts(self):
        p = self.p
        eventually(lambda: self.found(name="federation") == [("federation", "federation")], "the federation agent")
        for again in range(2):
            p.kill(p.agentd)
            p.start_agentd()
            eventually(p.answers, "agentd")
            eventually(lambda: self.found(name="federation"), "again after agentd's restart")
            p.kill(p.broker)
            p.start_broker()
            p.renew()
            eventually(p.answers, "agentd on the new broker")
            eventually(lambda: self.found(name="federation"), "again after the broker's restart")
        # A peer that was not heard to leave, since agentd was not there, is not listed either.
        meter = p.peer("boss.meter", "boss")
        p.call("directory.register", peer=meter, services=[METER])
        p.kill(p.broker)
        meter.close()
        p.peers.remove(meter)
        p.start_broker()
        p.renew()
        eventually(p.answers, "agentd on the new broker")
        eventually(lambda: ("boss.meter", "meter") not in self.found(), "it has gone")
        p.stop_federation()
        eventually(lambda: self.found() == [], "the federation agent has gone")

    def test_a_hosted_agent_in_c(self):
        p, (manifest, program) = self.p, example_in_c()
        p.install(agents.bundle({"counter": program}, **manifest), enable=True,
                  grant={"publish": manifest["publish"], "subscribe": [], "capabilities": []})
        eventually(lambda: self.found(name="counter", method="count"), "it offers")
        p.call("agent.stop", name=manifest["name"])
        eventually(lambda: not self.found(name="counter"), "it is gone with its process")


class Platforms(unittest.TestCase):
    def test_another_platforms_directory(self):
        a, b = pair(self)
        meter = b.peer("boss.meter", "boss")
        b.call("directory.register", peer=meter, services=[METER])
        run = a.busbar("directory", "find", "meter", "--platform", "b", "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual([(s["peer"], s["platform"]) for s in json.loads(run.stdout)["services"]], [("boss.meter", "b")])
        self.assertEqual(a.busbar("directory", "show", "boss.meter", "--platform", "b").returncode, 0)
        # Nobody registers over a link, even where the link would let it through.
        b.allow("agentd/*")

        def refused():
            try:
                return a.boss.call("agentd@b", "directory.register", {"services": [METER]})
            except vip.Refused as error:
                return "its own platform" in str(error)
        eventually(lambda: refused() is True, "it is refused")


if __name__ == "__main__":
    unittest.main()

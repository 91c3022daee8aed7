#!/usr/bin/env python3
"""What crosses between platforms and what does not: messages, calls, topologies, strangers; and what federation.json may say."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import zmq

from federation import BIN, PATIENCE_S, Federation, Peer, eventually, text_of


class Crossing(Federation):
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
        self.assertEqual([t for t, _ in pb.listen(1)], ["T/y"])
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
        document = json.loads(a.shown("platforms", "--json"))
        self.assertEqual((document["version"], document["platform"], document["links"][0]["state"]), (1, "a", "up"))
        self.assertRegex(a.shown("platforms"), r"(?m)^b\s+up")


class Manual(unittest.TestCase):
    """The commands of federation-agent(8), as they stand there, and a link made by them."""

    def setUp(self):
        self.home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="fed.", dir="/tmp")))
        self.processes = []
        self.addCleanup(self.end)

    def end(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            self.assertEqual(process.wait(PATIENCE_S), 0)

    def shell(self, line):
        run = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL,
                             env={**os.environ, "HOME": str(self.home), "PATH": f"{BIN}:{os.environ['PATH']}", "BUSBAR_VIP": "", "BUSBAR_HOME": ""})
        self.assertEqual(run.returncode, 0, line + run.stderr)
        return run.stdout

    def start(self, *words):
        with (self.home / "log").open("ab") as log:
            self.processes.append(subprocess.Popen([BIN / words[0], *words[1:]], stdout=log, stderr=log))

    def test_the_commands_make_a_link(self):
        manual = (pathlib.Path(__file__).resolve().parents[2] / "docs/man/federation-agent.8.scd").read_text(encoding="utf-8")
        lines = [line for block in re.findall(r"^```\n(.*?)^```", manual, re.M | re.S) for line in block.splitlines()]
        self.assertEqual(len(lines), 3)
        shown = ""
        for line in lines:
            key = re.search(r"access approve (\S+)", shown)
            shown = self.shell(line.replace("GUESTKEY", key[1] if key else "GUESTKEY") + (" --timeout 0" if "approve" in line else ""))
        homes = {name: self.home / name for name in ("plant", "campus")}
        server = json.loads(self.shell("busbar init --home ~/plant --federation plant --json"))["federation"]["serverkey"]
        for name, home in homes.items():
            self.start("busbard", "--home", home, *(word for door in ("vip", "sub", "pub") for word in (f"--{door}", "tcp://127.0.0.1:*")),
                       "--durable", "Data/")
            eventually(lambda: (home / "run/pub.address").exists(), name)
        port = (homes["plant"] / "run/vip.address").read_text().split("?")[0]
        for name, link in (("campus", {"platform": "plant", "address": f"{port}?serverkey={server}", "durable": ["Data/"]}),
                           ("plant", {"platform": "campus", "import": ["Data/"]})):
            file = homes[name] / "federation.json"
            document = json.loads(file.read_text())
            self.assertEqual(document, {"platform": name, "links": []})
            document["links"].append(link)
            file.write_text(json.dumps({**document, "hello_ms": 200}))
            self.start("federation-agent", "--home", homes[name])
        self.shell("busbar pub Data/x 52.4 --home ~/campus")
        heard = self.shell("busbar sub --durable books --from start --count 1 --jsonl Data/ --home ~/plant")
        self.assertRegex(json.loads(heard)["sender"], r"^cli\.\d+@campus$")
        self.assertEqual(json.loads(heard)["message"], 52.4)
        self.assertIn("durable to plant: 1 sent", self.shell("busbar platforms --home ~/campus"))


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
                           ('{"platform":"a","links":[{"platform":"b","durable":"D/"}]}', "durable"),
                           ('{"platform":"a","links":[{"platform":"%s","durable":["D/"]}]}' % ("b" * 54), "53"),
                           ('{"platform":"a","links":[{"platform":"b","durable":%s}]}' % json.dumps(["D/"] * 33), "32"),
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

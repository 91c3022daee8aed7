#!/usr/bin/env python3
"""Agents that move between two platforms, busbard, federation-agent and busbar-agentd each: by the command line, there and back, or
refused."""
import json
import os
import unittest
import unittest.mock

import agents
import vip
from agents import eventually
from movers import counter, example_in_c, pair, start_counter
from test_overload import shim


class Moves(unittest.TestCase):
    def setUp(self):
        self.a, self.b = pair(self)

    def test_there_and_back_with_its_state(self):
        a, b = self.a, self.b
        start_counter(a, priority=7)
        (a.home / "agents/counter/state/sub").mkdir()
        (a.home / "agents/counter/state/sub/large").write_bytes(bytes(range(256)) * 4096)
        before = a.agent("counter")
        run = a.busbar("agent", "move", "counter", "b")
        self.assertEqual((run.returncode, run.stdout), (0, "counter: moved to b\n"), run.stderr)
        self.assertIn("counter to b: stopped; is sent", run.stderr)
        eventually(lambda: b.saved("runs") == "2", "it runs there")
        self.assertEqual((b.home / "agents/counter/state/sub/large").read_bytes(), bytes(range(256)) * 4096)
        after = b.agent("counter")
        for member in ("release", "digest", "identity", "enabled", "priority"):
            self.assertEqual(after[member], before[member])
        # Nothing is left here: no agent, no folder, no key that may anything, no parcel.
        self.assertFalse(a.installed())
        self.assertFalse((a.home / "agents/counter/state").exists())
        self.assertEqual(list((a.home / "agents/moves").iterdir()), [])
        self.assertEqual(list((b.home / "agents/moves").iterdir()), [])
        self.assertNotIn("counter", (a.home / "access.json").read_text())
        entry = [e for e in json.loads((b.home / "access.json").read_text())["entries"] if "counter" in e["identities"]]
        self.assertEqual([e["publish"] for e in entry], [["counter/"]])
        # And back, told as JSON; a restart of agentd in between changes nothing.
        b.kill(b.agentd)
        b.start_agentd("--config", b.home / "agentd.json")
        eventually(b.answers, "agentd of b")
        eventually(lambda: b.saved("runs") == "3", "it runs there again")
        run = b.busbar("agent", "move", "counter", "a", "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        move = json.loads(run.stdout)["move"]
        self.assertEqual((move["name"], move["from"], move["to"], move["phase"]), ("counter", "b", "a", "moved"))
        eventually(lambda: a.saved("runs") == "4", "it runs here again")
        self.assertFalse(b.installed())
        self.assertIsNone(a.saved("twice"))
        shown = a.busbar("agent", "move", "--list")
        self.assertRegex(shown.stdout, r"(?m)^counter\s+b\s+a\s+(owned|settled)")
        listed = json.loads(a.busbar("agent", "move", "--list", "--json").stdout)["moves"]
        self.assertEqual([(m["to"], m["over"]) for m in listed][1:], [("b", True)])
        self.assertTrue(a.busbar("agent", "move", "--list", "--csv").stdout.startswith("agent,from,to,phase"))

    def test_an_agent_in_c_counts_on(self):
        """The example in C: its directory entry, its configuration and its count go along."""
        a, b = self.a, self.b
        manifest, program = example_in_c()
        a.install(agents.bundle({"counter": program}, **manifest), config={"every_ms": 20}, enable=True,
                  grant={"publish": manifest["publish"], "subscribe": [], "capabilities": []})
        eventually(lambda: a.call("directory.lookup", name="counter")["services"], "it offers")
        counted = eventually(lambda: a.boss.call("counter", "count")["count"], "it counts")
        self.assertEqual(a.busbar("agent", "move", "counter", "b").returncode, 0)
        eventually(lambda: b.call("directory.lookup", name="counter")["services"], "it offers there")
        self.assertEqual(a.call("directory.lookup", name="counter")["services"], [])
        self.assertGreaterEqual(b.boss.call("counter", "count")["count"], counted)
        self.assertRegex(" ".join(b.logs("counter")), r"counting from [1-9]")

    def test_a_stopped_agent_stays_stopped(self):
        a, b = self.a, self.b
        start_counter(a)
        a.call("agent.stop", name="counter")
        a.call("agent.disable", name="counter")
        self.assertEqual(a.busbar("agent", "move", "counter", "b").returncode, 0)
        self.assertEqual((b.state("counter"), b.agent("counter")["enabled"], b.saved("runs")), ("stopped", False, "1"))

    def refused(self, said, *words, code=6, name="counter"):
        """The move is refused with that sentence, and the agent has not even been stopped."""
        pids = self.a.runs()
        run = self.a.busbar("agent", "move", name, *(words or ("b",)))
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertIn(said, run.stderr)
        self.assertEqual(self.a.runs(), pids)
        self.assertFalse(self.b.installed("counter") and said != "installed on b already")

    def test_a_full_disk_there(self):
        """It goes on here; with room again it moves."""
        a, b = self.a, self.b
        start_counter(a)
        full = b.home / "full"
        b.kill(b.agentd)
        with unittest.mock.patch.dict(os.environ, {"LD_PRELOAD": shim(), "BUSBAR_DISK_FULL": str(full)}):
            b.start_agentd("--config", b.home / "agentd.json")
        eventually(b.answers, "agentd of b")
        full.touch()
        run = a.busbar("agent", "move", "counter", "b")
        self.assertEqual(run.returncode, 6, run.stderr)
        self.assertRegex(run.stderr, "stays on a: .*(full|space|write)")
        eventually(a.runs, "it goes on here")
        full.unlink()
        eventually(lambda: a.busbar("agent", "move", "counter", "b").returncode == 0, "it moves")
        eventually(b.runs, "it runs there")

    def test_refusals_leave_it_running(self):
        a, b = self.a, self.b
        start_counter(a)
        self.refused("is on a already", "a")
        self.refused("agentd@zz", "zz")
        self.refused("no agent nobody", code=3, name="nobody")
        self.refused("--list goes without", "--list", code=2)
        self.refused("expected NAME PLATFORM", "b", "--resolve", "here", code=2)
        self.refused("no move of counter is to be decided", "--resolve", "here", code=3)
        # Who is not trusted there, who is unsigned there.
        trust = (b.home / "signers.json").read_text()
        (b.home / "signers.json").write_text(json.dumps({"version": 1, "signers": [], "unsigned": False}))
        self.refused("stays on a")
        (b.home / "signers.json").write_text(trust)
        # Names and identities that are taken there.
        other = b.install(counter(), config={"lock": "x"})
        self.refused("installed on b already")
        b.call("agent.remove", name="counter")
        b.install(counter(), name="other", config={"lock": "x"})
        self.assertEqual(other["identity"], "counter")
        self.refused("has the identity counter on b already")
        b.call("agent.remove", name="other")
        # State that cannot be moved.
        (a.home / "agents/counter/state/link").symlink_to("/etc/passwd")
        self.refused("state/link: neither")
        (a.home / "agents/counter/state/link").unlink()
        # A platform that it is not wanted on, and a link that does not let it through.
        b.allow("agentd/directory.lookup")
        eventually(b.linked, "linked")
        self.refused("agentd@b")
        b.allow()
        eventually(b.linked, "linked")
        b.moves_from = []
        b.configure()
        b.kill(b.agentd)
        b.start_agentd("--config", b.home / "agentd.json")
        eventually(b.answers, "agentd of b")
        eventually(a.linked, "linked")
        self.refused("moves_from")
        # Whoever has no right to.
        guest = a.peer("guest", "guest")
        for method, params in (("move.start", {"name": "counter", "platform": "b"}), ("move.resolve", {"name": "counter", "here": True})):
            with self.assertRaisesRegex(vip.Refused, "capability agents"):
                a.call(method, peer=guest, **params)
        with self.assertRaisesRegex(vip.Refused, "only another platform"):
            a.call("move.commit", id="0" * 32, ticket="0" * 32)
        self.assertTrue(all(m["over"] for m in a.moves()))


if __name__ == "__main__":
    unittest.main()
